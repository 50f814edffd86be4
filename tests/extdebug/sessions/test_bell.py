"""A sleeper wakes when it is rung for or when its moment has come, and never for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from extdebug.sessions.bell import Bell


class Clock:
    """Shows what a test sets, and counts the timers that are made."""

    def __init__(self) -> None:
        self.now = 0.0
        self.made = 0
        self._due: list[tuple[float, Callable[[], object], asyncio.TimerHandle]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        self.made += 1
        handle = asyncio.get_running_loop().call_later(1e6, callback)
        self._due.append((when, callback, handle))
        return handle

    @property
    def armed(self) -> list[float]:
        return [when for when, _, handle in self._due if not handle.cancelled()]

    async def show(self, now: float) -> None:
        self.now = now
        for one in [one for one in self._due if one[0] <= now and not one[2].cancelled()]:
            self._due.remove(one)
            one[2].cancel()
            one[1]()
        await settled()


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
async def clock() -> Clock:
    await asyncio.sleep(0)
    return Clock()


@pytest.fixture
async def bell(clock: Clock) -> Bell:
    await asyncio.sleep(0)
    return Bell(clock)


async def asleep(bell: Bell, until: float) -> asyncio.Task[Any]:
    task = asyncio.create_task(bell.sleep(until))
    await settled()
    return task


async def test_a_ring_wakes_the_sleeper(bell: Bell):
    task = await asleep(bell, 15.0)
    assert (task.done(), bell.asleep) == (False, True)

    bell.ring()
    assert not bell.asleep
    await settled()

    assert task.done()


async def test_a_ring_before_the_sleep_is_heard_unless_it_was_looked_at(bell: Bell):
    bell.ring()
    assert (await asleep(bell, 15.0)).done()

    bell.clear()
    task = await asleep(bell, 15.0)
    assert not task.done()
    task.cancel()


async def test_the_moment_wakes_the_sleeper_also_when_an_earlier_timer_was_kept(
    bell: Bell, clock: Clock
):
    first = await asleep(bell, 10.0)
    bell.ring()
    await first
    bell.clear()
    second = await asleep(bell, 15.0)

    await clock.show(10.0)
    assert not second.done()
    await clock.show(15.0)
    assert second.done()


async def test_an_earlier_moment_replaces_the_timer(bell: Bell, clock: Clock):
    first = await asleep(bell, 10.0)
    bell.ring()
    await first
    bell.clear()
    second = await asleep(bell, 3.0)

    await clock.show(3.0)
    assert second.done()


async def test_sleeps_that_are_rung_out_of_make_no_timers(bell: Bell, clock: Clock):
    for second in range(10):
        task = await asleep(bell, 15.0 + second)
        bell.ring()
        await task
        bell.clear()

    assert clock.made == 1


async def test_who_gives_up_leaves_no_timer(bell: Bell, clock: Clock):
    task = await asleep(bell, 15.0)
    task.cancel()
    await settled()

    assert (clock.armed, bell.asleep) == ([], False)


async def test_a_timer_that_fires_while_nobody_sleeps_rings_for_nobody(bell: Bell, clock: Clock):
    first = await asleep(bell, 10.0)
    bell.ring()
    await first
    bell.clear()
    await clock.show(10.0)

    task = await asleep(bell, 15.0)
    assert not task.done()
    task.cancel()
