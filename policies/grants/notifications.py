"""Notices about grants: by e-mail and by a signed webhook, sent after the transaction.

A notice is a row written with the change, so that it is sent if and only if the change was
committed. After the commit a thread of this process sends it; what fails or is left behind by a
dead process is tried again by the janitor (`deliver_due`), with growing pauses.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db import connections, transaction
from django.db.models import F

from policies.database import clock
from policies.grants import webhook
from policies.mail import sends_mail
from policies.models import Grant, Notice

log = logging.getLogger("policies.grants.notifications")

THREAD: Final = "policies-notices"  # the name of the thread that sends what is due
ATTEMPTS: Final = 8
FIRST_PAUSE: Final = dt.timedelta(seconds=30)  # doubles: the last attempt is about an hour later
SUBJECTS: Final[dict[str, str]] = {
    "requested": "Approval wanted: {label} for {beneficiary} on {tenant}/{extension}",
    "approved": "Approved: {label} on {tenant}/{extension}",
    "denied": "Denied: {label} on {tenant}/{extension}",
    "revoked": "Revoked: {label} on {tenant}/{extension}",
    "lapsed": "Expired without a decision: {label} on {tenant}/{extension}",
    "break_glass": "BREAK-GLASS: {beneficiary} opened {tenant}/{extension} without approval",
    "reviewed": "Reviewed: your break-glass grant {label}",
}


def unreached(people: Iterable[Any]) -> list[str]:
    """Of these users, the names of those whom no message can reach: no e-mail and no webhook."""
    if settings.EXT_DEBUG_WEBHOOK_URL:
        return []
    mails = sends_mail()
    return sorted(user.get_username() for user in people if not (mails and user.email))


def announce(
    kind: str, grant: Grant, *, to: Iterable[User], by: User | None, details: Mapping[str, Any]
) -> None:
    """Write the notices of this change in the caller's transaction; sent after its commit."""
    subject = " ".join(SUBJECTS[kind].format(**details).split())[:200]
    now = clock.now()
    common = {"grant": grant, "kind": kind, "subject": subject, "created_at": now, "due_at": now}
    who = by.get_username() if by is not None else "the clock"
    body = _body(kind, grant, who=who, details=details)
    notices = [
        Notice(**common, channel=Notice.Channel.EMAIL, recipients=[user.email], body=body)
        for user in to
        if user.email
    ]
    if getattr(settings, "EXT_DEBUG_WEBHOOK_URL", ""):
        payload = {"event": f"grant.{kind}", "by": who, "at": now.isoformat(), "grant": details}
        text = json.dumps(payload, separators=(",", ":"))
        notices.append(Notice(**common, channel=Notice.Channel.WEBHOOK, body=text))
    if notices:
        Notice.objects.bulk_create(notices)
        transaction.on_commit(courier.wake, robust=True)


def deliver_due(*, limit: int = 100) -> int:
    """Send what is due and claimed by nobody else; how many were sent. Never raises for one."""
    sent = 0
    due = Notice.objects.filter(
        sent_at__isnull=True, due_at__lte=clock.ClockNow(), attempts__lt=ATTEMPTS
    )
    for notice in due.order_by("pk")[:limit]:
        if _claim(notice):
            sent += _deliver(notice)
    return sent


class Courier:
    """The thread of this process that sends what is due; at most one runs at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._again = threading.Event()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Have the thread send what is due; returns at once."""
        with self._lock:
            self._again.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=THREAD, daemon=True)
                self._thread.start()

    def _work(self) -> None:
        try:
            while self._more():
                deliver_due()
        except Exception:  # the janitor tries again; a thread must not die with a traceback alone
            log.exception("notices wait for the janitor")
            with self._lock:
                self._thread = None
        finally:
            connections.close_all()

    def _more(self) -> bool:
        """Whether somebody woke us since; if not, the next wake starts a new thread."""
        with self._lock:
            if not self._again.is_set():
                self._thread = None
                return False
            self._again.clear()
            return True


courier: Final = Courier()


def _claim(notice: Notice) -> bool:
    """Claim a notice by conditional update: of several processes one gets True and sends it."""
    claimed = Notice.objects.filter(
        pk=notice.pk, sent_at__isnull=True, attempts=notice.attempts
    ).update(attempts=F("attempts") + 1, due_at=clock.now() + FIRST_PAUSE * 2**notice.attempts)
    return bool(claimed)


def _deliver(notice: Notice) -> bool:
    error = ""
    try:
        if notice.channel == Notice.Channel.EMAIL:
            EmailMessage(notice.subject, notice.body, None, notice.recipients).send()
        else:
            webhook.post(notice.body, delivery=str(notice.pk))
    except Exception as failure:  # noqa: BLE001 - any library's error: the notice is tried again
        error = f"{type(failure).__name__}: {failure}"[:300]
        log.warning("notice %s (%s) was not sent: %s", notice.pk, notice.channel, error)
    done = {"error": error} if error else {"error": "", "sent_at": clock.now()}
    Notice.objects.filter(pk=notice.pk).update(**done)
    return not error


def _body(kind: str, grant: Grant, *, who: str, details: Mapping[str, Any]) -> str:
    installs = details["installs"]
    lines = [
        f"{details['label']}: {kind.replace('_', '-')} by {who}",
        "",
        f"Person:     {details['beneficiary']} (requested by {details['requester']})",
        f"Target:     {details['tenant']}/{details['extension']}",
        f"Installs:   {'all' if installs is None else ', '.join(installs)}",
        f"Duration:   {details['minutes']} minutes from activation",
        f"From, to:   {details['starts_at'] or 'approval'}, {details['ends_at'] or '-'}",
        f"Ticket:     {details['ticket'] or '-'}",
        f"Reason:     {details['reason']}",
    ]
    if grant.closed_reason:
        lines.append(f"Answer:     {grant.closed_reason}")
    base = getattr(settings, "EXT_DEBUG_BASE_URL", "").rstrip("/")
    if base:
        lines += ["", f"{base}/admin/policies/grant/{grant.pk}/change/"]
    return "\n".join(lines) + "\n"
