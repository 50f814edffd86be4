"""The account of a session goes on over its filters; the client's ledger begins with each start."""

from __future__ import annotations

import datetime as dt
from typing import Any

from extdebug.filters.filter import EVERYTHING, Filter
from extdebug.sessions.accounting import Accounting
from extdebug.sessions.flow_control import FlowControl
from extdebug.sessions.ledger import Ledger
from extdebug.sessions.store import Lease
from extdebug.wire.events import Gap, GapReason
from extdebug.wire.positions import Cursor
from policies.redaction.redactor import Redactor
from tests.extdebug.stage import TARGET

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
RULES = Redactor(key=None)


def lease(**more: Any) -> Lease:
    return Lease(id="s", holder="h", opened_at=NOW, expires_at=NOW, extendable_until=NOW, **more)


def flow(**figures: Any) -> FlowControl:
    ledger = Ledger(**figures)
    return FlowControl(
        position=Cursor.parse("7-0.7"), rev=0, events_per_second=0, bytes_per_second=0,
        ledger=ledger,
    )  # fmt: skip


def test_a_start_begins_the_clients_ledger_anew_and_the_sessions_goes_on() -> None:
    one, moving = Accounting(lease()), flow(shown=3, filtered=2)
    moving.ledger.lose(Gap(GapReason.RESET, None))
    one.begin_anew(moving)
    assert moving.ledger.entries == 0
    moving.ledger.shown += 4
    moving.ledger.lose(Gap(GapReason.RETENTION, 6))
    account = one.account(moving, placed=True)
    assert (account.shown, account.filtered, account.cursor) == (7, 2, "7-0.7")
    assert (account.lost, account.unknown) == ({"reset": 0, "retention": 6}, ["reset"])


def test_no_place_is_named_before_there_is_one() -> None:
    assert Accounting(lease()).account(flow(), placed=False).cursor == ""


def test_an_account_has_changed_when_its_sum_moved_since_it_was_asked() -> None:
    one, moving = Accounting(lease()), flow()
    assert not one.changed(moving)
    moving.ledger.filtered += 1
    assert one.changed(moving)
    assert not one.changed(moving)
    one.begin_anew(moving)
    assert not one.changed(moving), "nothing was told since"


def test_filters_of_earlier_connections_come_first_and_each_once() -> None:
    one = Accounting(lease(filters=({"q": "before"},)))
    for wanted in (EVERYTHING, Filter.parse({"q": "now"}), EVERYTHING):
        one.use_filter(wanted, RULES, TARGET)
    used = one.account(flow(), placed=False).filters
    assert [each.get("q") for each in used] == ["before", "", "now"]
