"""The trail in the admin: read-only, and whoever reads, verifies or exports it is recorded."""

import datetime as dt
import json
import re

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Permission
from django.db import connections
from django.test import AsyncClient
from django.urls import reverse
from django.utils import timezone

from audit import integrity, trail
from audit.models import AuditRecord, ChangeNote, Outbox
from tests.audit.conftest import record
from tests.fixtures.database import without_triggers
from tests.fixtures.trail import refusing

LIST = "/admin/audit/auditrecord/"


@pytest.fixture
def reader(db, django_user_model, client):
    """An operator who may see the trail but not export it, signed in."""
    user = django_user_model.objects.create_user("olivia", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_auditrecord"))
    client.force_login(user)
    return client


@pytest.fixture
def exporter(reader, django_user_model):
    user = django_user_model.objects.get(username="olivia")
    user.user_permissions.add(Permission.objects.get(codename="export_auditrecord"))
    return reader


@pytest.fixture
def rows(db):
    return [
        record(
            action=trail.Action.GRANT_APPROVED,
            actor=trail.Actor(id="7", name="oscar"),
            tenant=tenant,
            extension="invoice-sync",
            subject_type="grant",
            subject_id=str(number),
            reason="<script>alert(1)</script>",
            data={"ticket": f"T-{number}"},
        )
        for number, tenant in enumerate(("acme", "globex"))
    ]


def actions():
    return list(AuditRecord.objects.order_by("seq").values_list("action", flat=True))


def test_the_list_shows_the_trail_and_its_state_and_records_the_reading(reader, rows):
    page = reader.get(LIST)
    text = page.content.decode()
    assert page.status_code == 200
    assert "oscar" in text
    assert re.search(r">acme</span> / <span [^>]+>invoice-sync<", text)
    assert "<script>alert(1)" not in text
    assert "Integrity" in text
    assert "No checkpoint yet" in text
    read = AuditRecord.objects.get(action="audit.read")
    assert (read.actor_name, read.data["code"]) == ("olivia", LIST)


def test_the_same_page_again_in_a_minute_is_not_another_row(reader, rows):
    for _ in range(4):
        reader.get(LIST)
    assert actions().count("audit.read") <= 2  # two only where a minute ended meanwhile


@pytest.mark.parametrize(
    ("query", "found"),
    [("q=globex", 1), ("q=oscar", 2), ("action=grant.approved", 2), ("tenant=acme", 1)],
)
def test_the_list_can_be_searched_and_filtered(reader, rows, query, found):
    page = reader.get(f"{LIST}?{query}")
    targets = [row.tenant for row in page.context["cl"].result_list if row.tenant]
    assert len(targets) == found


def test_a_row_shows_its_details_and_whether_it_is_chained(reader, rows):
    text = reader.get(f"{LIST}{rows[0].pk}/change/").content.decode()
    assert "T-0" in text
    assert rows[0].hash in text
    with without_triggers(connections["default"]), connections["default"].cursor() as cursor:
        cursor.execute("UPDATE audit_auditrecord SET reason = 'forged' WHERE seq = 1")
    forged = reader.get(f"{LIST}?seq=1").context["cl"].result_list[0]
    assert not trail.matches(forged)


def test_nobody_changes_anything_here_superusers_included(admin_client, rows):
    change = f"{LIST}{rows[0].pk}/change/"
    assert admin_client.post(change, {"reason": "x"}).status_code == 403
    assert admin_client.post(f"{LIST}{rows[0].pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin_client.post(f"{LIST}add/", {}).status_code == 403
    admin_client.post(LIST, {"action": "delete_selected", "_selected_action": [rows[0].pk]})
    assert [row.row() for row in rows] == [AuditRecord.objects.get(pk=row.pk).row() for row in rows]


def test_the_outsider_sees_nothing(client, rows, django_user_model):
    for staff in (False, True):
        user = django_user_model.objects.create_user(f"mallory-{staff}", is_staff=staff)
        client.force_login(user)
        for place in (LIST, f"{LIST}{rows[0].pk}/change/"):
            answer = client.get(place)
            assert answer.status_code in (302, 403)
            assert b"oscar" not in answer.content
        for place in ("verify", "export"):
            answer = client.post(reverse(f"admin:audit_{place}"))
            assert answer.status_code in (302, 403)
    assert set(actions()) == {"grant.approved", "page.refused"}


def test_a_trail_that_cannot_record_the_reader_is_not_shown(reader, rows):
    with refusing(connections["default"]):
        answer = reader.get(LIST)
    assert answer.status_code == 503
    assert b"oscar" not in answer.content


def test_verifying_is_a_post_and_its_verdict_is_a_row(reader, rows):
    assert reader.get(reverse("admin:audit_verify")).status_code == 405
    answer = reader.post(reverse("admin:audit_verify"), follow=True)
    assert "Integrity verified" in answer.content.decode()
    assert AuditRecord.objects.get(action="audit.verified").data["ok"] is True
    with without_triggers(connections["default"]), connections["default"].cursor() as cursor:
        cursor.execute("UPDATE audit_auditrecord SET reason = 'forged' WHERE seq = 1")
    text = reader.post(reverse("admin:audit_verify"), follow=True).content.decode()
    assert "Verification FAILED" in text
    assert "edited at 1" in text
    assert AuditRecord.objects.filter(action="audit.verified", data__ok=False).count() == 1


def test_an_export_needs_its_own_permission_and_a_post(reader, rows):
    assert reader.get(reverse("admin:audit_export")).status_code == 405
    assert reader.post(reverse("admin:audit_export")).status_code == 403
    assert 'name="format"' not in reader.get(LIST).content.decode()


def test_an_export_downloads_what_was_asked_for_and_is_recorded(exporter, rows):
    answer = exporter.post(reverse("admin:audit_export"), {"format": "jsonl", "tenant": "acme"})
    lines = [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]
    assert [(row["action"], row["tenant"]) for row in lines] == [
        ("grant.approved", "acme"),
        ("audit.exported", "acme"),
    ]
    assert AuditRecord.objects.get(action="audit.exported").actor_name == "olivia"
    assert exporter.post(reverse("admin:audit_export"), {"since": "soon"}).status_code == 400
    assert exporter.post(reverse("admin:audit_export"), {"format": "exe"}).status_code == 400


@pytest.mark.django_db(transaction=True)
async def test_an_export_streams_under_asgi(django_user_model):
    user = await django_user_model.objects.acreate(
        username="oscar", is_staff=True, is_superuser=True
    )
    await sync_to_async(record)(action=trail.Action.GRANT_APPROVED)
    client = AsyncClient()
    await client.aforce_login(user)
    answer = await client.post(reverse("admin:audit_export"), {"format": "csv"})
    chunks = answer.streaming_content  # type: ignore[attr-defined]
    text = b"".join([chunk async for chunk in chunks]).decode()
    assert text.count("grant.approved") == 1


def test_rows_that_wait_are_shown(reader, rows):
    Outbox.objects.create(entry={"action": "session.closed"}, error="lock timeout")
    assert "1 row waits to be written" in reader.get(LIST).content.decode()


def test_a_restored_database_shows_its_cut_without_being_asked(reader, rows, settings, tmp_path):
    settings.AUDIT_SIGNING_KEY = "11" * 32
    settings.AUDIT_CHECKPOINT_DIR = str(tmp_path)
    point = integrity.checkpoint()
    assert point is not None
    assert "an older database was restored" not in reader.get(LIST).text
    with without_triggers(connections["default"]), connections["default"].cursor() as cursor:
        cursor.execute("DELETE FROM audit_checkpoint")
        cursor.execute(f"DELETE FROM audit_auditrecord WHERE seq >= {point.seq}")
    assert "an older database was restored" in reader.get(LIST).text
    for _ in range(3):  # rows of today where the signed ones stood
        record()
    assert "an older database was restored" in reader.get(LIST).text


def test_changes_that_the_trail_does_not_take_are_counted_as_waiting(reader, rows):
    note = {
        "txid": "0", "table_name": "t", "row_key": "1", "operation": "DELETE", "was": {},
        "subject_type": "lock", "subject_id": "1",
    }  # fmt: skip
    ChangeNote.objects.create(at=timezone.now(), **note)  # of this moment: it is on its way
    assert "to be written" not in reader.get(LIST).text
    ChangeNote.objects.create(at=timezone.now() - dt.timedelta(minutes=2), **note)
    assert "1 row waits to be written" in reader.get(LIST).text


def test_rows_are_about_things_with_names_and_their_ids_stand_behind(reader):
    session = "7e0c1a2b-97c8-4f6a-9d0e-5b1c2d3e4f50"
    record(
        action=trail.Action.SESSION_CLOSED, subject_type="session", subject_id=session,
        reason="grant", data={"code": 4409},
    )  # fmt: skip
    asked = record(
        action=trail.Action.CHANGE_REQUESTED, subject_type="changerequest", subject_id="3",
        data={"subject": "Add lock: lock on acme"},
    )  # fmt: skip
    text = reader.get(LIST).content.decode()
    assert f'title="session {session}"' in text
    assert ">session 7e0c1a2b…</span>" in text
    assert '<span title="4409 grant">The grant ended or was revoked</span>' in text
    assert "change request C-3: Add lock: lock on acme</span>" in text
    page = reader.get(f"{LIST}{asked.pk}/change/").content.decode()
    assert "<code>changerequest 3</code>" in page
