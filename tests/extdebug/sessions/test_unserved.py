"""A session that nobody serves is found in time, though nearly all need not be asked about it."""

from __future__ import annotations

import asyncio
import math
from types import SimpleNamespace
from typing import Any

import pytest

from extdebug.sessions.authority import UNSERVED
from extdebug.sessions.unserved import AGAIN, Unserved
from extdebug.wire.light_waits import LightEvent


class Served:
    """As much of a feed as is asked."""

    def __init__(self) -> None:
        self.ended = LightEvent()
        self.lifetime = SimpleNamespace(quiet_until=math.inf)
        self.gone = False
        self.asked = 0

    def unserved(self, now: float) -> bool:
        self.asked += 1
        return self.gone


@pytest.fixture
async def one() -> Any:
    return Served()


@pytest.fixture
async def unserved(one: Any) -> Unserved:
    made = Unserved()
    made.watch(one)
    return made


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_one_that_may_never_begin_is_asked_in_each_round(
    unserved: Unserved, one: Any
) -> None:
    began = now()
    for part in range(4):
        assert unserved.look(began + part) == []
    assert one.asked == 4
    one.gone = True
    assert unserved.look(began + UNSERVED) == [one]


async def test_one_that_is_served_is_asked_seldom(unserved: Unserved, one: Any) -> None:
    served = now() + UNSERVED + 1
    unserved.look(served)
    one.asked = 0
    for part in range(1, 10):
        unserved.look(served + part * AGAIN / 10)
    assert one.asked == 0
    unserved.look(served + AGAIN)
    assert one.asked == 1


async def test_one_whose_time_is_up_is_asked_then(unserved: Unserved, one: Any) -> None:
    served = now() + UNSERVED + 1
    one.lifetime.quiet_until = served + 1
    unserved.look(served)
    one.asked = 0
    unserved.look(served + 0.9)
    assert one.asked == 0
    for part in range(3):
        unserved.look(served + 1 + part / 2)
    assert one.asked == 3, "in each round until it says until when it need not be"


async def test_one_that_ended_is_asked_in_each_round(unserved: Unserved, one: Any) -> None:
    served = now() + UNSERVED + 1
    unserved.look(served)
    one.asked = 0
    one.ended.set()
    for part in range(3):
        unserved.look(served + part / 2)
    assert one.asked == 3
    one.gone = True
    assert unserved.look(served + 2) == [one]


async def test_one_that_left_is_not_asked(unserved: Unserved, one: Any) -> None:
    unserved.forget(one)
    unserved.forget(one)
    one.ended.set()
    one.gone = True
    assert unserved.look(now() + 100) == []
