"""A session's row is written by its holder alone, once at its end, each step with its record."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from audit import trail
from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from extdebug.models import DebugSession
from extdebug.sessions import ownership, store
from extdebug.sessions.account import Account
from extdebug.sessions.store import Lease
from extdebug.wire.keys import Target
from extdebug.wire.positions import EPOCH_DIGITS, MOST_CURSOR, Cursor, EntryId
from policies import access
from policies.models import Limits
from tests.extdebug.opened_rows import open_row, taken_over

pytestmark = pytest.mark.django_db
TARGET = Target("acme", "invoice-sync")
ACCOUNT = Account(5, 2, {"retention": 3, "reset": 0}, ("reset",), "7-0.7", ({"q": "a"},))


def viewer(user: Any) -> access.Viewer:
    return access.viewer_of(user, transport="ws", ip="10.0.0.9")


def opened(user: Any) -> Lease:
    _, lease = open_row(viewer(user), TARGET)
    assert lease is not None
    return lease


def row(lease: Lease) -> DebugSession:
    return DebugSession.objects.get(pk=lease.id)


def records(action: str) -> list[AuditRecord]:
    return list(AuditRecord.objects.filter(action=action))


def test_an_opening_is_a_row_and_a_record_together(cast: Cast) -> None:
    lease = opened(cast.dan)
    written = row(lease)
    assert (written.username, written.process, written.closed_at) == ("dan", "p1", None)
    assert written.expires_at <= written.extendable_until
    [record] = records("session.opened")
    assert record.subject_id == lease.id
    assert not lease.resumed


def test_a_refusal_is_no_row_and_its_true_reason_is_on_record(cast: Cast) -> None:
    decision, lease = open_row(viewer(cast.mallory), TARGET)
    assert lease is None
    assert not decision.allowed
    assert not DebugSession.objects.exists()
    [record] = records("session.denied")
    assert record.reason == decision.about("mallory").reason


def test_the_longest_place_fits_its_column(cast: Cast) -> None:
    """PostgreSQL refuses what is longer, and with it the row's end."""
    most = 2**64 - 1
    end = EntryId(most, most)
    place = str(Cursor(end, most, "f" * EPOCH_DIGITS, stated=True, ahead=most, until=end))
    assert Cursor.parse(place).until == end
    column = DebugSession._meta.get_field("cursor")
    assert column.max_length == MOST_CURSOR
    lease = opened(cast.dan)
    account = dataclasses.replace(ACCOUNT, cursor=place)
    store.close(lease, viewer(cast.dan), TARGET, account, code=1000, reason="left")
    written = row(lease)
    written.full_clean()
    assert (written.cursor, written.close_code) == (place, 1000)


def test_caps_count_sessions_that_live(cast: Cast) -> None:
    Limits.objects.update_or_create(tenant=None, extension=None, defaults={"sessions_per_user": 1})
    first = opened(cast.dan)
    decision, lease = open_row(viewer(cast.dan), TARGET)
    assert (lease, decision.code) == (None, "busy")
    store.close(first, viewer(cast.dan), TARGET, ACCOUNT, code=1000, reason="left")
    opened(cast.dan)


def test_an_account_survives_the_resume_uncounted_reasons_included(cast: Cast) -> None:
    lease = opened(cast.dan)
    assert store.note([(lease, ACCOUNT)]) == [True]
    assert store.detach(lease, ACCOUNT)
    assert row(lease).detached_at is not None
    taken = taken_over(lease.id, viewer(cast.dan), TARGET, process="p2")
    assert taken is not None
    again = taken[1]
    assert (again.shown, again.filtered, again.lost) == (5, 2, {"retention": 3, "reset": 0})
    assert (again.unknown, again.filters, again.resumed) == (("reset",), ({"q": "a"},), True)
    assert row(lease).detached_at is None


def test_accounts_are_written_together_each_by_its_holder(cast: Cast) -> None:
    leases = [opened(user) for user in (cast.dan, cast.dora, cast.olivia)]
    DebugSession.objects.filter(pk=leases[1].id).update(holder="somebody else")
    accounts = [dataclasses.replace(ACCOUNT, shown=number) for number in (1, 2, 3)]
    assert store.note(list(zip(leases, accounts, strict=True))) == [True, False, True]
    assert [row(lease).shown for lease in leases] == [1, 0, 3]
    assert store.note([]) == []


def test_an_account_of_before_does_not_replace_the_one_a_session_was_let_go_with(
    cast: Cast,
) -> None:
    """It was gathered for a row among others, and the client left before they were written."""
    lease = opened(cast.dan)
    later = dataclasses.replace(ACCOUNT, shown=9)
    assert store.detach(lease, later)
    assert store.note([(lease, ACCOUNT)]) == [False]
    assert row(lease).shown == 9


def test_a_session_ends_once_with_what_it_was_shown(cast: Cast) -> None:
    lease = opened(cast.dan)
    assert store.close(lease, viewer(cast.dan), TARGET, ACCOUNT, code=4408, reason="x" * 500)
    assert not store.close(lease, viewer(cast.dan), TARGET, ACCOUNT, code=1000, reason="again")
    assert store.note([(lease, ACCOUNT)]) == [False]
    assert (row(lease).close_code, len(row(lease).close_reason)) == (4408, 200)
    [record] = records("session.closed")
    assert record.data["uncounted"] == ["reset"]
    assert (record.data["shown"], record.data["cursor"]) == (5, "7-0.7")


def test_an_extension_stays_within_what_is_allowed_and_is_on_record(cast: Cast) -> None:
    lease = opened(cast.dan)
    beyond = lease.extendable_until + dt.timedelta(seconds=1)
    assert not store.extend(lease, viewer(cast.dan), TARGET, until=beyond)
    assert records("session.extended") == []
    assert store.extend(lease, viewer(cast.dan), TARGET, until=lease.extendable_until)
    assert row(lease).expires_at == lease.extendable_until
    assert len(records("session.extended")) == 1


def test_a_grant_that_changed_is_recorded_once(cast: Cast) -> None:
    lease = opened(cast.dan)
    before = row(lease).grant_id
    store.move_grant(lease, viewer(cast.dan), TARGET, grant_id=before)
    changed = len(records("session.grant_changed"))
    other = None if before is not None else before
    store.move_grant(lease, viewer(cast.dan), TARGET, grant_id=other)
    assert row(lease).grant_id == other
    assert len(records("session.grant_changed")) == changed + (before is not None)


def test_an_operator_ends_a_session_once(cast: Cast) -> None:
    lease = opened(cast.dan)
    actor = trail.actor_of(cast.olivia)
    assert store.end(lease.id, actor=actor)
    assert not store.end(lease.id, actor=actor)
    assert row(lease).end_requested_by == "olivia"
    [record] = records("session.end_requested")
    assert record.data == {"watcher": "dan"}
    assert ownership.held_elsewhere("p1", [lease]) == {lease.holder: "ended olivia"}


def test_the_close_record_says_who_ended_the_session_and_only_where_somebody_did(
    cast: Cast,
) -> None:
    lease, other = opened(cast.dan), opened(cast.dan)
    store.end(lease.id, actor=trail.actor_of(cast.olivia))
    store.close(lease, viewer(cast.dan), TARGET, ACCOUNT, code=4410, reason="ended")
    store.close(other, viewer(cast.dan), TARGET, ACCOUNT, code=1000, reason="the client left")
    by_nobody, by_olivia = records("session.closed")  # the latest first
    assert (by_olivia.actor_name, by_olivia.data["ended_by"]) == ("dan", "olivia")
    assert by_olivia.why == row(lease).end_in_words == "Ended by olivia"
    assert "ended_by" not in by_nobody.data


def test_nothing_is_written_by_whoever_holds_the_row_no_more(cast: Cast) -> None:
    lease = opened(cast.dan)
    DebugSession.objects.filter(pk=lease.id).update(holder="somebody else")
    assert store.note([(lease, ACCOUNT)]) == [False]
    assert not store.detach(lease, ACCOUNT)
    assert not store.extend(lease, viewer(cast.dan), TARGET, until=timezone.now())
    store.move_grant(lease, viewer(cast.dan), TARGET, grant_id=None)
    assert not store.close(lease, viewer(cast.dan), TARGET, ACCOUNT, code=1000, reason="")
    assert (row(lease).shown, row(lease).closed_at) == (0, None)


def test_an_actor_is_a_person_or_a_token(cast: Cast) -> None:
    person = store.actor_of(viewer(cast.dan))
    assert (person.kind, person.name, person.ip) == (trail.ActorKind.USER, "dan", "10.0.0.9")


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "\x1b[31m", "x" * 100_000])
def test_a_close_row_survives_whatever_a_client_sent(cast: Cast, text: str) -> None:
    lease = opened(cast.dan)
    account = Account(1, 2, {text[:50]: 3}, (text[:50],), text[:50], [{"q": text}])
    assert store.note([(lease, account)]) == [True]
    assert store.detach(lease, account)
    assert store.close(lease, viewer(cast.dan), TARGET, account, code=1000, reason=text)
    trail.retry_waiting()
    [record] = records("session.closed")
    assert record.subject_id == lease.id
    assert (record.data["shown"], record.data["filtered"]) == (1, 2)  # however long the rest is
    kept = row(lease)
    assert kept.closed_at is not None
    assert "\x00" not in str(kept.filters)
