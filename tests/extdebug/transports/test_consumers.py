"""However a connection ends, its feed is finished once and the watcher is told, if they can be."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from extdebug.filters.filter import Filter
from extdebug.sessions import close_reasons
from extdebug.sessions.close_reasons import OpeningRefused
from extdebug.sessions.opening import OpeningRequest
from extdebug.sessions.session_frames import ControlFrame
from extdebug.transports.consumers import SessionConsumer, SocketTimings
from extdebug.wire.positions import Start

SUBSCRIBE = '{"type":"subscribe","target":{"extension":"invoice-sync"}}'


class FakeFeed:
    """As much of a feed as the transport knows."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.ending: Any = None
        self.finished = False
        self.finishes: list[dict[str, Any]] = []
        self.notes: asyncio.Queue[Any] = asyncio.Queue()
        self.acked = 0

    def say(self, note: ControlFrame) -> None:
        self.notes.put_nowait(note)

    def end(self, end: Any) -> None:
        self.ending = end
        self.ended.set()

    def ack(self, seq: int) -> None:
        self.acked = seq

    async def next(self) -> Any:
        message = await self.notes.get()
        if isinstance(message, Exception):
            raise message
        return message

    async def finish(self, **how: Any) -> None:
        await asyncio.sleep(0)
        self.finished = True
        self.finishes.append(how)


class Wire:
    """The server's side of one WebSocket."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent: list[dict[str, Any]] = []
        self.stuck = False
        self.broken = False
        self.incoming.put_nowait({"type": "websocket.connect"})

    def say(self, text: str) -> None:
        self.incoming.put_nowait({"type": "websocket.receive", "text": text})

    def leave(self, code: int | None) -> None:
        self.incoming.put_nowait({"type": "websocket.disconnect", "code": code})

    async def send(self, message: dict[str, Any]) -> None:
        if self.broken and message["type"] != "websocket.accept":
            raise RuntimeError("the socket is gone")
        if self.stuck and message["type"] != "websocket.accept":
            await asyncio.Event().wait()
        self.sent.append(message)

    @property
    def frames(self) -> list[dict[str, Any]]:
        return [json.loads(m["text"]) for m in self.sent if m["type"] == "websocket.send"]

    @property
    def closed(self) -> int | None:
        return next((m["code"] for m in self.sent if m["type"] == "websocket.close"), None)


class Server:
    """Serves wires with one feed, for any viewer, or refuses them all."""

    def __init__(self, *, refuse: bool = False, first_frame: float = 5.0) -> None:
        self.feed = FakeFeed()
        self.asked: list[OpeningRequest] = []
        self._refuse = refuse
        self._timings = SocketTimings(first_frame=first_frame, last_words=0.1)

    async def find_viewer(self, scope: Any, message: Any) -> Any:
        await asyncio.sleep(0)
        return SimpleNamespace()

    async def open_session(self, viewer: Any, asked: OpeningRequest) -> Any:
        await asyncio.sleep(0)
        self.asked.append(asked)
        if self._refuse:
            raise OpeningRefused(close_reasons.NOT_FOUND)
        return self.feed, ControlFrame("ready", b'{"type":"ready"}')

    def serve(self, wire: Wire) -> asyncio.Task[None]:
        consumer = SessionConsumer.as_asgi(
            find_viewer=self.find_viewer, open_session=self.open_session, timings=self._timings
        )
        return asyncio.create_task(consumer({}, wire.incoming.get, wire.send))


@pytest.fixture
def server() -> Server:
    return Server()


async def begun(server: Server, wire: Wire) -> asyncio.Task[None]:
    task = server.serve(wire)
    wire.say(SUBSCRIBE)
    async with asyncio.timeout(5):
        while not wire.sent or not (wire.frames or wire.stuck or wire.broken):  # noqa: ASYNC110
            await asyncio.sleep(0)
    return task


@pytest.mark.parametrize(
    ("code", "gone"), [(1000, False), (1001, False), (1006, True), (None, True), (1011, True)]
)
async def test_a_goodbye_closes_the_session_and_a_lost_line_keeps_it(
    server: Server, code: int | None, gone: bool
) -> None:
    wire = Wire()
    task = await begun(server, wire)
    wire.leave(code)
    await asyncio.wait_for(task, 5)
    assert [how["gone"] for how in server.feed.finishes] == [gone]
    assert wire.closed is None


async def test_the_subscribe_frame_says_what_is_opened(server: Server) -> None:
    wire = Wire()
    task = server.serve(wire)
    wire.say(
        '{"type":"subscribe","target":{"extension":"invoice-sync","tenant":"acme"},'
        '"filter":{"rev":4,"q":" a "},"from":{"tail":7},"resume":"s1"}'
    )
    wire.leave(1000)
    await asyncio.wait_for(task, 5)
    [asked] = server.asked
    assert not isinstance(asked.wanted, Filter)  # not compiled before it is known who asks
    assert Filter.parse(asked.wanted) == Filter(q="a")
    assert asked == OpeningRequest(
        tenant="acme", extension="invoice-sync", wanted=asked.wanted, start=Start(tail=7), rev=4,
        resume="s1",
    )  # fmt: skip


async def test_a_cut_is_said_and_then_closed(server: Server) -> None:
    wire = Wire()
    task = await begun(server, wire)
    server.feed.end(close_reasons.SIGNED_OUT)
    await asyncio.wait_for(task, 5)
    assert wire.frames[-1]["type"] == "closing"
    assert (wire.frames[-1]["code"], wire.closed) == (4401, 4401)
    assert len(server.feed.finishes) == 1


async def test_a_cut_does_not_wait_for_a_send_that_is_stuck(server: Server) -> None:
    wire = Wire()
    wire.stuck = True
    task = await begun(server, wire)
    server.feed.end(close_reasons.SIGNED_OUT)
    await asyncio.wait_for(task, 5)
    assert len(server.feed.finishes) == 1


async def test_a_sender_that_fails_ends_the_connection_aloud(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    wire = Wire()
    task = await begun(server, wire)
    server.feed.notes.put_nowait(RuntimeError("a bug"))
    await asyncio.wait_for(task, 5)
    assert (wire.frames[-1]["type"], wire.closed) == ("closing", 4503)
    assert len(server.feed.finishes) == 1
    assert "a session failed" in caplog.text


async def test_a_socket_that_is_gone_still_finishes_the_session(server: Server) -> None:
    wire = Wire()
    wire.broken = True
    task = await begun(server, wire)
    await asyncio.wait_for(task, 5)
    assert len(server.feed.finishes) == 1


@pytest.mark.parametrize("stuck", [False, True])
async def test_a_server_that_gives_up_on_us_leaves_no_session_behind(
    server: Server, stuck: bool
) -> None:
    wire = Wire()
    wire.stuck = stuck
    task = await begun(server, wire)
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [how["gone"] for how in server.feed.finishes] == [True]


async def test_a_refusal_is_said_and_closed() -> None:
    server = Server(refuse=True)
    wire = Wire()
    wire.say(SUBSCRIBE)
    await asyncio.wait_for(server.serve(wire), 5)
    assert (wire.frames[-1]["code"], wire.closed) == (4404, 4404)
    assert server.feed.finishes == []


async def test_silence_is_answered_in_its_time() -> None:
    server = Server(first_frame=0.02)
    wire = Wire()
    await asyncio.wait_for(server.serve(wire), 5)
    assert wire.closed == 4400


@pytest.mark.parametrize("first", ["{", '{"type":"ping"}', '{"type":"subscribe"}', "[]", "\ud800"])
async def test_a_first_frame_that_is_not_a_subscribe_ends_it(server: Server, first: str) -> None:
    wire = Wire()
    wire.say(first)
    await asyncio.wait_for(server.serve(wire), 5)
    assert wire.closed == 4400
