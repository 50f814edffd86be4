"""Who holds a stream up is asked aside once others have waited, and in a flood nobody is."""

from __future__ import annotations

import pytest

from extdebug.hub.patience import FEW, WAIT, Patience
from extdebug.hub.subscription import Subscription
from extdebug.hub.watched_stream import WatchedStream
from extdebug.wire.events import Gap, GapReason
from tests.extdebug.hub.test_watched_stream import ALL, row, stream

STEP = 0.02


class Scene:
    """A stream, one watcher whose ring is half full, and others who were told all."""

    def __init__(self, *, others: int = 1) -> None:
        self.watched: WatchedStream = stream()
        self.patience = Patience()
        self.now = 1000.0
        self.asked: list[Subscription] = []
        self.slow = self.watcher()
        while not self.slow.ring.crowded:
            self.watched.read([row(self.watched.cursor.id.ms + 1)])
        self.others = [self.watcher() for _ in range(others)]

    def watcher(self) -> Subscription:
        sub = Subscription(self.watched, ALL, lambda: None, limit=600)
        sub.keeps_up = lambda: True
        sub.step_aside = lambda: self.asked.append(sub)
        sub.ring.release()
        return sub

    def goes_on(self, seconds: float, *, held: bool = True) -> None:
        for _ in range(round(seconds / STEP)):
            self.now += STEP
            self.patience.look(self.watched, self.now, held=held)


def test_who_holds_others_up_is_asked_aside_and_nobody_else() -> None:
    scene = Scene()
    scene.goes_on(WAIT - STEP)
    assert scene.asked == []
    scene.goes_on(3 * STEP)
    assert scene.asked == [scene.slow]


def test_it_is_asked_again_after_as_long_again() -> None:
    scene = Scene()
    scene.goes_on(2.5 * WAIT)
    assert scene.asked == [scene.slow, scene.slow]


@pytest.mark.parametrize("state", ["nobody", "parked", "has lines", "slow, too"])
def test_where_nobody_waits_it_may_take_its_time(state: str) -> None:
    scene = Scene(others=0 if state == "nobody" else 1)
    for other in scene.others:
        other.ring.parked = state == "parked"
        if state == "has lines":
            other.ring.push_seam(Gap(GapReason.FAILOVER, None))
        if state == "slow, too":
            other.keeps_up = lambda: False
    scene.goes_on(10 * WAIT)
    assert scene.asked == []


def test_who_does_not_acknowledge_is_not_waited_for_and_not_asked() -> None:
    scene = Scene()
    scene.slow.keeps_up = lambda: False
    scene.goes_on(10 * WAIT, held=False)
    assert scene.asked == []


@pytest.mark.parametrize(
    ("slow", "others", "asked"),
    [
        (2, 1, True),
        (FEW, 1, True),
        (FEW + 1, 1, False),  # to read for nearly all of them costs more than it gives
        (10, 29, False),
        (10, 30, True),
    ],
)
def test_of_some_who_hold_it_up_all_are_asked_and_of_many_nobody(
    slow: int, others: int, *, asked: bool
) -> None:
    scene = Scene(others=0)
    holding = [scene.slow, *(scene.watcher() for _ in range(slow - 1))]
    while not all(one.ring.crowded for one in holding):
        scene.watched.read([row(scene.watched.cursor.id.ms + 1)])
    for _ in range(others):
        scene.watcher()
    scene.goes_on(1.5 * WAIT)
    assert scene.asked == (holding if asked else [])


def test_many_short_waits_add_up() -> None:
    """Of one who makes room for a reply now and then, and holds up the next."""
    scene = Scene()
    for _ in range(20):
        scene.goes_on(9 * STEP)
        scene.goes_on(STEP, held=False)
    assert scene.asked


def test_in_a_flood_where_each_waits_for_another_now_and_then_nobody_is_asked() -> None:
    scene = Scene()
    for _ in range(100):
        scene.goes_on(3 * STEP)
        scene.goes_on(2 * STEP, held=False)
    assert scene.asked == []


def test_a_pause_in_which_nobody_looked_is_not_taken_for_a_wait() -> None:
    scene = Scene()
    scene.goes_on(STEP)
    scene.now += 100
    scene.goes_on(STEP)
    assert scene.asked == []
