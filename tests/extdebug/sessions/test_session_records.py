"""What a session leaves on record: refusals, resumes that change its authority, saved lines."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from extdebug.sessions import session_records, store
from extdebug.wire.keys import Target
from policies import access
from policies.grants import verbs
from tests.extdebug.opened_rows import open_row, taken_over
from tests.policies.conftest import granted

pytestmark = pytest.mark.django_db


@pytest.fixture
def production(settings: Any) -> None:
    settings.EXT_DEBUG_ENVIRONMENT = "production"
    settings.EXT_DEBUG_UI_ENABLED = True


TARGET = Target("acme", "invoice-sync")


def viewer(user: Any, **more: Any) -> access.Viewer:
    return dataclasses.replace(access.viewer_of(user, transport="ws", ip="192.0.2.1"), **more)


def opened(user: Any) -> store.Lease:
    _, lease = open_row(viewer(user), TARGET)
    assert lease is not None
    return lease


def told(action: str) -> list[AuditRecord]:
    return list(AuditRecord.objects.filter(action=action).order_by("seq"))


def test_a_resume_on_the_same_terms_is_no_event(cast: Cast) -> None:
    lease = opened(cast.dan)
    assert taken_over(lease.id, viewer(cast.dan), TARGET, process="p2")
    assert told("session.resumed") == []


def test_a_resume_from_elsewhere_says_what_changed_and_repeats_are_counted(cast: Cast) -> None:
    lease = opened(cast.dan)
    moved = viewer(cast.dan, ip="198.51.100.7", session_hash="c" * 64)
    back = viewer(cast.dan)
    for whom in (moved, back, moved, back, moved):
        assert taken_over(lease.id, whom, TARGET, process="p2")
    rows = told("session.resumed")
    assert [row.ip for row in rows] == ["198.51.100.7", "192.0.2.1"]  # there and back, once each
    assert (rows[0].subject_id, rows[0].actor_name, rows[0].tenant) == (lease.id, "dan", "acme")
    assert rows[0].data["changed"]["address"] == {"from": "192.0.2.1", "to": "198.51.100.7"}
    assert rows[0].data["changed"]["sign-in"]["to"] == "c" * 8  # its start, nobody signs in by it


def test_a_resume_from_a_further_place_is_no_repeat(cast: Cast) -> None:
    lease = opened(cast.dan)
    for ip in ("198.51.100.7", "203.0.113.9"):
        assert taken_over(lease.id, viewer(cast.dan, ip=ip), TARGET, process="p2")
    assert [row.data["changed"]["address"]["to"] for row in told("session.resumed")] == [
        "198.51.100.7", "203.0.113.9",
    ]  # fmt: skip


@pytest.mark.usefixtures("production")
def test_a_resume_on_another_grant_is_on_record(cast: Cast) -> None:
    first = granted(cast, cast.dan)
    lease = opened(cast.dan)
    more = granted(cast, cast.dan, installs=["inst-acme"])
    verbs.release(first.pk, by=cast.dan)
    assert taken_over(lease.id, viewer(cast.dan), TARGET, process="p2")
    (row,) = told("session.resumed")
    assert row.data["changed"] == {"grant": {"from": first.pk, "to": more.pk}}


def test_a_refusal_before_a_target_is_on_record(cast: Cast) -> None:
    session_records.record_refusal(
        viewer(cast.mallory), tenant=None, extension="a\x00b", code="not_found", reason="no"
    )
    (row,) = told("session.denied")
    assert (row.actor_name, row.tenant, row.data["code"]) == ("mallory", "", "not_found")


def test_saved_lines_are_recorded_for_their_own_session_only(cast: Cast) -> None:
    lease = opened(cast.dan)
    for name in ("", "x", "0" * 32):
        assert not session_records.record_saved(name, viewer(cast.dan), what="save-text", lines=3)
    assert not session_records.record_saved(
        lease.id, viewer(cast.mallory), what="save-text", lines=3
    )
    for _ in range(3):
        assert session_records.record_saved(lease.id, viewer(cast.dan), what="save-text", lines=3)
    assert session_records.record_saved(lease.id, viewer(cast.dan), what="save-text", lines=9_000)
    row, more = told("session.lines_saved")
    assert more.data["lines"] == 9_000  # no repeat of three lines
    assert (row.subject_id, row.tenant, row.data["lines"]) == (lease.id, "acme", 3)
