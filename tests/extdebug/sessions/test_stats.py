"""Counters only grow, and what was shown counts once however often a session is resumed."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest

from extdebug.sessions import close_reasons
from extdebug.sessions.account import Account
from extdebug.sessions.close_reasons import CloseReason
from extdebug.sessions.stats import SessionStats
from extdebug.sessions.store import Lease

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def lease(**more: Any) -> Lease:
    return Lease("s", "h", NOW, NOW, NOW, **more)


def account(shown: int, filtered: int = 0, **lost: int) -> Account:
    return Account(shown, filtered, lost, (), "", ())


def test_openings_and_resumes_are_counted_by_transport() -> None:
    stats = SessionStats()
    stats.begun(lease(), "ws")
    stats.begun(lease(), "sse")
    stats.begun(lease(resumed=True), "ws")
    stats.refuse(close_reasons.NOT_FOUND)
    assert (stats.opened, stats.resumed) == ({"ws": 1, "sse": 1}, {"ws": 1})
    assert stats.refused == {("not_found", "not_found"): 1}


@pytest.mark.parametrize(
    ("end", "gone", "how", "cut"),
    [
        (None, True, "lost", None),
        (None, False, "left", None),
        (close_reasons.TAKEN, False, "taken_over", None),
        (close_reasons.TIME_UP, False, "expired", None),
        (close_reasons.SIGNED_OUT, False, "unauthenticated", "signed_out"),
        (close_reasons.ended_by("olivia", watcher="dan"), False, "ended", "ended"),
        (close_reasons.draining(), False, "restarting", None),
        (close_reasons.END_OF_RANGE, False, "ended", None),
    ],
)
def test_an_end_is_counted_once_by_how_and_cuts_by_their_reason(
    end: CloseReason | None, gone: bool, how: str, cut: str | None
) -> None:
    stats = SessionStats()
    stats.over(end, account(1), lease(), gone=gone)
    assert stats.ended == {how: 1}
    assert stats.cut == ({} if cut is None else {cut: 1})


def test_figures_of_earlier_connections_are_not_counted_again() -> None:
    stats = SessionStats()
    stats.over(None, account(10, 4, retention=3), lease(), gone=True)
    again = lease(shown=10, filtered=4, lost={"retention": 3})
    live: Any = SimpleNamespace(account=account(15, 4, retention=5), lease=again)
    totals = stats.totals([live])
    assert (totals.shown, totals.filtered, totals.lost["retention"]) == (15, 4, 5)
    assert stats.past.shown == 10, "asking changes nothing"
