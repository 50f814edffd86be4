"""Notices: sent if and only if the change was committed, once, and tried again when they fail."""

import datetime as dt
import json
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends import locmem
from django.db import transaction
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies.grants import notifications, verbs, webhook
from policies.models import Notice
from tests.policies.conftest import granted, in_parallel, request

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


def test_approvers_hear_of_requests_and_requesters_of_answers(cast: Cast) -> None:
    pending = request(cast.alice, beneficiary=cast.dan)
    assert notifications.deliver_due() == 2
    assert sorted(m.to[0] for m in mail.outbox) == ["olivia@example.test", "oscar@example.test"]
    assert (
        mail.outbox[0].subject == f"Approval wanted: {pending.label} for dan on acme/invoice-sync"
    )
    assert "a customer waits" in mail.outbox[0].body
    mail.outbox.clear()
    verbs.deny(pending.pk, by=cast.olivia, reason="ask the customer first")
    assert notifications.deliver_due() == 2
    assert sorted(m.to[0] for m in mail.outbox) == ["alice@example.test", "dan@example.test"]
    assert "ask the customer first" in mail.outbox[0].body


def test_nothing_is_sent_twice(cast: Cast) -> None:
    request(cast.dan)
    assert notifications.deliver_due() == 2
    assert notifications.deliver_due() == 0
    assert len(mail.outbox) == 2


def test_a_reason_cannot_write_headers(cast: Cast) -> None:
    request(cast.dan, reason="x\r\nBcc: everyone@example.test")
    notifications.deliver_due()
    assert all("\n" not in message.subject for message in mail.outbox)
    assert all(message.bcc == [] for message in mail.outbox)


def test_a_failed_notice_is_tried_again_later(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any) -> int:
        raise ConnectionRefusedError("no mail server")

    request(cast.dan)
    monkeypatch.setattr(locmem.EmailBackend, "send_messages", refuse)
    assert notifications.deliver_due() == 0
    notice = Notice.objects.first()
    assert notice is not None
    assert (notice.attempts, notice.sent_at) == (1, None)
    assert "no mail server" in notice.error
    assert notice.due_at > timezone.now() + dt.timedelta(seconds=20)
    monkeypatch.undo()
    assert notifications.deliver_due() == 0  # not yet due
    Notice.objects.update(due_at=timezone.now())
    assert notifications.deliver_due() == 2
    Notice.objects.update(sent_at=None, due_at=timezone.now(), attempts=notifications.ATTEMPTS)
    assert notifications.deliver_due() == 0  # given up


def test_the_webhook_says_the_same_in_plain_data(
    cast: Cast, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EXT_DEBUG_WEBHOOK_URL = "https://hooks.example.test/debug"
    bodies: list[str] = []

    def post(body: str, *, delivery: str) -> None:
        assert delivery.isdigit()
        bodies.append(body)

    monkeypatch.setattr(webhook, "post", post)
    grant = granted(cast, cast.dan)
    notifications.deliver_due()
    events = [json.loads(body) for body in bodies]
    assert [event["event"] for event in events] == ["grant.requested", "grant.approved"]
    assert events[1]["by"] == "olivia"
    assert events[1]["grant"]["label"] == grant.label
    assert events[1]["grant"]["beneficiary"] == "dan"


@pytest.mark.django_db(transaction=True)
def test_a_commit_sends_without_being_asked(cast: Cast) -> None:
    request(cast.dan)
    notifications.courier.wait_until_idle(20)
    assert len(mail.outbox) == 2
    assert not Notice.objects.filter(sent_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_a_rollback_sends_nothing(cast: Cast) -> None:
    with transaction.atomic():
        request(cast.dan)
        transaction.set_rollback(True)
    notifications.courier.wait_until_idle(20)
    assert mail.outbox == []
    assert not Notice.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_processes_send_a_notice_once(cast: Cast) -> None:
    with transaction.atomic():
        request(cast.dan)
        # The rows are there, the courier is not yet woken: as another process would find them.
        transaction.get_connection().run_on_commit.clear()
    sent = in_parallel(*[notifications.deliver_due] * 4)
    assert sum(sent) == 2
    assert len(mail.outbox) == 2
