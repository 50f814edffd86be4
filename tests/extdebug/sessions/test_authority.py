"""A session goes on under the decision in force, and ends once, for the first reason."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from extdebug.sessions import close_reasons
from extdebug.sessions.authority import UNSERVED, Authority
from extdebug.sessions.store import Lease
from tests.extdebug.stage import allowed

BORN = 1000.0


class Woken:
    times = 0

    def __call__(self) -> None:
        self.times += 1


@pytest.fixture
def woken() -> Woken:
    return Woken()


@pytest.fixture
async def authority(woken: Woken) -> Authority:
    now = dt.datetime.now(dt.UTC)
    lease = Lease("s", "h", now, now + dt.timedelta(seconds=600), now + dt.timedelta(seconds=3600))
    return Authority(allowed(), lease, wake=woken, now=BORN)


async def test_the_first_reason_stands_and_its_moment_too(
    authority: Authority, woken: Woken
) -> None:
    authority.end(close_reasons.SIGNED_OUT, now=BORN + 1)
    authority.end(close_reasons.TIME_UP, now=BORN + 5)
    assert authority.ending is close_reasons.SIGNED_OUT
    assert authority.ended.is_set()
    assert woken.times == 1
    assert authority.unserved(BORN + 1 + UNSERVED)


async def test_a_refusal_ends_and_confirms_nothing(authority: Authority) -> None:
    refused = allowed(allowed=False, code="denied", reason="over")
    assert not authority.apply(refused, asked_at=BORN, now=BORN)
    assert authority.ending is not None
    assert int(authority.ending.code) == 4409
    assert authority.decision.allowed
    assert not authority.confirmed


async def test_a_decision_confirms_and_says_whether_the_scope_changed(
    authority: Authority, woken: Woken
) -> None:
    assert not authority.apply(allowed(), asked_at=BORN, now=BORN)
    assert authority.confirmed
    narrow = allowed(installs=frozenset({"a"}))
    assert authority.apply(narrow, asked_at=BORN, now=BORN)
    assert authority.decision is narrow
    assert not authority.apply(narrow, asked_at=BORN, now=BORN)
    assert woken.times == 2, "what says the same wakes nobody"


@pytest.mark.parametrize(
    "changed", [{"tenant_admin": True}, {"grant_reason": "x"}, {"break_glass": True}]
)
async def test_a_decision_that_differs_in_anything_that_others_are_told_holds_from_now_on(
    authority: Authority, woken: Woken, changed: dict[str, Any]
) -> None:
    authority.apply(allowed(), asked_at=BORN, now=BORN)
    other = allowed(**changed)
    authority.apply(other, asked_at=BORN, now=BORN)
    assert authority.decision is other
    assert woken.times == 2


async def test_whoever_waits_for_a_decision_is_woken_by_one_that_says_the_same(
    authority: Authority, woken: Woken
) -> None:
    now = dt.datetime.now(dt.UTC)
    limited = allowed(now=now, until=now + dt.timedelta(seconds=30))
    authority.apply(limited, asked_at=BORN, now=BORN)
    authority.apply(limited, asked_at=BORN + 10, now=BORN + 10)
    assert woken.times == 1
    assert not authority.lifetime.due(BORN + 39), "it holds longer all the same"
    authority.apply(limited, asked_at=BORN + 40, now=BORN + 40)
    assert woken.times == 2


async def test_authority_counts_from_the_question(authority: Authority) -> None:
    now = dt.datetime.now(dt.UTC)
    limited = allowed(now=now, until=now + dt.timedelta(seconds=30))
    authority.apply(limited, asked_at=BORN, now=BORN + 20)
    assert not authority.lifetime.due(BORN + 29)
    assert authority.lifetime.due(BORN + 30)


async def test_time_that_is_up_ends_it(authority: Authority) -> None:
    authority.end_on_time(BORN + 590)
    assert authority.ending is None
    authority.end_on_time(BORN + 601)
    assert authority.ending is close_reasons.TIME_UP


async def test_nobody_came_for_the_stream(authority: Authority) -> None:
    assert not authority.unserved(BORN + UNSERVED - 1)
    assert authority.unserved(BORN + UNSERVED)
    assert authority.ending is not None
    assert int(authority.ending.code) == 4503


async def test_whoever_asked_once_is_served_until_the_end(authority: Authority) -> None:
    authority.asked = True
    assert not authority.unserved(BORN + 300)
    assert not authority.unserved(BORN + 601), "it is told first that time is up"
    assert authority.unserved(BORN + 601 + UNSERVED)
