"""A process reads anew what waits for sessions of a purged stream, once for each purge."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from extdebug.sessions.purge_watch import POLL, PurgeWatch
from extdebug.sessions.purged import Purged
from extdebug.streams.purge import EVERYTHING
from extdebug.wire.keys import Target

ACME, GLOBEX = Target("acme", "invoice-sync"), Target("globex", "invoice-sync")
WHY = Purged(EVERYTHING, "a key")


@dataclass(eq=False)
class Watching:
    """As much of a feed as a purge concerns."""

    target: Target
    flow: Any = field(default_factory=lambda: SimpleNamespace(purged=()))
    again: int = 0

    def read_again(self) -> None:
        self.again += 1


class World:
    """Orders as the database has them, and readers that were told to begin anew."""

    def __init__(self) -> None:
        self.orders: list[tuple[int, bool, Target, Purged]] = []
        self.read: list[Target] = []
        self.asked = 0
        self.away = False
        self.watch = PurgeWatch(read_again=self.read.append, recent=self.recent)

    def recent(self) -> list[tuple[int, bool, Target, Purged]]:
        self.asked += 1
        if self.away:
            raise OSError("the database is away")
        return self.orders


async def test_sessions_of_the_stream_read_anew_when_its_lines_are_gone() -> None:
    world, mine, other = World(), Watching(ACME), Watching(GLOBEX)
    feeds: Any = [mine, other]
    world.orders = [(1, False, ACME, WHY)]
    await world.watch.look(feeds, now=10)
    assert mine.flow.purged == (WHY,), "named before any of it goes"
    assert (mine.again, world.read) == (0, [])

    world.orders = [(1, True, ACME, WHY)]
    await world.watch.look(feeds, now=10 + POLL)
    await world.watch.look(feeds, now=10 + 2 * POLL)
    assert (mine.again, world.read) == (1, [ACME]), "once for each purge"
    assert (other.again, other.flow.purged) == (0, ())

    world.orders = [(2, True, ACME, WHY), *world.orders]
    await world.watch.look(feeds, now=10 + 3 * POLL)
    assert mine.again == 2


async def test_a_session_that_begins_later_knows_what_the_process_knows() -> None:
    world, later = World(), Watching(ACME)
    world.orders = [(1, True, ACME, WHY)]
    feeds: Any = [Watching(GLOBEX)]
    await world.watch.look(feeds, now=10)
    world.watch.tell(later)  # type: ignore[arg-type]
    assert later.flow.purged == (WHY,)


async def test_the_database_is_asked_on_a_hint_or_by_the_clock_and_for_somebody() -> None:
    world = World()
    await world.watch.look([], now=10)
    assert world.asked == 0
    feeds: Any = [Watching(ACME)]
    await world.watch.look(feeds, now=10)
    await world.watch.look(feeds, now=10.1)
    assert world.asked == 1
    world.watch.due = True
    await world.watch.look(feeds, now=10.2)
    assert world.asked == 2


async def test_what_could_not_be_asked_is_asked_again() -> None:
    world = World()
    world.away = True
    feeds: Any = [Watching(ACME)]
    with pytest.raises(OSError, match="away"):
        await world.watch.look(feeds, now=10)
    world.away = False
    await world.watch.look(feeds, now=10.01)
    assert world.asked == 2


async def test_who_came_while_the_orders_were_read_is_told_with_the_next_look() -> None:
    """And nobody is told again and again what has not changed."""
    world, here, late = World(), Watching(ACME), Watching(ACME)
    feeds: Any = [here]
    read = world.recent

    def recent() -> list[tuple[int, bool, Target, Purged]]:
        feed: Any = late
        world.watch.tell(feed)  # it is watched over from now on
        return read()

    world.watch._recent = recent
    world.orders = [(1, False, ACME, WHY)]
    await world.watch.look(feeds, now=10)
    assert (here.flow.purged, late.flow.purged) == ((WHY,), ())
    world.watch._recent = read
    feeds.append(late)
    await world.watch.look(feeds, now=10 + POLL)
    assert late.flow.purged == (WHY,)
    here.flow.purged = None
    await world.watch.look(feeds, now=10 + 2 * POLL)
    assert here.flow.purged is None
    world.orders = []
    await world.watch.look(feeds, now=10 + 3 * POLL)
    assert (here.flow.purged, late.flow.purged) == ((), ())
