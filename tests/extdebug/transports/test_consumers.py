"""However a connection ends, its feed is finished once and the watcher is told, if they can be."""

from __future__ import annotations

import asyncio
import json
import time
import weakref
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from extdebug.filters.filter import Filter
from extdebug.sessions import close_reasons
from extdebug.sessions.close_reasons import OpeningRefused
from extdebug.sessions.opening import OpeningRequest
from extdebug.sessions.session_frames import ControlFrame
from extdebug.transports import frame_extension
from extdebug.transports.consumers import SessionConsumer, SocketTimings, lobby
from extdebug.wire.light_waits import LightEvent
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
        self.told: Any = None
        self.flow = SimpleNamespace(seq=9)

    def say(self, note: ControlFrame) -> None:
        self.notes.put_nowait(note)

    def end(self, end: Any) -> None:
        self.ending = end
        self.ended.set()
        if self.told is not None:
            self.told(end)

    def end_by(self, say: Any) -> None:
        self.told = say

    def ack(self, seq: int) -> None:
        self.acked = seq

    def speak_by(self, write: Any, *, room: Any) -> None:
        self.write, self.room = write, room

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

    def serve(self, wire: Wire, **scope: Any) -> asyncio.Task[None]:
        consumer = SessionConsumer.as_asgi(
            find_viewer=self.find_viewer, open_session=self.open_session, timings=self._timings
        )
        return asyncio.create_task(consumer(scope, wire.incoming.get, wire.send))


async def test_a_client_that_leaves_while_it_is_served_gets_no_session() -> None:
    """It may be back on another process, whose session this one would take."""

    class Busy(Server):
        async def find_viewer(self, scope: Any, message: Any) -> Any:
            await asyncio.sleep(0.05)
            return SimpleNamespace()

    server, wire = Busy(), Wire()
    task = server.serve(wire)
    wire.say(SUBSCRIBE)
    wire.leave(1006)
    await task
    assert server.asked == []
    assert wire.frames == []


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


async def test_a_first_frame_that_waits_while_we_are_busy_came_in_its_time() -> None:
    server = Server(first_frame=0.8)
    wire = Wire()
    task = server.serve(wire)
    await until(lambda: len(lobby))
    asyncio.get_running_loop().call_soon(time.sleep, 1.0)
    asyncio.get_running_loop().call_later(0.001, wire.say, SUBSCRIBE)
    await until(lambda: server.asked)
    wire.leave(1000)
    await task
    assert wire.closed is None


@pytest.mark.parametrize("first", ["{", '{"type":"ping"}', '{"type":"subscribe"}', "[]", "\ud800"])
async def test_a_first_frame_that_is_not_a_subscribe_ends_it(server: Server, first: str) -> None:
    wire = Wire()
    wire.say(first)
    await asyncio.wait_for(server.serve(wire), 5)
    assert wire.closed == 4400


class Frames:
    """A server that takes frames of parts; `slow`: only by the plain way."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.slow = False
        self.heard: Any = None
        self.writable = LightEvent()

    def write_text(self, parts: Sequence[bytes]) -> bool:
        if not self.slow:
            self.written.append(b"".join(parts))
        return not self.slow

    def write_texts(self, frames: Sequence[Sequence[bytes]]) -> bool:
        if not self.slow:
            self.written += map(b"".join, frames)
        return not self.slow

    def hear(self, heard: Any) -> None:
        self.heard = heard

    def forget_request(self) -> None:
        self.forgot = True


async def direct(server: Server, wire: Wire) -> tuple[asyncio.Task[None], Frames]:
    """A session that was told `ready` by the short way."""
    frames = Frames()
    task = server.serve(wire, extensions={frame_extension.NAME: frames})
    wire.say(SUBSCRIBE)
    await until(lambda: frames.written and frames.heard)
    return task, frames


async def until(done: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not done():  # noqa: ASYNC110
            await asyncio.sleep(0)


async def test_frames_go_the_short_way_where_there_is_one_and_the_plain_way_when_it_refuses(
    server: Server,
) -> None:
    wire = Wire()
    task, frames = await direct(server, wire)
    assert (frames.written, wire.frames, frames.forgot) == ([b'{"type":"ready"}'], [], True)
    assert server.feed.room is frames.writable, "nothing is made that a slow client does not take"

    frames.slow = True
    server.feed.say(ControlFrame("pong", b'{"type":"pong"}'))
    await until(lambda: wire.frames)
    assert (len(frames.written), wire.frames) == (1, [{"type": "pong"}])
    assert not server.feed.write([ControlFrame("pong", b"late")])
    frames.slow = False
    assert server.feed.write([ControlFrame("pong", b"soon")])
    assert server.feed.write([ControlFrame("pong", b"two"), ControlFrame("pong", b"together")])
    assert frames.written[1:] == [b"soon", b"two", b"together"]
    wire.leave(1000)
    await task


class Weak(ControlFrame):
    """A frame of which it can be asked whether somebody still holds it."""

    __slots__ = ("__weakref__",)


async def test_what_was_written_is_not_held_until_there_is_more_to_say(server: Server) -> None:
    """It may be 64 KB, and two thousand sessions that say nothing for hours may hold it."""
    wire = Wire()
    task, frames = await direct(server, wire)
    held = []
    for slow in (False, True):
        frames.slow = slow
        frame = Weak("status", b'{"type":"status"}')
        held.append(weakref.ref(frame))
        server.feed.say(frame)
        del frame
        await until(lambda: len(frames.written) + len(wire.frames) > len(held))
    assert [one() for one in held] == [None, None]
    wire.leave(1000)
    await task


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        (b'{"type":"ack","seq":7}', True),
        (b'{"type":"ack","seq":10}', False),  # never sent: the reader says so
        (b'{"type":"ack", "seq":7}', False),
        (b'{"type":"ping"}', False),
    ],
)
async def test_an_ack_is_done_at_once_and_nothing_else_is(
    server: Server, text: bytes, heard: bool
) -> None:
    wire = Wire()
    task, frames = await direct(server, wire)

    assert (frames.heard(text), server.feed.acked) == (heard, 7 if heard else 0)
    wire.leave(1000)
    await task


async def test_acks_heard_at_once_are_counted_like_others(server: Server) -> None:
    wire = Wire()
    task, frames = await direct(server, wire)
    ack = b'{"type":"ack","seq":7}'
    while frames.heard(ack):
        pass

    for _ in range(6000):  # so they are the reader's, and more than become free meanwhile
        wire.say(ack.decode())
    await asyncio.wait_for(task, 10)
    assert wire.frames[-1]["reason"] == "too_fast"


async def test_no_ack_overtakes_what_the_reader_still_does(server: Server) -> None:
    wire = Wire()
    task, frames = await direct(server, wire)
    extended = asyncio.Event()
    server.feed.extend = extended.wait  # type: ignore[attr-defined]
    wire.say('{"type":"extend"}')
    await until(wire.incoming.empty)
    await asyncio.sleep(0)

    assert frames.heard(b'{"type":"ack","seq":7}') is False
    extended.set()
    wire.leave(1000)
    await task


async def test_the_reason_is_said_within_the_call_that_cuts_and_only_once(server: Server) -> None:
    wire = Wire()
    task, frames = await direct(server, wire)
    server.feed.end(close_reasons.SIGNED_OUT)
    assert frames.written[1:] == [close_reasons.SIGNED_OUT.frame()], "before any task has run"
    await asyncio.wait_for(task, 5)
    assert (frames.written[2:], wire.frames) == ([], [])
    assert wire.closed == close_reasons.SIGNED_OUT.code


async def test_no_reason_overtakes_a_message_that_still_waits_for_the_peer(server: Server) -> None:
    """It would come behind the reason, and nothing may."""
    wire = Wire()
    task, frames = await direct(server, wire)
    frames.slow = wire.stuck = True
    server.feed.say(ControlFrame("pong", b'{"type":"pong"}'))
    await until(server.feed.notes.empty)
    await asyncio.sleep(0)
    frames.slow = wire.stuck = False  # there is room, but the task has not run
    server.feed.end(close_reasons.SIGNED_OUT)
    assert len(frames.written) == 1
    await asyncio.wait_for(task, 5)
    assert wire.frames == [json.loads(close_reasons.SIGNED_OUT.frame())]
