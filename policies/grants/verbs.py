"""The verbs of a grant. Each changes its row by conditional update and records it, or raises.

`requested -> scheduled -> active -> ended | released | revoked`; `requested -> denied | withdrawn |
lapsed`; `scheduled -> cancelled | revoked`. Errors: GrantRefused, GrantMissing, GrantConflict.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q

from audit.trail import Action, AuditError
from policies.database import clock
from policies.grants import claims as acts
from policies.grants.claims import GrantConflict, GrantError, GrantMissing, GrantRefused
from policies.grants.expiry import lapse, settle
from policies.grants.refusals import recorded_act
from policies.grants.requests import break_glass, extend, request
from policies.models import Approval, BreakGlassReview, Grant

__all__ = [
    "GrantConflict",
    "GrantError",
    "GrantMissing",
    "GrantRefused",
    "approve",
    "break_glass",
    "cancel",
    "deny",
    "extend",
    "lapse",
    "release",
    "request",
    "review",
    "revoke",
    "withdraw",
]

State = Grant.State


@recorded_act
def approve(
    grant_id: int,
    *,
    by: User,
    comment: str = "",
    minutes: int | None = None,
    version: int | None = None,
    ip: str = "",
) -> Grant:
    """Approve; the last approval that is needed activates or schedules the grant.

    `minutes` may shorten it. Of the request's terms and today's policy the stricter counts.
    """
    with transaction.atomic():
        row = acts.locked(grant_id, version=version)
        acts.require_judge(row, by)
        acts.expect(row, State.REQUESTED, to="approve")
        acts.require_factor(by)
        now = clock.now()
        if row.lapses_at <= now:
            raise GrantConflict(
                "late", f"{row.label} expired unanswered at {acts.moment(row.lapses_at)}."
            )
        rules = acts.policy()
        _require_worth(row)
        wanted = [row.minutes, rules.max_grant_minutes, *([minutes] if minutes else [])]
        lasts = max(1, min(wanted))
        required = max(row.approvals_required, rules.approvals_required)
        _judge(row, by=by, verdict=Approval.Verdict.APPROVE, comment=comment, now=now)
        given = acts.given(row)
        terms = {"minutes": lasts, "approvals_required": required}
        # The deadline is asked once more of the clock at the moment of the update.
        in_time = Q(lapses_at__gt=clock.ClockNow())
        if given < required:
            acts.change(row, in_time, **terms)
            action = Action.GRANT_APPROVAL_GIVEN
        else:
            starts = max(now, row.starts_after or now)
            acts.change(
                row,
                in_time,
                **terms,
                state=State.ACTIVE if starts <= now else State.SCHEDULED,
                starts_at=starts,
                ends_at=starts + dt.timedelta(minutes=lasts),
            )
            action = Action.GRANT_APPROVED if row.state == State.ACTIVE else Action.GRANT_SCHEDULED
            acts.tell("approved", row, by=by)
        acts.record(action, row, by=by, ip=ip, reason=comment, approvals=given)
    return row


@recorded_act
def deny(
    grant_id: int, *, by: User, reason: str, version: int | None = None, ip: str = ""
) -> Grant:
    """Deny the request; one denial is enough. `reason` is shown to the requester."""
    with transaction.atomic():
        row = acts.locked(grant_id, version=version)
        acts.require_judge(row, by)
        acts.expect(row, State.REQUESTED, to="deny")
        _say_why(reason)
        _judge(row, by=by, verdict=Approval.Verdict.DENY, comment=reason, now=clock.now())
        _close(row, State.DENIED, by=by, reason=reason)
        acts.tell("denied", row, by=by)
        acts.record(Action.GRANT_DENIED, row, by=by, ip=ip, reason=reason)
    return row


@recorded_act
def withdraw(grant_id: int, *, by: User, version: int | None = None, ip: str = "") -> Grant:
    """Take a pending request back; for requester and beneficiary."""
    return _step_back("withdraw", grant_id, by=by, version=version, ip=ip)


@recorded_act
def cancel(grant_id: int, *, by: User, version: int | None = None, ip: str = "") -> Grant:
    """Give a scheduled grant up before it starts; for requester and beneficiary."""
    return _step_back("cancel", grant_id, by=by, version=version, ip=ip)


@recorded_act
def release(grant_id: int, *, by: User, version: int | None = None, ip: str = "") -> Grant:
    """End an active grant early; for requester and beneficiary."""
    return _step_back("release", grant_id, by=by, version=version, ip=ip)


@recorded_act
def revoke(
    grant_id: int, *, by: User, reason: str, version: int | None = None, ip: str = ""
) -> Grant:
    """End a grant now, with every grant that extends it; for operators who are not locked."""
    with suppress(AuditError):  # a label; to revoke, the grant may be scheduled as well
        settle(grant_id)
    with transaction.atomic():
        row = acts.locked(grant_id, version=version)
        if not acts.judges().filter(pk=by.pk).exists():
            raise GrantRefused(
                "not_operator", "Only an operator whose account is not locked can revoke a grant."
            )
        acts.expect(row, State.SCHEDULED, State.ACTIVE, to="revoke")
        _say_why(reason)
        for ended in [row, *_extensions(row)]:
            granted = ended.state in (State.SCHEDULED, State.ACTIVE)
            because = reason if ended is row else f"{row.label}, which it extends, was revoked"
            _close(ended, State.REVOKED if granted else State.DENIED, by=by, reason=because)
            acts.tell("revoked" if granted else "denied", ended, by=by)
            action = Action.GRANT_REVOKED if granted else Action.GRANT_DENIED
            acts.record(action, ended, by=by, ip=ip, reason=because)
    return row


@recorded_act
def review(
    grant_id: int, *, by: User, justified: bool, comment: str, ip: str = ""
) -> BreakGlassReview:
    """Review a break-glass grant that is over; its user may then use break-glass access again."""
    with transaction.atomic():
        row = Grant.objects.select_for_update(of=("self",)).filter(pk=grant_id).first()
        if row is None or not row.break_glass or row.ends_at is None:
            raise GrantMissing("missing", f"There is no break-glass grant G-{grant_id}.")
        acts.require_judge(row, by)
        acts.require_factor(by)
        now = clock.now()
        if row.closed_at is None and row.ends_at > now:
            raise GrantConflict("active", f"{row.label} is still active: revoke it first.")
        if row.reviewed_at is not None:
            raise GrantConflict("reviewed", f"{row.label} was reviewed before.")
        _say_why(comment)
        verdicts = BreakGlassReview.Verdict
        judgement = BreakGlassReview.objects.create(
            grant=row,
            reviewer=by,
            requester=row.requester,
            beneficiary=row.beneficiary,
            verdict=verdicts.JUSTIFIED if justified else verdicts.UNJUSTIFIED,
            comment=comment,
            created_at=now,
        )
        acts.change(row, Q(reviewed_at__isnull=True), reviewed_at=now)
        acts.tell("reviewed", row, by=by)
        acts.record(
            Action.BREAK_GLASS_REVIEWED, row, by=by, ip=ip, reason=comment,
            verdict=judgement.verdict,
        )  # fmt: skip
    return judgement


# The verb -> the state it takes, the state it leaves, and what stands in the trail.
_STEPS_BACK: Final = {
    "withdraw": (State.REQUESTED, State.WITHDRAWN, Action.GRANT_WITHDRAWN),
    "cancel": (State.SCHEDULED, State.CANCELLED, Action.GRANT_CANCELLED),
    "release": (State.ACTIVE, State.RELEASED, Action.GRANT_RELEASED),
}


def _step_back(verb: str, grant_id: int, *, by: User, version: int | None, ip: str) -> Grant:
    before, after, action = _STEPS_BACK[verb]
    settle(grant_id)
    with transaction.atomic():
        row = acts.locked(grant_id, version=version)
        acts.require_party(row, by)
        acts.expect(row, before, to=verb)
        _close(row, after, by=by)
        acts.record(action, row, by=by, ip=ip)
    return row


def _close(row: Grant, state: State, *, by: User, reason: str = "") -> None:
    acts.change(
        row, state=state, closed_at=clock.ClockNow(), closed_by=by, closed_reason=reason.strip()
    )


def _judge(
    row: Grant, *, by: User, verdict: Approval.Verdict, comment: str, now: dt.datetime
) -> None:
    try:
        with transaction.atomic():
            Approval.objects.create(
                grant=row,
                approver=by,
                requester=row.requester,
                beneficiary=row.beneficiary,
                verdict=verdict,
                comment=comment.strip(),
                created_at=now,
            )
    except IntegrityError as error:
        raise GrantConflict("twice", f"You have decided on {row.label} before.") from error


def _require_worth(row: Grant) -> None:
    """GrantRefused when the beneficiary could not watch with it, or what it extends was revoked."""
    who = row.beneficiary.get_username()
    decision = acts.decision_of(row.beneficiary, tenant=row.tenant_key, extension=row.extension_key)
    if (obstacle := decision.about(who).obstacle()) is not None:
        raise GrantRefused(obstacle.rule, f"{who} would still be denied: {obstacle.reason}")
    if row.extends is not None and row.extends.state == State.REVOKED:
        raise GrantRefused("extends", f"{row.extends.label}, which it extends, was revoked.")


def _extensions(row: Grant) -> Iterable[Grant]:
    """What extends this grant, and what extends that, as far as it is open; locked in order."""
    children = Grant.objects.select_for_update(of=("self",)).filter(extends=row).order_by("pk")
    for child in children:
        if child.closed_at is None:
            yield child
        yield from _extensions(child)


def _say_why(reason: str) -> None:
    if not reason.strip():
        raise GrantRefused("reason", "Say why: the people concerned read it.")
