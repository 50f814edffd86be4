"""Notices about grants and changes: by e-mail and by a signed webhook, sent after the transaction.

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
from policies.identity import operators
from policies.mail import sends_mail
from policies.models import ChangeRequest, Grant, Notice

log = logging.getLogger("policies.grants.notifications")

THREAD: Final = "policies-notices"  # the name of the thread that sends what is due
ATTEMPTS: Final = 8
FIRST_PAUSE: Final = dt.timedelta(seconds=30)  # doubles: the last attempt is about an hour later
SUBJECTS: Final[dict[str, str]] = {
    "requested": "Approval wanted: {label} for {beneficiary} on {tenant}/{extension}",
    "approved": "Approved: {label} on {tenant}/{extension}",
    "denied": "Denied: {label} on {tenant}/{extension}",
    "revoked": "Revoked: {label} on {tenant}/{extension}",
    "cancelled": "Cancelled: {label} on {tenant}/{extension} has too few valid approvals",
    "lapsed": "Expired without a decision: {label} on {tenant}/{extension}",
    "break_glass": "BREAK-GLASS: {beneficiary} opened {tenant}/{extension} without approval",
    "reviewed": "Reviewed: your break-glass grant {label}",
}
# How a mail begins, where "revoked by olivia" would not be words.
_DONE: Final[dict[str, str]] = {
    "cancelled": "cancelled, because too few of its approvals are still valid",
    "lapsed": "expired without a decision",
    "break_glass": "break-glass access, used by {who}",
}
NOBODY_IS_TOLD: Final = (
    "Break-glass access would alert nobody: no other operator has an e-mail address that messages"
    " are sent to, and there is no webhook. Set EMAIL_URL and addresses, or EXT_DEBUG_WEBHOOK_URL."
)


def unreached(people: Iterable[Any]) -> list[str]:
    """Of these users, the names of those whom no message can reach: no e-mail and no webhook."""
    if webhook.is_configured():
        return []
    mails = sends_mail()
    return sorted(user.get_username() for user in people if not (mails and user.email))


def reach(people: Iterable[User]) -> bool:
    """Whether an alert would reach any of these, by mail or by the webhook.

    Outside production mail that only goes to the log counts as well: a developer reads it there.
    """
    mails = sends_mail() or not settings.PRODUCTION
    return webhook.is_configured() or (mails and any(person.email for person in people))


def announce(
    kind: str, grant: Grant, *, to: Iterable[User], by: User | None, details: Mapping[str, Any]
) -> None:
    """Write the notices of this change in the caller's transaction; sent after its commit."""
    who = by.get_username() if by is not None else "the clock"
    _write(
        kind,
        SUBJECTS[kind].format(**details),
        _body(kind, grant, who=who, details=details),
        to=to,
        event={"event": f"grant.{kind}", "by": who, "grant": details},
        desk=f"grant/{grant.pk}/change/",
        grant=grant,
    )


def announce_change(
    change: ChangeRequest, said: str, *, to: Iterable[User], by: User | None
) -> None:
    """Write the notices that a change was asked for or decided; `said` is `change.<said>`."""
    who = by.get_username() if by is not None else "the clock"
    facts = {
        "label": change.label,
        "what": change.summary,
        "requester": change.requester.get_username(),
        "reason": change.reason,
        "answer": change.comment,
    }
    subject = f"Change {said.replace('_', ' ')}: {change.label} {change.summary}"
    lines = [
        f"{change.label}: {said.replace('_', ' ')} by {who}",
        "",
        f"What:       {change.summary}",
        f"Asked by:   {facts['requester']}",
        f"Reason:     {change.reason}",
        *([f"Answer:     {change.comment}"] if change.comment else []),
    ]
    event = {"event": f"change.{said}", "by": who, "change": facts}
    desk = f"changerequest/{change.pk}/change/"
    _write(f"change_{said}", subject, "\n".join(lines) + "\n", to=to, event=event, desk=desk)


def announce_alone(what: str, why: str, *, by: User | None, who: str = "") -> None:
    """Tell every other operator that one person, or `who` is no person, made a change that needs
    two."""
    who = by.get_username() if by is not None else who
    lines = [
        f"{who} changed {what} without a second person.",
        "",
        f"Why two:    {why}",
        "Allowed by: EXT_DEBUG_ONE_PERSON, which is set on this console",
    ]
    others = operators.operators()
    if by is not None:
        others = others.exclude(pk=by.pk)
    event = {"event": "change.made_alone", "by": who, "what": what, "why": why}
    subject = f"CHANGED ALONE: {who}: {what}"
    body = "\n".join(lines) + "\n"
    _write("change_alone", subject, body, to=others, event=event, desk="changerequest/")


def tell_operators(
    kind: str,
    subject: str,
    lines: Iterable[str],
    *,
    event: Mapping[str, Any],
    also: Iterable[User] = (),
) -> None:
    """Tell every operator, and who it is about, in these lines."""
    people = {user.pk: user for user in (*operators.operators(), *also)}
    body = "\n".join(lines) + "\n"
    _write(kind, subject, body, to=people.values(), event=event, desk="")


def announce_purge(stream: str, lines: int, reason: str, *, by: User) -> None:
    """Tell every other operator that one person removes what a stream retains."""
    who = by.get_username()
    said = [
        f"{who} purges {lines} line{'' if lines == 1 else 's'} of {stream}.",
        "",
        f"Reason:     {reason}",
        "It cannot be undone. The audit trail has the range and, when it is done, the result.",
    ]
    others = operators.operators().exclude(pk=by.pk)
    event = {"event": "stream.purge_ordered", "by": who, "stream": stream, "reason": reason}
    _write(
        "stream_purge", f"PURGED: {stream} by {who}", "\n".join(said) + "\n",
        to=others, event=event, desk="process/", app="extdebug",
    )  # fmt: skip


def _write(
    kind: str,
    subject: str,
    body: str,
    *,
    to: Iterable[User],
    event: Mapping[str, Any],
    desk: str,
    app: str = "policies",
    grant: Grant | None = None,
) -> None:
    """`desk` is the page that operators are led to; everybody else is led to their access page."""
    now = clock.now()
    people = [user for user in to if user.email]
    leads = {user.pk for user in operators.operators().filter(pk__in=[u.pk for u in people])}
    common = {
        "grant": grant,
        "kind": kind,
        "subject": " ".join(subject.split())[:200],
        "created_at": now,
        "due_at": now,
    }
    notices = [
        Notice(
            **common,
            channel=Notice.Channel.EMAIL,
            recipients=[user.email],
            body=body + _link(f"admin/{app}/{desk}" if user.pk in leads else "access/"),
        )
        for user in people
    ]
    if getattr(settings, "EXT_DEBUG_WEBHOOK_URL", ""):
        text = json.dumps({**event, "at": now.isoformat()}, separators=(",", ":"))
        notices.append(Notice(**common, channel=Notice.Channel.WEBHOOK, body=text))
    if notices:
        Notice.objects.bulk_create(notices)
        transaction.on_commit(courier.wake, robust=True)


def _link(path: str) -> str:
    base = getattr(settings, "EXT_DEBUG_BASE_URL", "").rstrip("/")
    return f"\n{base}/{path}\n" if base else ""


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
        f"{details['label']}: {_DONE.get(kind, f'{kind} by {who}').format(who=who)}",
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
    return "\n".join(lines) + "\n"
