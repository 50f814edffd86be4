"""Who was shown it: for operators, on record, and as a file that starts no formula."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from audit import trail
from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from extdebug.models import DebugSession
from tests.extdebug.test_admin import session_of

PAGE = "/admin/extdebug/process/shown/"
EXPORT = f"{PAGE}export/"
TARGET = {"tenant": "acme", "extension": "invoice-sync"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def olivia(cast: Cast, client: Client) -> Client:
    client.force_login(cast.olivia)
    return client


def may_export(user: User) -> None:
    user.user_permissions.add(Permission.objects.get(codename="export_auditrecord"))


def watched(user: User, **more: Any) -> DebugSession:
    return session_of(user, reach=[["9000-0", "9900-0"]], filters=[{"q": "=1+1"}], **more)


def test_sessions_are_listed_and_the_look_is_on_record(cast: Cast, olivia: Client) -> None:
    row = watched(cast.dan)
    assert olivia.get(PAGE).status_code == 200
    page = olivia.get(PAGE, {**TARGET, "first": "9500-0", "last": "9500-0"}).text
    assert "1 session of 1 person" in page
    assert "may have been shown" in page
    assert str(row.pk) in page
    read = AuditRecord.objects.get(action="audit.read", actor_name="olivia")
    assert "first=9500-0" in read.data["code"]


def test_nobody_is_said_as_such_and_nonsense_refused(cast: Cast, olivia: Client) -> None:
    assert "Nobody was sent a line" in olivia.get(PAGE, {**TARGET, "last": "5-0"}).text
    assert olivia.get(PAGE, {**TARGET, "first": "x"}).status_code == 400
    assert olivia.post(PAGE, TARGET).status_code == 405


def test_without_a_record_nothing_is_shown(
    cast: Cast, olivia: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise trail.AuditError("nothing")

    watched(cast.dan)
    monkeypatch.setattr("audit.trail.record_read", refuse)
    monkeypatch.setattr("audit.trail.record", refuse)
    for answer in (olivia.get(PAGE, TARGET), olivia.post(EXPORT, TARGET)):
        assert answer.status_code == 503
        assert "dan" not in answer.text


def test_the_file_starts_no_formula_and_is_an_export_on_record(cast: Cast, olivia: Client) -> None:
    row = watched(cast.dan, ip="@SUM(1)")
    trail.record(
        trail.Entry(
            trail.Action.SESSION_LINES_SAVED, actor=trail.SYSTEM, subject_type="session",
            subject_id=str(row.pk), data={"code": "file, 9 lines", "repeats": 2},
        )
    )  # fmt: skip
    answer = olivia.post(EXPORT, {**TARGET, "first": "9000-0"})
    head, line = csv.reader(io.StringIO(answer.text))
    said = dict(zip(head, line, strict=True))
    assert (said["person"], said["address"]) == ("dan", "'@SUM(1)")
    assert said["filters"] == '[{"q": "=1+1"}]'
    assert "file, 9 lines, and 2 times more" in said["lines saved"]
    assert (said["first line sent"], said["last line sent"]) == ("9000-0", "9900-0")
    made = AuditRecord.objects.get(action="audit.exported")
    assert (made.actor_name, made.data["first"]) == ("olivia", "9000-0")
    assert olivia.post(EXPORT, {**TARGET, "last": "x"}).status_code == 400
    assert olivia.get(EXPORT, TARGET).status_code == 405


def test_an_operator_without_the_right_to_export_the_trail_gets_no_file(
    cast: Cast, client: Client
) -> None:
    otto = User.objects.create_user("otto", is_staff=True)
    otto.user_permissions.add(Permission.objects.get(codename="operate_debug"))
    client.force_login(otto)
    watched(cast.dan)
    assert EXPORT not in client.get(PAGE, TARGET).text
    assert client.post(EXPORT, TARGET).status_code == 403
    assert not AuditRecord.objects.filter(action="audit.exported").exists()


@pytest.mark.parametrize("who", ["mallory", "dan", "dora", "alice", "greta"])
def test_nobody_else_reads_it(cast: Cast, client: Client, who: str) -> None:
    watched(cast.dan)
    may_export(getattr(cast, who))
    client.force_login(getattr(cast, who))
    for answer in (client.get(PAGE, TARGET), client.post(EXPORT, TARGET)):
        assert answer.status_code in (302, 403, 404)
        assert "9000-0" not in answer.text
    assert not AuditRecord.objects.filter(action__in=["audit.read", "audit.exported"]).exists()
