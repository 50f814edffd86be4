"""Who lives is told by their last sign, and whoever ends in order takes theirs along."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from extdebug.models import Process
from extdebug.sessions import heartbeats

pytestmark = pytest.mark.django_db


def beat(name: str, *, ago: float = 0, **health: object) -> Process:
    heartbeats.beat(name, host="h", pid=1, started_at=timezone.now(), health=health)
    moment = timezone.now() - dt.timedelta(seconds=ago)
    Process.objects.filter(name=name).update(beat_at=moment)
    return Process.objects.get(name=name)


def test_a_process_has_one_row_however_often_it_beats() -> None:
    beat("p1", sessions=1)
    row = beat("p1", sessions=2)
    assert Process.objects.count() == 1
    assert row.health == {"sessions": 2}


def test_a_beat_does_not_read_what_the_last_one_said(django_assert_num_queries: Any) -> None:
    beat("p1")
    with django_assert_num_queries(1) as asked:
        heartbeats.beat("p1", host="h", pid=1, started_at=timezone.now(), health={})
    assert asked.captured_queries[0]["sql"].startswith("UPDATE")


@pytest.mark.parametrize(
    ("name", "ago", "silent"),
    [
        ("p1", 14, False),
        ("p1", 16, True),
        (heartbeats.JANITOR, 16, False),
        (heartbeats.JANITOR, 299, False),
        (heartbeats.JANITOR, 301, True),
    ],
)
def test_each_is_silent_after_its_own_time(name: str, ago: float, silent: bool) -> None:
    assert heartbeats.is_silent(beat(name, ago=ago)) is silent


def test_signs_tell_consoles_from_the_janitor_and_replays() -> None:
    beat("p1")
    beat("p2", ago=60)
    beat(heartbeats.JANITOR, ago=30, failed=["trim", "close"])
    beat(f"{heartbeats.REPLAY}p3", ago=60)
    signs = heartbeats.signs()
    assert (signs.alive, signs.silent, signs.janitor_failed) == (1, 1, 2)
    assert signs.janitor_age == pytest.approx(30, abs=2)


def test_a_janitor_that_never_came_has_no_age() -> None:
    assert heartbeats.signs() == heartbeats.Signs(0, 0, None, 0)


def test_a_process_that_ends_in_order_leaves_no_row() -> None:
    beat("p1")
    beat("p2")
    heartbeats.leave("p1")
    assert [row.name for row in Process.objects.all()] == ["p2"]
