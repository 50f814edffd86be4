"""What was handed in lies beside the account of whoever holds the session now."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from extdebug.demo.sample import Cast
from extdebug.models import DebugSession
from extdebug.sessions.account import Account
from extdebug.sessions.handed_in import account_of, hand_in
from extdebug.sessions.shown_to import Certainty, sessions_shown
from extdebug.streams.purge import Stretch
from extdebug.wire.keys import Target
from extdebug.wire.positions import EntryId

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def session(cast: Cast, **more: Any) -> DebugSession:
    said: dict[str, Any] = {
        "user": cast.dan, "username": "dan", "tenant": "acme", "extension": "invoice-sync",
        "environment": "development", "transport": "ws", "process": "p", "holder": "h",
        "opened_at": NOW - dt.timedelta(minutes=1), "expires_at": NOW + dt.timedelta(minutes=9),
        "extendable_until": NOW + dt.timedelta(hours=1), "shown": 2, "reach": [["1-0", "2-0"]],
        **more,
    }  # fmt: skip
    return DebugSession.objects.create(**said)


def told(shown: int, first: int, last: int) -> Account:
    return Account(shown, 0, {"retention": 1}, (), "", [{"q": ""}], [(f"{first}-0", f"{last}-0")])


def test_two_who_hand_in_after_each_other_are_both_counted(cast: Cast) -> None:
    row = session(cast)
    hand_in(str(row.pk), told(3, 5, 7))
    hand_in(str(row.pk), told(1, 9, 9))
    row.refresh_from_db()
    assert row.shown == 2, "the holder's own account is left alone"
    account = account_of(row)
    assert (account.shown, account.lost) == (6, {"retention": 2})
    assert account.reach == (("1-0", "2-0"), ("5-0", "7-0"), ("9-0", "9-0"))


def test_who_was_shown_a_line_is_answered_with_what_was_handed_in(cast: Cast) -> None:
    row = session(cast, closed_at=NOW, close_code=1000)
    target, leak = Target("acme", "invoice-sync"), Stretch(EntryId(6, 0), EntryId(6, 0))
    assert sessions_shown(target, leak) == []
    hand_in(str(row.pk), told(3, 5, 7))  # late, when the session was over
    [found] = sessions_shown(target, leak)
    assert found.certainty is Certainty.WITHIN


def test_a_row_that_somebody_removed_takes_nothing(cast: Cast) -> None:
    row = session(cast)
    key = str(row.pk)
    row.delete()
    hand_in(key, told(1, 5, 5))
    assert not DebugSession.objects.exists()
