"""History, then live: joined without hole or double, begun anew without losing what was queued."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from extdebug.filters.filter import EVERYTHING
from extdebug.hub.pieces import Piece
from extdebug.hub.selection import FRAME_EVENTS, Selection
from extdebug.sessions.catch_up import CatchUp
from extdebug.wire.positions import ZERO_ID, Cursor, Start
from tests.extdebug.stage import TARGET, PaperHistory, PaperHub

ALL = Selection(None, EVERYTHING)


class Paper:
    """A catch-up on a hub of paper."""

    def __init__(self, *, attached: bool = True) -> None:
        self.hub = PaperHub(attached=attached)
        self.woken = 0
        hub: Any = self.hub
        history: Any = PaperHistory
        self.one = CatchUp(
            hub, TARGET, wake=self._wake, ring_bytes=1 << 20, keeps_up=lambda: True,
            step_aside=lambda: None,
            history=history,
        )  # fmt: skip

    def _wake(self) -> None:
        self.woken += 1

    async def read(self) -> Cursor | None:
        return await self.one.read()

    def taken(self) -> list[str]:
        out: list[str] = []
        while (piece := self.one.take(Cursor(ZERO_ID))) is not None:
            if piece.chunk is not None:
                out += [d.event.message for d in piece.chunk.events if d.event is not None]
        return out


async def test_what_is_written_while_history_is_read_follows_it_once() -> None:
    paper = Paper()
    paper.hub.write("old 1", "old 2")
    paper.one.begin(ALL, Start(tail=100))
    paper.hub.write("new")
    assert paper.one.reading
    assert paper.taken() == [], "live lines wait until history is read"
    found = await paper.read()
    assert found == Cursor(ZERO_ID, 0), "the place of the start"
    assert not paper.one.reading
    assert paper.taken() == ["old 1", "old 2", "new"]
    assert not paper.one.waiting


async def test_begun_anew_it_reads_again_what_was_queued_behind_the_place() -> None:
    paper = Paper()
    paper.one.begin(ALL, Start(tail=0))
    await paper.read()
    paper.hub.write("queued")
    assert paper.one.waiting
    paper.one.begin(ALL, Start(cursor=Cursor(ZERO_ID, 0)))
    await paper.read()
    assert paper.taken() == ["queued"]
    assert len(paper.hub.subscriptions) == 1


async def test_it_holds_nothing_after_it_left() -> None:
    paper = Paper()
    paper.one.begin(ALL, Start(tail=0))
    paper.hub.write("queued")
    paper.one.leave()
    assert paper.hub.subscriptions == []
    assert not paper.one.waiting
    assert paper.one.take(Cursor(ZERO_ID)) is None
    assert await paper.read() is None
    assert (paper.one.problem, paper.one.on_runners) == ("", "")


async def test_a_piece_that_was_put_back_comes_first() -> None:
    paper = Paper()
    paper.one.begin(ALL, Start(tail=0))
    await paper.read()
    back = Piece(Cursor(ZERO_ID))
    paper.one.put_back(back)
    assert not paper.one.readable, "what was read is sent before more is"
    assert paper.one.take(Cursor(ZERO_ID)) is back


async def test_a_live_line_that_was_put_back_goes_with_those_that_came_since() -> None:
    paper = Paper()
    paper.one.begin(ALL, Start(tail=0))
    await paper.read()
    assert paper.taken() == []
    paper.hub.write("one")
    first = paper.one.take(Cursor(ZERO_ID))
    assert first is not None
    paper.one.put_back(first)
    paper.hub.write("two")
    assert paper.one.live_ring is None, "it comes first"
    ring = paper.one.rejoined()
    assert ring is paper.one.live_ring is not None
    assert ring.whole_frame(1) is first
    assert paper.taken() == ["one", "two"]


@pytest.mark.parametrize(
    "kind", ["of the past", "admitted", "no line", "of two", "runners", "read", "dropped"]
)
async def test_whatever_else_waits_stays_before_the_live_stream(kind: str) -> None:
    paper = Paper()
    paper.one.begin(ALL, Start(tail=0))
    if kind != "read":
        await paper.read()
    assert paper.taken() == []
    paper.hub.write("one")
    (live,) = paper.hub.subscriptions
    piece = live.ring.take()
    assert piece is not None
    piece.history, piece.admitted = kind == "of the past", kind == "admitted"
    if kind == "no line":
        piece = Piece(piece.through, 1)
    if kind == "of two":
        paper.one.put_back(piece)
    if kind == "runners":
        paper.hub.ask_runners()
    if kind == "dropped":
        live.ring._limit = 1
        paper.hub.write("two", "three")
        paper.hub.write("four")
    paper.one.put_back(piece)
    held = live.ring.bytes
    assert paper.one.rejoined() is None
    assert (live.ring.bytes, live.ring.told_once) == (held, False)
    assert paper.one.take(Cursor(ZERO_ID)) is piece


async def test_a_redis_that_does_not_answer_is_told_until_it_does() -> None:
    paper = Paper()
    paper.hub.write("old")
    paper.one.begin(ALL, Start(tail=10))
    paper.hub.away = RedisConnectionError("refused")
    with pytest.raises(RedisConnectionError):
        await paper.read()
    assert "ConnectionError" in paper.one.problem
    paper.hub.away = None
    assert await paper.read() == Cursor(ZERO_ID, 0), "the place that was found before"
    assert await paper.read() is None
    assert paper.one.problem == ""
    assert paper.taken() == ["old"]


async def test_a_page_read_for_an_earlier_beginning_is_not_shown() -> None:
    paper = Paper()
    paper.hub.write("old")
    paper.one.begin(ALL, Start(tail=10))
    reading = asyncio.create_task(paper.read())
    await asyncio.sleep(0)
    paper.one.begin(ALL, Start(tail=0))
    assert await reading is None
    await paper.read()
    assert paper.taken() == []


async def test_now_is_a_place_in_an_attached_stream_and_else_a_moment() -> None:
    paper = Paper()
    paper.hub.write("old")
    assert paper.one.begin(ALL, Start(tail=0)) == Start(cursor=paper.hub.watched.cursor)
    late = Paper(attached=False)
    before = int(time.time() * 1000)
    again = late.one.begin(ALL, Start(tail=0))
    assert again.since_ms is not None
    assert before <= again.since_ms <= int(time.time() * 1000)
    assert not late.one.attached
    assert late.one.begin(ALL, again) == again


async def test_whoever_waits_is_woken_by_what_comes() -> None:
    paper = Paper()
    paper.one.begin(ALL, Start(tail=0))
    await paper.read()
    before = paper.woken
    paper.hub.write("new")
    assert paper.woken > before


async def test_a_whole_frame_is_of_the_live_stream_with_nothing_before_it() -> None:
    paper = Paper()
    paper.hub.write("old")
    paper.one.begin(ALL, Start(tail=100))
    paper.hub.write("new")
    assert paper.one.whole_frame() is None, "history is not read"
    await paper.read()
    assert paper.one.whole_frame() is None, "what history found waits"
    assert paper.taken() == ["old", "new"]
    paper.hub.write("next")
    found = paper.one.whole_frame()
    assert found is not None
    assert paper.one.take(Cursor(ZERO_ID)) is found
    paper.one.put_back(found)
    paper.hub.write("last")
    assert paper.one.whole_frame() is None, "one was put back, and there is room behind it"
    assert paper.taken() == ["next", "last"]
    paper.hub.write(*(str(n) for n in range(FRAME_EVENTS)), "behind")
    full = paper.one.take(Cursor(ZERO_ID))
    assert full is not None
    paper.one.put_back(full)
    assert paper.one.whole_frame() is full
    full.admitted = True
    assert paper.one.whole_frame() is None, "the rate was asked already"
    assert len(paper.taken()) == FRAME_EVENTS + 1
    paper.one.leave()
    assert paper.one.whole_frame() is None


async def test_a_seam_that_was_put_back_is_there_when_it_is_begun_anew() -> None:
    paper = Paper()
    paper.one.begin(ALL, Start(tail=0))
    await paper.read()
    assert paper.taken() == []
    paper.hub.ask_runners()
    paper.hub.redis_is_back()
    seam = paper.one.take(Cursor(ZERO_ID))
    assert seam is not None
    assert seam.gap is not None
    paper.one.put_back(seam)
    paper.one.begin(ALL, Start(cursor=Cursor(ZERO_ID, 0)))
    await paper.read()
    again = [paper.one.take(Cursor(ZERO_ID)) for _ in range(3)]
    assert [piece.gap for piece in again if piece is not None and piece.gap] == [seam.gap]


async def test_what_was_shown_is_forgotten_once_the_session_stands_behind_it() -> None:
    paper = Paper()
    paper.one.begin(ALL, Start(tail=0))
    await paper.read()
    paper.hub.ask_runners()
    paper.hub.runner_says("one", n=1)
    paper.hub.redis_is_back(("one", 1))
    [sub] = paper.hub.subscriptions
    assert sub.runner_buffer
    paper.one.take(Cursor(ZERO_ID))
    assert sub.runner_buffer
    paper.one.take(paper.hub.watched.cursor)
    assert not sub.runner_buffer
