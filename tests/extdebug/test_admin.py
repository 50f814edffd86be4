"""Sessions and processes at the operators' desk: read by operators, ended by POST, never edited."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from extdebug.models import DebugSession, Process

SESSIONS = "/admin/extdebug/debugsession/"
PROCESSES = "/admin/extdebug/process/"


@pytest.fixture
def olivia(cast: Cast, client: Client) -> Client:
    client.force_login(cast.olivia)
    return client


def session_of(user: User, **more: Any) -> DebugSession:
    now = timezone.now()
    return DebugSession.objects.create(
        user=user, username=user.username, tenant="acme", extension="invoice-sync",
        environment="development", transport="ws", opened_at=now,
        expires_at=now + dt.timedelta(minutes=9), extendable_until=now + dt.timedelta(hours=1),
        process="p", holder="h", **more,
    )  # fmt: skip


def test_live_and_past_sessions_are_told_apart(cast: Cast, olivia: Client):
    live, over = session_of(cast.dan), session_of(cast.dora)
    DebugSession.objects.filter(pk=over.pk).update(closed_at=timezone.now(), close_code=1000)
    for choice, shown, hidden in (("yes", live, over), ("no", over, live)):
        page = olivia.get(SESSIONS, {"open": choice}).text
        assert str(shown.pk) in page
        assert str(hidden.pk) not in page


def test_ending_asks_first_and_is_recorded(cast: Cast, olivia: Client):
    row = session_of(cast.dan)
    assert olivia.get(f"{SESSIONS}{row.pk}/end/").status_code == 200
    row.refresh_from_db()
    assert row.end_requested_at is None, "a GET only asks"

    assert olivia.post(f"{SESSIONS}{row.pk}/end/").status_code == 302
    row.refresh_from_db()
    assert row.end_requested_at is not None
    assert AuditRecord.objects.filter(actor_name="olivia", subject_id=str(row.pk)).exists()
    assert olivia.post(f"{SESSIONS}{row.pk}/end/").status_code == 409, "it is being ended already"


def test_selected_sessions_are_ended_after_one_question(cast: Cast, olivia: Client):
    rows = [session_of(cast.dan), session_of(cast.dora)]
    said = {"action": "end_selected", "_selected_action": [str(row.pk) for row in rows]}
    assert olivia.post(SESSIONS, said).status_code == 200
    assert not DebugSession.objects.exclude(end_requested_at=None).exists()
    olivia.post(SESSIONS, {**said, "confirmed": "yes"})
    assert DebugSession.objects.exclude(end_requested_at=None).count() == 2


def test_reading_one_session_is_recorded(cast: Cast, olivia: Client):
    row = session_of(cast.dan, filters=[{"q": "error"}])
    page = olivia.get(f"{SESSIONS}{row.pk}/change/").text

    assert "error" in page
    assert AuditRecord.objects.filter(actor_name="olivia", action="audit.read").exists()


def test_a_process_says_what_it_reads(cast: Cast, olivia: Client):
    now = timezone.now()
    Process.objects.create(
        name="p1", host="h", pid=1, started_at=now, beat_at=now,
        health={"sessions": 3, "streams": [{"target": "acme:<b>"}]},
    )  # fmt: skip
    page = olivia.get(PROCESSES).text
    assert "acme:&lt;b&gt;" in page
    assert "acme:<b>" not in page


@pytest.mark.parametrize("path", [SESSIONS, PROCESSES])
def test_nothing_is_added_changed_or_deleted_by_hand(cast: Cast, olivia: Client, path: str):
    row = session_of(cast.dan)
    assert olivia.get(f"{path}add/").status_code in (403, 404)
    assert olivia.post(f"{SESSIONS}{row.pk}/change/", {"username": "x"}).status_code == 405
    assert olivia.post(f"{SESSIONS}{row.pk}/delete/", {"post": "yes"}).status_code in (403, 405)
    assert DebugSession.objects.filter(pk=row.pk, username="dan").exists()


def test_staff_without_the_right_are_refused(cast: Cast, client: Client):
    row = session_of(cast.dan)
    client.force_login(User.objects.create_user("stefan", is_staff=True))
    for path in (SESSIONS, PROCESSES, f"{SESSIONS}{row.pk}/change/", f"{SESSIONS}{row.pk}/end/"):
        assert client.get(path).status_code in (403, 404)
    assert client.post(f"{SESSIONS}{row.pk}/end/").status_code in (403, 404)
    row.refresh_from_db()
    assert row.end_requested_at is None


def test_the_list_says_how_a_session_ended_and_its_page_what_it_asked_for(
    cast: Cast, olivia: Client
):
    over = session_of(
        cast.dan, closed_at=timezone.now() + dt.timedelta(minutes=1), close_code=4409,
        close_reason="grant", filters=[{"q": "ms>=500", "level": "warn"}, {}],
        lost={"retention": 2, "reset": 0},
    )  # fmt: skip
    assert "The grant ended or was revoked" in olivia.get(SESSIONS).text
    page = olivia.get(f"{SESSIONS}{over.pk}/change/").text
    assert "<code>ms&gt;=500</code> · level warn and above</div>" in page
    assert "every line</div>" in page
    assert "2 expired before they were read" in page
    assert "reset" not in page
