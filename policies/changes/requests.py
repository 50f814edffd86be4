"""The verbs of a change that needs a second person: ask, approve, deny, withdraw, lapse.

Like a grant's: who asks or gains never approves, the answer is a conditional update, and the row's
own audit row, with the request's label in it, shares the transaction with the change.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction

from audit import trail
from audit.tracing import spans
from audit.trail import Action
from policies import consent
from policies.changes import plans, second_person, verbs
from policies.changes.second_person import ChangeRefused, Plan
from policies.database import clock
from policies.grants import claims, notifications
from policies.identity import locks, people
from policies.models import ChangeRequest, Consent

MOST_PENDING: Final = 20  # of one person: other operators' mailboxes are not a target
LONGEST_REASON: Final = 2000  # characters
State = ChangeRequest.State


class ChangeMissing(ChangeRefused):
    """There is no such request."""


class ChangeConflict(ChangeRefused):
    """The request or the row is another by now: look again (HTTP 409)."""


@spans.traced("change.ask", refusals=(ChangeRefused,))
def ask(plan: Plan, *, by: User, reason: str, ip: str = "") -> ChangeRequest:
    """Ask for what one person must not do alone; every operator who can answer is told.

    ChangeRefused without a reason, when nobody could approve it, or when the same is pending.
    """
    reason = reason.strip()
    if not reason or len(reason) > LONGEST_REASON:
        raise ChangeRefused("Say why, in 1 to 2,000 characters: another operator decides by it.")
    with transaction.atomic():
        second_person.require_unlocked(by)
        second_person.require_factor(by)
        approvers = claims.judges(by.pk, *plan.subjects)
        if not approvers.exists():
            raise ChangeRefused(
                "Nobody could approve that: a second operator is needed who neither asks for it nor"
                " gains by it."
            )
        mine = ChangeRequest.objects.filter(requester=by, state=State.REQUESTED)
        pending = mine.filter(lapses_at__gt=clock.ClockNow())
        if pending.count() >= MOST_PENDING:
            raise ChangeRefused(f"{MOST_PENDING} of your requests are pending already.")
        same = {"kind": plan.kind, "object_pk": plan.object_pk, "act": plan.act}
        if pending.filter(**same, columns=plan.columns, related=plan.related).exists():
            raise ChangeRefused("The same change is pending: wait for its answer or withdraw it.")
        now = clock.now()
        row = ChangeRequest(
            **same,
            columns=dict(plan.columns),
            related=dict(plan.related),
            before=plan.before,
            subjects=list(plan.subjects),
            requester=by,
            reason=reason,
            requested_at=now,
            lapses_at=now + dt.timedelta(minutes=claims.policy().pending_minutes),
        )
        if not plans.describe(row, plan):
            raise ChangeConflict("What the change is about is gone.")
        row.save(force_insert=True)
        notifications.announce_change(row, "requested", to=approvers, by=by)
        _record(Action.CHANGE_REQUESTED, row, by=by, ip=ip, reason=reason, why=plan.why)
    return row


@spans.traced("change.approve", refusals=(ChangeRefused,))
def approve(pk: int, *, by: User, comment: str = "", ip: str = "") -> ChangeRequest:
    """Approve a request and make its change, in one transaction.

    ChangeConflict when the row was changed since, or the request is over; ChangeRefused when `by`
    asked for it, gains by it, is no operator or is locked, or when its requester lost their rights.
    """
    with transaction.atomic():
        row = _locked(pk)
        _require_judge(row, by)
        _require_pending(row)
        second_person.require_factor(by)
        if not row.requester.is_active or locks.lock_on(row.requester_id):
            raise ChangeRefused(f"{row.requester} who asked for it is locked or not active.")
        # The claim comes first: its trigger asks the database who approves.
        _decide(row, State.APPLIED, by=by, comment=comment)
        _apply(row, by=by, ip=ip)
        notifications.announce_change(row, "applied", to=[row.requester], by=by)
        _record(Action.CHANGE_APPLIED, row, by=by, ip=ip, reason=comment)
    return row


@spans.traced("change.deny", refusals=(ChangeRefused,))
def deny(pk: int, *, by: User, reason: str, ip: str = "") -> ChangeRequest:
    """Deny a request; its requester reads the reason."""
    if not reason.strip():
        raise ChangeRefused("Say why: the requester reads it.")
    with transaction.atomic():
        row = _locked(pk)
        _require_judge(row, by)
        _require_pending(row)
        _decide(row, State.DENIED, by=by, comment=reason)
        notifications.announce_change(row, "denied", to=[row.requester], by=by)
        _record(Action.CHANGE_DENIED, row, by=by, ip=ip, reason=reason)
    return row


@spans.traced("change.withdraw", refusals=(ChangeRefused,))
def withdraw(pk: int, *, by: User, ip: str = "") -> ChangeRequest:
    """Take one's own request back."""
    with transaction.atomic():
        row = _locked(pk)
        if by.pk != row.requester_id:
            raise ChangeRefused("Only who asked for it can withdraw it.")
        _require_pending(row)
        _decide(row, State.WITHDRAWN, by=None, comment="")
        _record(Action.CHANGE_WITHDRAWN, row, by=by, ip=ip)
    return row


def lapse(*, limit: int = 200) -> int:
    """Label the requests whose time is over (for the janitor); how many."""
    due = ChangeRequest.objects.filter(state=State.REQUESTED, lapses_at__lte=clock.ClockNow())
    done = 0
    for row in due.order_by("pk")[:limit]:
        with transaction.atomic():
            try:
                _decide(row, State.LAPSED, by=None, comment="")
            except ChangeConflict:
                continue
            _record(Action.CHANGE_LAPSED, row, by=None)
            done += 1
    return done


def why_not(row: ChangeRequest, by: User) -> str:
    """Why this person cannot decide on the request, in a sentence; "" when they can."""
    try:
        _require_judge(row, by)
        _require_pending(row)
    except ChangeRefused as refused:
        return str(refused)
    return ""


def _locked(pk: int) -> ChangeRequest:
    row = ChangeRequest.objects.select_for_update(of=("self",)).filter(pk=pk).first()
    if row is None:
        raise ChangeMissing(f"There is no change C-{pk}.")
    return row


def _require_judge(row: ChangeRequest, by: User) -> None:
    parties = {row.requester_id, *row.subjects}
    if by.pk in parties:
        raise ChangeRefused("Who asks for a change or gains by it cannot approve it.")
    if not claims.judges(*parties).filter(pk=by.pk).exists():
        raise ChangeRefused("Only an operator whose account is not locked can decide on it.")


def _require_pending(row: ChangeRequest) -> None:
    if row.state != State.REQUESTED:
        raise ChangeConflict(f"{row.label} is {row.state}.")
    if row.lapses_at <= clock.now():
        raise ChangeConflict(
            f"{row.label} expired unanswered at {claims.moment(row.lapses_at)}: ask again."
        )


def _decide(row: ChangeRequest, state: State, *, by: User | None, comment: str) -> None:
    """Claim the request by a conditional update."""
    claim = ChangeRequest.objects.filter(pk=row.pk, state=State.REQUESTED)
    decision: dict[str, Any] = {
        "decided_by": by,
        "decided_at": clock.ClockNow(),
        "comment": comment.strip()[:LONGEST_REASON],
    }
    if not claim.update(state=state, **decision):
        raise ChangeConflict(f"{row.label} was decided by somebody else.")
    row.refresh_from_db()


def _apply(row: ChangeRequest, *, by: User, ip: str) -> None:
    """Make the change that was asked for, recorded under the second person's name."""
    instance = plans.target(row)
    if instance is None:
        raise ChangeConflict(f"What {row.label} is about was changed since: ask again.")
    if isinstance(instance, Consent):
        # Asked for before the tenant withdrew, or deleting the withdrawal: neither lifts it.
        consent.require_not_withdrawn(instance.tenant, instance.extension)
    if row.act == ChangeRequest.Act.DELETE:
        verbs.delete(instance, by=by, ip=ip, reason=row.reason, approved=row)
        return
    verbs.save(instance, by=by, ip=ip, reason=row.reason, related=row.related or None, approved=row)


def _record(
    action: Action,
    row: ChangeRequest,
    *,
    by: User | None,
    ip: str = "",
    reason: str = "",
    **more: Any,
) -> None:
    spans.note(
        change=row.pk, tenant=row.tenant_key, extension=row.extension_key, state=str(row.state)
    )
    trail.record_change(
        trail.Entry(
            action,
            actor=trail.SYSTEM if by is None else trail.actor_of(by, ip=ip),
            tenant=row.tenant_key,
            extension=row.extension_key,
            subject_type="changerequest",
            subject_id=str(row.pk),
            reason=reason,
            data={
                "label": row.label,
                "subject": row.summary,
                "requester": row.requester.get_username(),
                "asked": row.reason,
                "people": people.names(row.subjects),
                "changed": row.shown.get("changed", {}),  # of the row that it is about
                "is": _told(row),
                **more,
            },
        )
    )


def _told(row: ChangeRequest) -> dict[str, Any]:
    """The request's own columns: a note of the same change is told by this record."""
    return {
        "state": row.state,
        "act": row.act,
        "kind": row.kind,
        "object_pk": row.object_pk,
        "before": row.before,
        "subjects": row.subjects,
        "requester_id": row.requester_id,
        "requested_at": row.requested_at.isoformat(),
        "lapses_at": row.lapses_at.isoformat(),
        "decided_by_id": row.decided_by_id,
        "decided_at": row.decided_at.isoformat() if row.decided_at else None,
        "comment": row.comment,
    }
