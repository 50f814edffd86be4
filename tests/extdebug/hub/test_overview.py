"""Counts are those of the stream, for whoever may see them, and cost a bounded amount of work."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extdebug.filters.filter import (
    EVERYTHING,
    Filter,
    FilterError,
    Problem,
    _held,
    compile_filter,
)
from extdebug.hub.overview import (
    CELL_MS,
    LEVELS,
    LOST,
    MOST_ENTRIES,
    PAGE,
    Counts,
    Overviews,
    TooBusy,
)
from extdebug.hub.selection import Selection
from extdebug.wire.events import Level
from extdebug.wire.keys import Keys, Target
from policies.redaction.redactor import Redactor
from tests.extdebug.entries import raw
from tests.extdebug.model.server import Server, Wire

TARGET = Target("acme", "invoice-sync")
ALL = Selection(None, EVERYTHING)


class Stream:
    """A stream of the model's Redis, and the counts of one process over it."""

    keys = Keys("ext-debug:")

    def __init__(self, **bounds: int) -> None:
        self.server = Server()
        self.server.now = 1_700_000_000_000
        self.redactor = Redactor(key=None)
        self.wire = Wire(self.server)
        self.reads: list[tuple[Any, ...]] = []
        self.slept: list[float] = []
        self.one = Overviews(clock=self._clock, sleep=self._sleep, **bounds)
        self._ticks = 0.0

    def _clock(self) -> float:
        self._ticks += 0.001
        return self._ticks

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)

    @contextlib.asynccontextmanager
    async def reader(self, target: Target) -> AsyncIterator[Any]:
        yield self

    async def together(self, *commands: Any) -> list[Any]:
        return await self.wire.together(*commands)

    async def call(self, *command: Any) -> Any:
        self.reads.append(command)
        return await self.wire.call(*command)

    def write(self, count: int = 1, *, ms: int = 1, **fields: str) -> None:
        for _ in range(count):
            self.server.now += ms
            entry = raw(**{"message": "a line", **fields})
            named = {k.decode(): v.decode() for k, v in zip(entry[::2], entry[1::2], strict=True)}
            self.server.add(named, kind="event", even=False, dropped=0)

    async def count(self, selection: Selection = ALL, *, since_ms: int = 0) -> Counts:
        self.reads.clear()
        return await self.one.count(cast("Any", self), TARGET, selection, since_ms=since_ms)

    async def counted(self, selection: Selection = ALL) -> dict[int, list[int]]:
        """Asked until all of it is counted."""
        while not (found := await self.count(selection)).done:
            pass
        return {number: list(cell) for number, cell in found.cells.items()}

    def truth(self) -> dict[int, int]:
        """How many entries the stream holds, by cell."""
        cells: dict[int, int] = {}
        for entry in self.server.life.held if self.server.life else ():
            number = entry.id.ms // CELL_MS
            cells[number] = cells.get(number, 0) + 1
        return cells


def lines(cells: dict[int, list[int]]) -> dict[int, int]:
    return {number: sum(cell[:LOST]) for number, cell in cells.items() if any(cell[:LOST])}


@pytest.fixture
def stream() -> Stream:
    return Stream()


async def test_lines_are_counted_by_level_where_they_lie(stream: Stream) -> None:
    for level in ("trace", "info", "info", "error"):
        stream.write(level=level)
    first = stream.server.now // CELL_MS
    stream.write(ms=60_000, level="warn")
    assert await stream.counted() == {
        first: [1, 0, 2, 0, 1, 0], stream.server.now // CELL_MS: [0, 0, 0, 1, 0, 0],
    }  # fmt: skip
    assert tuple(Level) == LEVELS


async def test_an_empty_stream_is_counted_at_once(stream: Stream) -> None:
    found = await stream.count()
    assert (found.cells, found.oldest, found.done) == ({}, None, True)
    stream.write(3)
    stream.server.trim(3)
    found = await stream.count()
    assert (found.cells, found.oldest, found.trimmed, found.done) == ({}, None, 3, True)


async def test_what_is_stated_lost_is_counted_apart(stream: Stream) -> None:
    stream.write()
    stream.write(src="a", lost="7", why="queue full")
    stream.write(tenant="globex")  # contradicts its key: unreadable
    [cell] = (await stream.counted()).values()
    assert cell == [0, 0, 1, 0, 0, 8]


async def test_installs_outside_the_scope_are_never_counted(stream: Stream) -> None:
    stream.write(3, install="mine")
    stream.write(5, install="theirs")
    stream.write(2)
    mine = Selection(frozenset({"mine"}), EVERYTHING)
    assert sum(lines(await stream.counted(mine)).values()) == 3
    assert sum(lines(await stream.counted()).values()) == 10
    assert sum(lines(await stream.counted(mine)).values()) == 3, "each selection has its own count"


async def test_a_filter_sees_what_is_shown_and_not_what_was_masked(stream: Stream) -> None:
    stream.write(message="token ghp_0123456789abcdefghijklmnopqrstuvwxyz")
    stream.write(message="plain")
    secret = Selection(None, Filter.parse({"q": "ghp_0123456789abcdefghijklmnopqrstuvwxyz"}))
    assert lines(await stream.counted(secret)) == {}
    plain = Selection(None, Filter.parse({"q": "plain"}))
    assert sum(lines(await stream.counted(plain)).values()) == 1


async def test_one_answer_reads_so_many_entries_and_the_next_goes_on(stream: Stream) -> None:
    stream.write(MOST_ENTRIES + 3 * PAGE)
    found = await stream.count()
    assert not found.done
    assert len(stream.reads) == MOST_ENTRIES // PAGE
    assert sum(lines(found.cells).values()) == MOST_ENTRIES
    assert found.oldest is not None
    assert found.first > found.oldest
    found = await stream.count()
    assert found.done
    assert len(stream.reads) <= 4
    assert lines(found.cells) == stream.truth()
    assert all(command[-1] == PAGE for command in stream.reads)


async def test_each_page_is_followed_by_a_rest(stream: Stream) -> None:
    stream.write(3 * PAGE)
    await stream.count()
    assert len(stream.slept) == len(stream.reads)
    assert min(stream.slept) > 0.001


async def test_what_was_counted_is_not_read_again(stream: Stream) -> None:
    stream.write(PAGE * 3)
    await stream.counted()
    assert (await stream.count()).done
    assert stream.reads == []
    stream.write(2, level="error")
    assert lines((await stream.count()).cells) == stream.truth()
    assert len(stream.reads) == 1


async def test_counting_stops_at_the_moment_that_was_asked_for(stream: Stream) -> None:
    stream.write(PAGE * 5, ms=100)
    since = stream.server.now - 1000
    found = await stream.count(since_ms=since)
    assert found.done
    assert len(stream.reads) == 1
    assert sum(lines(found.cells).values()) == 11
    assert lines(await stream.counted()) == stream.truth()


@pytest.mark.parametrize("how", ["replaced", "deleted", "restarted"])
async def test_another_stream_under_the_key_is_counted_anew(stream: Stream, how: str) -> None:
    stream.write(20)
    await stream.counted()
    if how == "replaced":
        stream.server.replace()
        stream.write(3)
    elif how == "deleted":
        stream.server.delete(7)
    else:
        stream.server.restart(5, nameless=False)
    assert lines(await stream.counted()) == stream.truth()


async def test_other_redaction_rules_count_anew(stream: Stream) -> None:
    stream.write(5)
    await stream.counted()
    stream.redactor = Redactor(key=None)
    await stream.count()
    assert len(stream.reads) == 1


async def test_a_filter_that_fails_counts_nothing_as_true(stream: Stream) -> None:
    stream.write(5)
    costly = Selection(None, Filter.parse({"q": "/a.*b|line/"}))
    selector = compile_filter(costly.filter)
    selector._failed = FilterError(Problem.TOO_COSTLY, "too costly")
    selector._failed_at = time.monotonic()
    with pytest.raises(FilterError):
        await stream.count(costly)
    selector._failed = None
    assert sum(lines(await stream.counted(costly)).values()) == 5, "read again, not taken for zero"


async def test_those_who_ask_take_turns_and_too_many_are_refused() -> None:
    stream = Stream(most_waiting=3)
    stream.write(PAGE * 4)
    asked = [
        asyncio.create_task(stream.one.count(cast("Any", stream), TARGET, ALL)) for _ in range(3)
    ]
    await asyncio.sleep(0)
    with pytest.raises(TooBusy):
        await stream.count()
    found = await asyncio.gather(*asked)
    assert all(one.done for one in found)
    assert (await stream.count()).done, "there is room again"


async def test_memory_is_bounded() -> None:
    stream = Stream(most_cells=10)
    stream.write(8, ms=CELL_MS)
    first = Selection(None, Filter.parse({"q": "line"}))
    await stream.counted(first)
    await stream.counted()
    await stream.count(first)
    assert len(stream.reads) == 1, "the one that was asked for longest ago was forgotten"


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("write"), st.integers(1, 30)),
            st.tuples(st.just("silence"), st.sampled_from([3, 2000, 9000])),
            st.tuples(st.just("trim"), st.integers(1, 40)),
            st.tuples(st.just("count"), st.just(0)),
            st.tuples(st.just("since"), st.sampled_from([1, 4000, 20_000])),
        ),
        max_size=25,
    )
)
def test_whatever_happens_the_counts_are_what_the_stream_holds(
    steps: list[tuple[str, int]],
) -> None:
    async def play() -> None:
        stream = Stream()
        for what, number in steps:
            match what:
                case "write":
                    stream.write(number, ms=700)
                case "silence":
                    stream.server.now += number
                case "trim":
                    stream.server.trim(number)
                case "count":
                    assert lines(await stream.counted()) == stream.truth()
                case _:
                    await stream.count(since_ms=stream.server.now - number)
        assert lines(await stream.counted()) == stream.truth()

    asyncio.run(play())


async def test_counts_that_nobody_asks_for_any_more_hold_no_selector() -> None:
    stream = Stream()
    stream.write(3)
    gc.collect()
    before = len(_held)
    for number in range(600):
        await stream.counted(Selection(None, Filter.parse({"q": f"/nothing{number}.*x/"})))
    gc.collect()
    assert len(_held) - before <= 256
