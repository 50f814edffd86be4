"""Notices: sent if and only if the change was committed, once, and tried again when they fail."""

import datetime as dt
import json
from http.server import HTTPServer
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies.grants import notifications, verbs
from policies.models import Notice
from tests.fixtures.threads import join_named
from tests.policies.conftest import granted, in_parallel, request
from tests.policies.grants.conftest import Receiver

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


def test_a_link_leads_where_its_reader_may_go(cast: Cast, settings: Any) -> None:
    settings.EXT_DEBUG_BASE_URL = "https://console.example/"
    pending = request(cast.dan)
    notifications.deliver_due()
    desk = f"https://console.example/admin/policies/grant/{pending.pk}/change/\n"
    assert {message.to[0] for message in mail.outbox if message.body.endswith(desk)} == {
        "olivia@example.test", "oscar@example.test",
    }  # fmt: skip
    mail.outbox.clear()
    verbs.deny(pending.pk, by=cast.olivia, reason="ask the customer first")
    notifications.deliver_due()
    (answer,) = mail.outbox
    assert answer.to == ["dan@example.test"]
    assert answer.body.endswith("https://console.example/access/\n")
    assert "/admin/" not in answer.body
    settings.EXT_DEBUG_BASE_URL = ""
    request(cast.alice)
    mail.outbox.clear()
    notifications.deliver_due()
    assert not any("http" in message.body for message in mail.outbox)


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


class NoMailServer(BaseEmailBackend):
    """An e-mail backend whose server is away."""

    def send_messages(self, email_messages: Any) -> int:
        raise ConnectionRefusedError("no mail server")


def test_a_failed_notice_is_tried_again_later(cast: Cast, settings: Any) -> None:
    request(cast.dan)
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = f"{__name__}.NoMailServer"
    assert notifications.deliver_due() == 0
    notice = Notice.objects.first()
    assert notice is not None
    assert (notice.attempts, notice.sent_at) == (1, None)
    assert "no mail server" in notice.error
    assert notice.due_at > timezone.now() + dt.timedelta(seconds=20)
    settings.EMAIL_BACKEND = working
    assert notifications.deliver_due() == 0  # not yet due
    Notice.objects.update(due_at=timezone.now())
    assert notifications.deliver_due() == 2
    Notice.objects.update(sent_at=None, due_at=timezone.now(), attempts=notifications.ATTEMPTS)
    assert notifications.deliver_due() == 0  # given up


def test_the_webhook_says_the_same_in_plain_data(cast: Cast, receiver: HTTPServer) -> None:
    grant = granted(cast, cast.dan)
    notifications.deliver_due()
    deliveries = {headers["X-Ext-Debug-Delivery"] for headers, _ in Receiver.seen}
    sent = Notice.objects.filter(channel=Notice.Channel.WEBHOOK, sent_at__isnull=False)
    assert deliveries == {str(pk) for pk in sent.values_list("pk", flat=True)}
    events = [json.loads(body) for _, body in Receiver.seen]
    assert [event["event"] for event in events] == ["grant.requested", "grant.approved"]
    assert events[1]["by"] == "olivia"
    assert events[1]["grant"]["label"] == grant.label
    assert events[1]["grant"]["beneficiary"] == "dan"


@pytest.mark.django_db(transaction=True)
def test_a_commit_sends_without_being_asked(cast: Cast) -> None:
    request(cast.dan)
    join_named(notifications.THREAD)
    assert len(mail.outbox) == 2
    assert not Notice.objects.filter(sent_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_a_rollback_sends_nothing(cast: Cast) -> None:
    with transaction.atomic():
        request(cast.dan)
        transaction.set_rollback(True)
    join_named(notifications.THREAD)
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
