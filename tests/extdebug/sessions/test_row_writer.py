"""What could not be written is written later, and holds nobody up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest

from extdebug.sessions.row_writer import NOTED_AT_ONCE, RowWriter


class Rows:
    """Takes what is written, or fails the next `failing` times."""

    def __init__(self) -> None:
        self.written: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.failing = 0
        self.tries = 0
        self.refused = ""  # what fails as long as this is its name
        self.ours = True  # the rows that are noted
        self.changed = asyncio.Event()

    def beat(self, *_: Any, **__: Any) -> None: ...

    def move_grant(self, *_: Any, **__: Any) -> None: ...

    def note(self, accounts: Any) -> list[bool]:
        return [self.ours] * len(accounts)

    def settle_notes(self) -> None: ...

    async def records(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        self.tries += 1
        self.changed.set()
        if self.failing or function.__name__ == self.refused:
            self.failing = max(0, self.failing - 1)
            raise RuntimeError("the database is away")
        self.written.append((function.__name__, args, kwargs))
        return function(*args, **kwargs)

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(5):
            while not condition():
                self.changed.clear()
                await self.changed.wait()
                await asyncio.sleep(0)


@pytest.fixture
async def rows() -> Rows:
    return Rows()


def writer(rows: Rows) -> RowWriter:
    writes: Any = rows
    return RowWriter(
        name="here", health=lambda: {"sessions": 1}, writes=writes, records=rows.records
    )


class PaperFeed(SimpleNamespace):
    """As much of a feed as is written down."""

    def __hash__(self) -> int:  # type: ignore[override] # each is itself, as feeds are
        return id(self)


def feed(name: str, *, changed: bool = True, grant: int | None = None) -> Any:
    moved = [changed]

    def moved_since() -> bool:
        told, moved[0] = moved[0], False
        return told

    said: list[str] = []
    return PaperFeed(
        lease=name, viewer="v", target="t", account=f"account of {name}", said=said,
        changed=moved_since, decision=SimpleNamespace(grant_id=grant), wrote=said.append,
    )  # fmt: skip


@contextlib.asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_beat_carries_the_health_and_the_accounts_that_moved(rows: Rows) -> None:
    feeds = [feed("a"), feed("b", changed=False)]
    async with running(writer(rows).beat_for_ever(lambda: feeds, every=60)):
        await rows.until(lambda: len(rows.written) == 2)
    (beat, who, how), (note, what, _) = rows.written
    assert (beat, who, how["health"]) == ("beat", ("here",), {"sessions": 1})
    assert (note, what) == ("note", ([("a", "account of a")],))
    assert [one.said for one in feeds] == [["account of a"], []]


async def test_accounts_are_written_some_at_a_time(rows: Rows) -> None:
    feeds = [feed(f"{number}") for number in range(NOTED_AT_ONCE + 1)]
    async with running(writer(rows).beat_for_ever(lambda: feeds, every=60)):
        await rows.until(lambda: len(rows.written) == 3)
    sizes = [len(args[0]) for name, args, _ in rows.written if name == "note"]
    assert sizes == [NOTED_AT_ONCE, 1]


async def test_an_account_that_could_not_be_written_is_written_with_the_next_beat(
    rows: Rows,
) -> None:
    """And one of a session that is over is not: its end says more."""
    one, feeds, over = writer(rows), [feed("a")], feed("over")
    rows.refused = "note"
    async with running(one.beat_for_ever(lambda: [*feeds, over], every=0.01)):
        await rows.until(lambda: rows.tries > 3)
        one.forget(over)
        rows.refused = ""
        await rows.until(lambda: feeds[0].said)
    assert [args for name, args, _ in rows.written if name == "note"] == [
        ([("a", "account of a")],)
    ]


async def test_an_account_of_a_row_that_is_not_ours_does_not_count_as_written(rows: Rows) -> None:
    rows.ours, one = False, feed("a")
    async with running(writer(rows).beat_for_ever(lambda: [one], every=0.01)):
        await rows.until(lambda: rows.tries > 3)
    assert one.said == []
    assert [name for name, *_ in rows.written].count("note") == 1


async def test_a_beat_that_fails_is_not_the_last(
    rows: Rows, caplog: pytest.LogCaptureFixture
) -> None:
    rows.failing = 2
    async with running(writer(rows).beat_for_ever(list, every=0.01)):
        await rows.until(lambda: rows.written)
    assert caplog.text.count("sign of life could not be written") == 2


async def test_a_moved_grant_is_written_until_it_is_taken(rows: Rows) -> None:
    one = writer(rows)
    rows.failing = 2
    one.moved(feed("a", grant=7))
    async with running(one.move_for_ever(again=0.01)):
        await rows.until(lambda: rows.written)
    assert rows.tries == 3
    assert rows.written == [("move_grant", ("a", "v", "t"), {"grant_id": 7})]


async def test_nothing_is_written_of_a_session_that_is_over(rows: Rows) -> None:
    one, over = writer(rows), feed("over")
    one.moved(over)
    one.forget(over)
    one.moved(feed("stays"))
    async with running(one.move_for_ever(again=0.01)):
        await rows.until(lambda: rows.written)
    assert [given[0] for _, given, _ in rows.written] == ["stays"]


async def test_notes_are_settled_when_policy_moved_and_again_when_that_failed(rows: Rows) -> None:
    one = writer(rows)
    rows.failing = 1
    one.policy_moved()
    async with running(one.settle_for_ever(every=60, again=0.01)):
        await rows.until(lambda: rows.tries == 1)
        one.policy_moved()
        await rows.until(lambda: rows.written)
    assert [name for name, _, _ in rows.written] == ["settle_notes"]


async def test_notes_are_settled_now_and_then_without_being_asked(rows: Rows) -> None:
    async with running(writer(rows).settle_for_ever(every=0.01)):
        await rows.until(lambda: len(rows.written) >= 2)
    assert {name for name, _, _ in rows.written} == {"settle_notes"}


@pytest.mark.parametrize("steps", range(5))
async def test_a_stop_at_the_moment_policy_moves_is_a_stop(rows: Rows, steps: int) -> None:
    one = writer(rows)
    task = asyncio.create_task(one.settle_for_ever(every=60))
    await asyncio.sleep(0.01)
    one.policy_moved()
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=1)
    task.cancel()
    assert done == {task}


async def test_a_sign_of_life_that_a_thread_still_writes_is_waited_for_at_the_end() -> None:
    """Else it would bring the row back that the process took away when it signed off."""
    rows, go_on = Rows(), asyncio.Event()

    async def slow(function: Any, *args: Any, **kwargs: Any) -> Any:
        await go_on.wait()
        await rows.records(function, *args, **kwargs)

    writes: Any = rows
    one = RowWriter(name="here", health=dict, writes=writes, records=slow)
    beating = asyncio.create_task(one.beat_for_ever(lambda: (), every=60))
    await asyncio.sleep(0.01)
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
    await one.settled(within=0.01)
    assert rows.written == [], "and not for ever"
    asyncio.get_running_loop().call_later(0.01, go_on.set)
    await one.settled(within=5)
    assert [name for name, *_ in rows.written] == ["beat"]
