"""The verbs that make a grant: request, extend (a new linked one) and break_glass."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from audit.tracing.spans import traced
from audit.trail import Action
from policies.database import clock
from policies.decisions.facts import EnvironmentRules, grant_needed
from policies.grants import attempts, notifications
from policies.grants import claims as acts
from policies.grants.claims import GrantConflict, GrantError, GrantRefused
from policies.grants.expiry import lapse_one, settle
from policies.grants.refusals import recorded_act
from policies.identity.operators import is_operator
from policies.models import Extension, Grant, Install, Tenant
from policies.models.directory import RESERVED_TENANTS
from policies.models.rules import MAX_BREAK_GLASS_MINUTES

FURTHEST_START: Final = dt.timedelta(days=7)
PENDING_AT_ONCE: Final = 20  # requests of one person: approvers' mailboxes are not a target


@traced("grant.request", refusals=(GrantError,))
def request(
    by: User,
    *,
    tenant: str,
    extension: str,
    minutes: int,
    reason: str,
    beneficiary: User | None = None,
    installs: Collection[str] | None = None,
    ticket: str = "",
    starts_after: dt.datetime | None = None,
    ip: str = "",
) -> Grant:
    """Ask for a grant for oneself or another; `installs=None` means all of them.

    GrantRefused when no approval could make it work (a lock, no relation, mode off, nobody who
    could approve), GrantConflict when the same request is pending already.
    """
    asked_for = (tenant.lower()[:100], extension.lower()[:100])
    with attempts.refusals_on_record(by, asked_for, ip=ip):
        attempts.count(by)
        with transaction.atomic():
            return _ask(
                Action.GRANT_REQUESTED,
                by=by,
                beneficiary=beneficiary or by,
                target=(tenant.lower(), extension.lower()),
                minutes=minutes,
                reason=reason,
                installs=installs,
                ticket=ticket,
                starts_after=starts_after,
                extends=None,
                ip=ip,
            )


@recorded_act
def extend(
    grant_id: int, *, by: User, minutes: int, reason: str, ticket: str = "", ip: str = ""
) -> Grant:
    """Ask for more time: a new request linked to this grant, from where it ends.

    The grant itself never ends later. The same person, target and installs. Counts as asking.
    """
    attempts.count(by)
    settle(grant_id)
    with transaction.atomic():
        parent = acts.locked(grant_id)
        acts.require_party(parent, by)
        acts.expect(parent, Grant.State.ACTIVE, Grant.State.SCHEDULED, to="extend")
        return _ask(
            Action.GRANT_EXTENSION_REQUESTED,
            by=by,
            beneficiary=parent.beneficiary,
            target=(parent.tenant_key, parent.extension_key),
            minutes=minutes,
            reason=reason,
            installs=None if parent.all_installs else list(acts.installs_of(parent)),
            ticket=ticket or parent.ticket,
            starts_after=parent.ends_at,
            extends=parent,
            ip=ip,
        )


@traced("grant.break_glass", refusals=(GrantError,))
def break_glass(
    by: User, *, tenant: str, extension: str, minutes: int, reason: str,
    installs: Collection[str] | None = None, ticket: str = "", ip: str = "",
) -> Grant:  # fmt: skip
    """Give an operator a short grant without approval; every other approver is notified.

    Nothing but approval is skipped. A person has one that is not reviewed (a constraint).
    """
    asked_for = (tenant.lower()[:100], extension.lower()[:100])
    with attempts.refusals_on_record(by, asked_for, ip=ip):
        attempts.count(by)
        return _break_glass(
            by, (tenant.lower(), extension.lower()), minutes=minutes, reason=reason,
            installs=installs, ticket=ticket, ip=ip,
        )  # fmt: skip


def _break_glass(
    by: User,
    target: tuple[str, str],
    *,
    minutes: int,
    reason: str,
    installs: Collection[str] | None,
    ticket: str,
    ip: str,
) -> Grant:
    if not is_operator(by):
        raise GrantRefused("not_operator", "Only an operator can use break-glass access.")
    acts.require_factor(by)
    rules = acts.policy()
    if not rules.break_glass:
        raise GrantRefused("break_glass_off", "Break-glass access is switched off here.")
    others = list(acts.judges(by.pk))
    if not notifications.reach(others):
        raise GrantRefused("nobody_is_told", notifications.NOBODY_IS_TOLD)
    _require_possible(by, target, rules)
    minutes = _minutes(minutes, at_most=min(rules.break_glass_minutes, MAX_BREAK_GLASS_MINUTES))
    with transaction.atomic():
        now = clock.now()
        row = Grant(
            **_target(*target),
            state=Grant.State.ACTIVE,
            requester=by,
            beneficiary=by,
            break_glass=True,
            approvals_required=0,
            all_installs=installs is None,
            reason=_reason(reason),
            ticket=ticket.strip()[:100],
            minutes=minutes,
            requested_at=now,
            lapses_at=now,
            starts_at=now,
            ends_at=now + dt.timedelta(minutes=minutes),
        )
        if Grant.objects.filter(beneficiary=by, break_glass=True, reviewed_at=None).exists():
            raise _unreviewed()
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as error:
            raise _unreviewed() from error
        row.installs.set(_installs(row, installs))
        acts.change(row)  # from version 2 on the database adds no install to it
        notifications.announce("break_glass", row, to=others, by=by, details=acts.describe(row))
        unreached = notifications.unreached(others)
        acts.record(
            Action.BREAK_GLASS_USED, row, by=by, ip=ip, reason=row.reason, unreached=unreached
        )
    return row


def _ask(
    action: Action,
    *,
    by: User,
    beneficiary: User,
    target: tuple[str, str],
    minutes: int,
    reason: str,
    installs: Collection[str] | None,
    ticket: str,
    starts_after: dt.datetime | None,
    extends: Grant | None,
    ip: str,
) -> Grant:
    rules = acts.policy()
    _require_possible(by, target, rules)
    if beneficiary.pk != by.pk:
        _require_possible(beneficiary, target, rules, who=beneficiary.get_username())
    now = clock.now()
    _require_start(starts_after, now=now)
    approvers = acts.judges(by.pk, beneficiary.pk)
    if (there := approvers.count()) < rules.approvals_required:
        raise GrantRefused(
            "nobody_can_approve",
            f"{rules.approvals_required} approval(s) by other operators are needed, and there are "
            f"only {there} who could give one: ask an administrator to add operators.",
        )
    # A request past its deadline is over, whether or not somebody has labelled it.
    mine = Grant.objects.filter(requester=by, state=Grant.State.REQUESTED)
    for overdue in mine.filter(lapses_at__lte=clock.ClockNow()):
        lapse_one(overdue)
    if mine.count() >= PENDING_AT_ONCE:
        raise GrantRefused("too_many", f"{PENDING_AT_ONCE} of your requests are pending already.")
    row = Grant(
        **_target(*target),
        requester=by,
        beneficiary=beneficiary,
        all_installs=installs is None,
        reason=_reason(reason),
        ticket=ticket.strip()[:100],
        minutes=_minutes(minutes, at_most=rules.max_grant_minutes),
        approvals_required=rules.approvals_required,
        extends=extends,
        requested_at=now,
        lapses_at=now + dt.timedelta(minutes=rules.pending_minutes),
        starts_after=starts_after,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise GrantConflict(
            "pending", "The same request is pending: wait for its answer or withdraw it."
        ) from error
    row.installs.set(_installs(row, installs))
    notifications.announce("requested", row, to=approvers, by=by, details=acts.describe(row))
    acts.record(action, row, by=by, ip=ip, reason=row.reason)
    return row


def _require_possible(
    user: User, target: tuple[str, str], rules: EnvironmentRules, *, who: str = ""
) -> None:
    """GrantRefused when the person could not watch even with a grant. `who` names somebody else."""
    decision = acts.decision_of(user, tenant=target[0], extension=target[1])
    obstacle = (decision.about(who) if who else decision).obstacle()
    if not decision.related:
        # The same words for a target without relation and for one that does not exist.
        said = f"{who or 'You'} cannot request that: there is no such target."
        raise GrantRefused("not_found", said)
    if obstacle is not None:
        raise GrantRefused(obstacle.rule, f"{obstacle.reason} {obstacle.hint}".strip())
    if not grant_needed(rules, decision.environment, tenantless=target[0] in RESERVED_TENANTS):
        raise GrantRefused("not_needed", "No grant is needed in this environment.")


def _require_start(starts_after: dt.datetime | None, *, now: dt.datetime) -> None:
    if starts_after is not None and starts_after > now + FURTHEST_START:
        raise GrantRefused("too_far", f"A grant starts within {FURTHEST_START.days} days.")


def _minutes(minutes: int, *, at_most: int) -> int:
    if not 1 <= minutes <= at_most:
        raise GrantRefused(
            "minutes", f"The duration must be 1 to {at_most} minutes, not {minutes}."
        )
    return minutes


def _reason(reason: str) -> str:
    reason = reason.strip()
    if not reason or len(reason) > 2000:
        raise GrantRefused("reason", "Say why, in 1 to 2,000 characters: approvers decide by it.")
    return reason


def _target(tenant_key: str, extension_key: str) -> dict[str, Any]:
    """The target's columns. Decided before: the rows exist unless the stream has no tenant."""
    named = tenant_key not in RESERVED_TENANTS
    return {
        "environment": settings.EXT_DEBUG_ENVIRONMENT,
        "tenant": Tenant.objects.get(key=tenant_key) if named else None,
        "tenant_key": tenant_key,
        "extension": Extension.objects.filter(key=extension_key).first(),
        "extension_key": extension_key,
    }


def _installs(row: Grant, keys: Collection[str] | None) -> list[Install]:
    if keys is None:
        return []
    wanted = {key.lower() for key in keys}
    found = list(Install.objects.filter(tenant=row.tenant, extension=row.extension, key__in=wanted))
    if not wanted or len(found) != len(wanted):
        unknown = sorted(wanted - {install.key for install in found})
        raise GrantRefused("installs", f"Not installs of this target: {', '.join(unknown) or '-'}")
    return found


def _unreviewed() -> GrantRefused:
    return GrantRefused(
        "review_first",
        "Your last break-glass grant has not been reviewed: ask another operator to review it.",
    )
