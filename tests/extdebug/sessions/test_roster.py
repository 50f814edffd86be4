"""Who is asked about in a round: each sign-in once, all leases, and those whose time came."""

from __future__ import annotations

import datetime as dt
import time
from types import SimpleNamespace
from typing import Any

from extdebug.sessions.roster import Roster
from policies.identity.viewers import Viewer

NOW = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)


class Session:
    def __init__(self, lease: str, *, user: int = 1, session: str = "s") -> None:
        self.viewer = Viewer(user, f"u{user}", "ws", session_hash=session, session_key=session)
        self.lease: Any = lease


def roster(*sessions: Any, afresh: float = 15.0) -> Roster:
    made = Roster(afresh=afresh)
    for one in sessions:
        made.add(one)
    return made


def decision(*, until: float | None = None) -> Any:
    end = None if until is None else NOW + dt.timedelta(seconds=until)
    return SimpleNamespace(now=NOW, until=end)


def test_each_sign_in_is_asked_about_once_and_all_leases() -> None:
    mine, too, other = Session("a"), Session("b"), Session("c", session="t")
    same_key = Session("d", user=2)
    asked = roster(mine, too, other, same_key).asked
    assert [viewer.user_id for viewer in asked.viewers] == [1, 1, 2]
    assert asked.sessions == [[mine, too], [other], [same_key]]
    assert asked.leases == ["a", "b", "c", "d"]


def test_whoever_comes_or_leaves_is_known_in_the_next_round() -> None:
    first: Any = Session("a")
    later: Any = Session("b", session="t")
    here = roster(first)
    assert here.asked is here.asked
    here.add(later)
    assert here.asked.leases == ["a", "b"]
    here.remove(first)
    here.remove(first)
    assert here.asked.sessions == [[later]]
    assert list(here) == [later]
    here.remove(later)
    assert not here


def test_each_is_decided_afresh_after_a_while() -> None:
    one: Any = Session("a")
    here = roster(one)
    now = time.monotonic()
    assert here.stale(now + 14) == []
    assert here.stale(now + 15.1) == [one]
    here.decided(one, decision(), asked=now)
    assert here.stale(now + 14) == []


def test_a_decision_that_ends_by_time_alone_is_made_again_then_counted_from_the_question() -> None:
    one: Any = Session("a")
    here = roster(one)
    now = time.monotonic()
    here.decided(one, decision(until=5), asked=now - 2)
    assert here.stale(now + 2.9) == []
    assert here.stale(now + 3) == [one]
    here.decided(one, decision(until=500), asked=now)
    assert here.stale(now + 15.1) == [one]
