"""One reading for all sessions of a process, none without them, and no word that grew old."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

import pytest

from extdebug.protocol.client_frames import ViewSpec
from extdebug.sessions.feed import Feed
from extdebug.sessions.presence_rounds import PresenceRounds
from extdebug.sessions.watcher_rows import Watcher
from extdebug.wire.keys import Target
from tests.extdebug.sessions.test_presence import told, watcher
from tests.extdebug.stage import TARGET, Stage, said


class PaperRows:
    """The rows as a list; `failing` is what a call fails with."""

    def __init__(self) -> None:
        self.watchers: tuple[Watcher, ...] = ()
        self.asked: list[Collection[Target]] = []
        self.written: list[dict[str, Any]] = []
        self.failing: Exception | None = None

    def read(self, targets: Collection[Target]) -> dict[Target, tuple[Watcher, ...]]:
        self.asked.append(targets)
        if self.failing:
            raise self.failing
        return {TARGET: self.watchers}

    def write(self, *_: object, **said: Any) -> bool:
        if self.failing:
            raise self.failing
        self.written.append(said)
        return True


async def at_once(function: Any, *args: Any, **kwargs: Any) -> Any:
    await asyncio.sleep(0)
    return function(*args, **kwargs)


def rounds(rows: PaperRows, feeds: list[Feed], **more: Any) -> PresenceRounds:
    paper: Any = rows
    return PresenceRounds(feeds=lambda: feeds, records=at_once, rows=paper, **more)


async def test_one_reading_is_for_all_and_there_is_none_for_nobody() -> None:
    rows, stage = PaperRows(), Stage()
    rows.watchers = (watcher(),)
    await rounds(rows, []).round()
    assert rows.asked == []
    feeds = [stage.open() for _ in range(3)]
    for feed in feeds:
        await said(feed)
    await rounds(rows, feeds).round()
    assert rows.asked == [{TARGET}]
    assert [await told(feed) for feed in feeds] == [[["dora"]]] * 3


async def test_a_change_is_written_once_and_the_beginning_of_sharing_is_named() -> None:
    rows, feed = PaperRows(), Stage().open()
    one = rounds(rows, [feed])
    await one.round()
    assert rows.written == []
    feed.presence.share(ViewSpec(line="5-0", live=False))
    await one.round()
    feed.presence.share(ViewSpec(line="6-0", live=False))
    await one.round()
    await one.round()
    assert [said["begins"] for said in rows.written] == [True, False]
    feed.presence.share(None)
    await one.round()
    assert [said["shared"] for said in rows.written][2:] == [None]


async def test_what_is_taken_back_while_it_is_written_is_taken_back_in_the_row_too() -> None:
    rows, feed = PaperRows(), Stage().open()
    written = rows.write

    def meanwhile(*args: object, **said: Any) -> bool:
        feed.presence.share(None)
        return written(*args, **said)

    rows.write = meanwhile  # type: ignore[method-assign]
    feed.presence.share(ViewSpec())
    one = rounds(rows, [feed])
    await one.round()
    await one.round()
    await one.round()
    assert [said["shared"] is None for said in rows.written] == [False, True]


async def test_a_session_that_is_over_writes_nothing() -> None:
    rows, feed = PaperRows(), Stage().open()
    feed.presence.share(ViewSpec())
    await feed.finish(gone=False)
    await rounds(rows, [feed]).round()
    assert rows.written == []


async def test_what_could_not_be_written_is_written_later_and_told_of_others_all_the_same() -> None:
    rows, feed = PaperRows(), Stage().open()
    await said(feed)
    rows.watchers = (watcher(),)
    feed.presence.share(ViewSpec())
    one = rounds(rows, [feed])
    rows.failing = OSError("away")
    with pytest.raises(OSError, match="away"):
        await one.round()
    assert rows.asked
    rows.failing = None
    await one.round()
    assert [said["begins"] for said in rows.written] == [True]
    assert await told(feed) == [["dora"]]


async def test_a_word_that_cannot_be_renewed_is_taken_back() -> None:
    rows, feed = PaperRows(), Stage().open()
    await said(feed)
    rows.watchers = (watcher(),)
    one = rounds(rows, [feed], every=0.01, stale=0.05)
    await one.round()
    assert await told(feed) == [["dora"]]
    rows.failing = OSError("away")
    one.start()
    try:
        async with asyncio.timeout(5):
            while not (names := await told(feed)):  # noqa: ASYNC110 - it is asked as a client asks
                await asyncio.sleep(0.01)
        assert names == [[]]
        rows.failing = None
        async with asyncio.timeout(5):
            while not (names := await told(feed)):  # noqa: ASYNC110 - it is asked as a client asks
                await asyncio.sleep(0.01)
        assert names == [["dora"]], "and comes again with the database"
    finally:
        await one.stop()


async def test_equal_readings_are_compared_once_and_not_by_each_session() -> None:
    class Compared(Watcher):
        times = 0

        def __eq__(self, other: object) -> bool:
            Compared.times += 1
            return isinstance(other, Watcher) and other.session == self.session

        __hash__ = None  # type: ignore[assignment]

    class Rows(PaperRows):
        def read(self, targets: Collection[Target]) -> dict[Target, tuple[Watcher, ...]]:
            one = watcher()
            return {TARGET: (Compared(**{name: getattr(one, name) for name in one.__slots__}),)}

    rows, stage = Rows(), Stage()
    feeds = [stage.open() for _ in range(20)]
    round_of_all = rounds(rows, feeds)
    await round_of_all.round()
    Compared.times = 0
    await round_of_all.round()
    assert Compared.times == 1


async def test_who_comes_is_told_of_others_and_what_changes_is_told_to_all() -> None:
    rows, stage = PaperRows(), Stage()
    rows.watchers = (watcher(),)
    feeds = [stage.open()]
    one = rounds(rows, feeds)
    await said(feeds[0])
    await one.round()
    assert await told(feeds[0]) == [["dora"]]
    feeds.append(stage.open())
    await said(feeds[1])
    await one.round()
    assert [await told(feed) for feed in feeds] == [[], [["dora"]]]
    rows.watchers = ()
    await one.round()
    assert [await told(feed) for feed in feeds] == [[[]], [[]]]
    await one.round()
    assert [await told(feed) for feed in feeds] == [[], []]
