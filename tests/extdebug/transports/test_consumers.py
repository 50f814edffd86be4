"""However a connection ends, its feed is finished once and the watcher is told, if they can be."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from extdebug.sessions import close_reasons
from extdebug.sessions.close_reasons import OpeningRefused
from extdebug.sessions.session_frames import ControlFrame
from extdebug.transports import consumers
from extdebug.transports.consumers import SessionConsumer, stop

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


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> FakeFeed:
    one = FakeFeed()

    async def open_here(*_: Any) -> tuple[FakeFeed, ControlFrame]:
        return one, ControlFrame("ready", b'{"type":"ready"}')

    async def viewer(*_: Any) -> Any:
        return SimpleNamespace()

    monkeypatch.setattr(consumers, "open_here", open_here)
    monkeypatch.setattr(consumers.Connection, "_viewer", viewer)
    monkeypatch.setattr(consumers, "LAST_WORDS", 0.1)
    return one


def serve(wire: Wire) -> asyncio.Task[None]:
    consumer = SessionConsumer()
    return asyncio.create_task(consumer({}, wire.incoming.get, wire.send))


async def begun(wire: Wire) -> asyncio.Task[None]:
    task = serve(wire)
    wire.say(SUBSCRIBE)
    async with asyncio.timeout(5):
        while not wire.sent or not (wire.frames or wire.stuck or wire.broken):  # noqa: ASYNC110
            await asyncio.sleep(0)
    return task


@pytest.mark.parametrize(
    ("code", "gone"), [(1000, False), (1001, False), (1006, True), (None, True), (1011, True)]
)
async def test_a_goodbye_closes_the_session_and_a_lost_line_keeps_it(
    feed: FakeFeed, code: int | None, gone: bool
) -> None:
    wire = Wire()
    task = await begun(wire)
    wire.leave(code)
    await asyncio.wait_for(task, 5)
    assert [how["gone"] for how in feed.finishes] == [gone]
    assert wire.closed is None


async def test_a_cut_is_said_and_then_closed(feed: FakeFeed) -> None:
    wire = Wire()
    task = await begun(wire)
    feed.end(close_reasons.SIGNED_OUT)
    await asyncio.wait_for(task, 5)
    assert wire.frames[-1]["type"] == "closing"
    assert (wire.frames[-1]["code"], wire.closed) == (4401, 4401)
    assert len(feed.finishes) == 1


async def test_a_cut_does_not_wait_for_a_send_that_is_stuck(feed: FakeFeed) -> None:
    wire = Wire()
    wire.stuck = True
    task = await begun(wire)
    feed.end(close_reasons.SIGNED_OUT)
    await asyncio.wait_for(task, 5)
    assert len(feed.finishes) == 1


async def test_a_sender_that_fails_ends_the_connection_aloud(
    feed: FakeFeed, caplog: pytest.LogCaptureFixture
) -> None:
    wire = Wire()
    task = await begun(wire)
    feed.notes.put_nowait(RuntimeError("a bug"))
    await asyncio.wait_for(task, 5)
    assert (wire.frames[-1]["type"], wire.closed) == ("closing", 4503)
    assert len(feed.finishes) == 1
    assert "a session failed" in caplog.text


async def test_a_socket_that_is_gone_still_finishes_the_session(feed: FakeFeed) -> None:
    wire = Wire()
    wire.broken = True
    task = await begun(wire)
    await asyncio.wait_for(task, 5)
    assert len(feed.finishes) == 1


@pytest.mark.parametrize("stuck", [False, True])
async def test_a_server_that_gives_up_on_us_leaves_no_session_behind(
    feed: FakeFeed, stuck: bool
) -> None:
    wire = Wire()
    wire.stuck = stuck
    task = await begun(wire)
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [how["gone"] for how in feed.finishes] == [True]


async def test_a_refusal_is_said_and_closed(
    feed: FakeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any) -> Any:
        raise OpeningRefused(close_reasons.NOT_FOUND)

    monkeypatch.setattr(consumers, "open_here", refuse)
    wire = Wire()
    wire.say(SUBSCRIBE)
    await asyncio.wait_for(serve(wire), 5)
    assert (wire.frames[-1]["code"], wire.closed) == (4404, 4404)
    assert feed.finishes == []


async def test_silence_is_answered_in_its_time(
    feed: FakeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "FIRST_FRAME", 0.02)
    wire = Wire()
    await asyncio.wait_for(serve(wire), 5)
    assert wire.closed == 4400


@pytest.mark.parametrize("first", ["{", '{"type":"ping"}', '{"type":"subscribe"}', "[]", "\ud800"])
async def test_a_first_frame_that_is_not_a_subscribe_ends_it(feed: FakeFeed, first: str) -> None:
    wire = Wire()
    wire.say(first)
    await asyncio.wait_for(serve(wire), 5)
    assert wire.closed == 4400


async def test_stop_ends_even_a_task_that_swallows_its_first_cancellation() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(60)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await asyncio.wait_for(stop([task]), 5)
    assert task.done()
