"""What the grant's verbs share: their errors, the claim of a row, and the record of an act.

A verb's order is always: lock the grant, judge, change it by a conditional update, write notices,
record. The audit's lock comes last, because it is held until the commit.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from audit import trail
from audit.tracing import spans
from policies import access, cuts
from policies.database import clock
from policies.decisions.decide import Decision
from policies.decisions.facts import EnvironmentRules
from policies.grants import notifications
from policies.identity import operators, second_factor
from policies.loading import facts
from policies.models import Approval, Grant


class GrantError(ValueError):
    """A verb could not be done; the message is for a person, `code` for a program."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class GrantRefused(GrantError):
    """The person may not do this, or what they ask for cannot be (HTTP 403 or 400)."""


class GrantMissing(GrantError):
    """There is no such grant for this person (HTTP 404)."""


class GrantConflict(GrantError):
    """The grant has changed or its time is over: read it again (HTTP 409)."""


def locked(grant_id: int, *, version: int | None = None) -> Grant:
    """The grant, locked until the commit.

    GrantConflict when its time is over, or when `version` (what a form was made from) is not the
    grant's any more.
    """
    row = Grant.objects.select_for_update(of=("self",)).filter(pk=grant_id).first()
    if row is None:
        raise GrantMissing("missing", f"There is no grant G-{grant_id}.")
    if version is not None and row.version != version:
        raise GrantConflict(
            "stale", f"{row.label} was changed since you opened it (now {row.state}): look again."
        )
    ends = row.ends_at if row.state == Grant.State.ACTIVE else None
    if ends is not None and ends <= clock.now():
        raise GrantConflict("ended", f"{row.label} ended at {moment(ends)}.")
    return row


def change(row: Grant, *conditions: Q, **values: Any) -> None:
    """Claim the row by a conditional update; GrantConflict when it moved meanwhile.

    The condition is the state and version that were judged, and `conditions` for the clock.
    """
    claim = Grant.objects.filter(*conditions, pk=row.pk, state=row.state, version=row.version)
    if not claim.update(version=row.version + 1, **values):
        raise GrantConflict("moved", f"{row.label} was decided by somebody else or is over.")
    row.refresh_from_db()


def expect(row: Grant, *states: Grant.State, to: str) -> None:
    """GrantConflict unless the grant is in one of these states."""
    if row.state not in states:
        wanted = " or ".join(str(state.label).lower() for state in states)
        said = str(Grant.State(row.state).label).lower()
        raise GrantConflict(
            "state", f"{row.label} is {said}; to {to} it, it would have to be {wanted}."
        )


def policy() -> EnvironmentRules:
    """The environment's rules; GrantRefused in an environment that nobody knows."""
    rules = facts.environment_rules()
    if rules is None:
        raise GrantRefused(
            "environment", f"{settings.EXT_DEBUG_ENVIRONMENT!r} is not a known environment."
        )
    return rules


def judges(*parties: int) -> QuerySet[User]:
    """The operators who may decide on a grant of these users: not themselves, nobody locked."""
    return operators.judges().exclude(pk__in=parties)


def given(row: Grant) -> int:
    """How many approvals count now: of people who may still judge, neither of them a party."""
    yes = row.approvals.filter(verdict=Approval.Verdict.APPROVE)
    return yes.filter(approver__in=judges(row.requester_id, row.beneficiary_id)).count()


def require_judge(row: Grant, by: User) -> None:
    """GrantRefused unless `by` is an operator who is no party to the grant."""
    if by.pk in (row.requester_id, row.beneficiary_id):
        raise GrantRefused("own_grant", "Who requests a grant or benefits from it cannot judge it.")
    if not judges(row.requester_id, row.beneficiary_id).filter(pk=by.pk).exists():
        raise GrantRefused("not_operator", "Only an operator whose account is not locked can.")


def require_factor(by: User) -> None:
    """GrantRefused where this person has to confirm with a second factor first."""
    if why := second_factor.why_not(by):
        raise GrantRefused("second_factor", why)


def require_party(row: Grant, by: User) -> None:
    """GrantMissing unless `by` is requester or beneficiary: an id tells others nothing."""
    if by.pk not in (row.requester_id, row.beneficiary_id):
        raise GrantMissing("missing", f"There is no grant {row.label}.")


def decision_of(user: User, *, tenant: str, extension: str) -> Decision:
    viewer = access.viewer_of(user, transport="page")
    return access.decide(viewer, tenant=tenant, extension=extension)


def record(
    action: trail.Action,
    row: Grant,
    *,
    by: User | None,
    ip: str = "",
    reason: str = "",
    **more: Any,
) -> None:
    """Write the audit row of an act, and send the hint to decide again after the commit."""
    about = {"tenant": row.tenant_key, "extension": row.extension_key}
    if by is not None:  # what lapses meanwhile is not what the act is about
        spans.note(grant=row.pk, state=str(row.state), **about)
    cuts.hint(
        "grant",
        grant_id=row.pk,
        user_id=row.beneficiary_id,
        **about,
    )
    trail.record_change(
        trail.Entry(
            action,
            actor=trail.SYSTEM if by is None else trail.actor_of(by, ip=ip),
            tenant=row.tenant_key,
            extension=row.extension_key,
            subject_type="grant",
            subject_id=str(row.pk),
            reason=reason,
            data={**describe(row), **_told(row), **more},
        )
    )


def _told(row: Grant) -> dict[str, Any]:
    """The columns that `describe` leaves out: a note of the same change is told by this record."""
    return {
        "version": row.version,
        "tenant_id": row.tenant_id,
        "extension_id": row.extension_id,
        "requester_id": row.requester_id,
        "beneficiary_id": row.beneficiary_id,
        "extends_id": row.extends_id,
        "all_installs": row.all_installs,
        "lapses_at": iso(row.lapses_at),
        "starts_at": iso(row.starts_at),
        "starts_after": iso(row.starts_after),
        "closed_at": iso(row.closed_at),
        "closed_by_id": row.closed_by_id,
        "closed_reason": row.closed_reason,
        "reviewed_at": iso(row.reviewed_at),
        "review": row.reviewed_at is not None,
        "approvals": row.approvals.count(),
    }


def tell(kind: str, row: Grant, *, by: User | None) -> None:
    """Notify requester and beneficiary."""
    parties = {row.requester_id: row.requester, row.beneficiary_id: row.beneficiary}
    notifications.announce(kind, row, to=parties.values(), by=by, details=describe(row))


def describe(row: Grant) -> dict[str, Any]:
    """A grant as JSON values, for the audit and the webhook."""
    return {
        "label": row.label,
        "state": row.state,
        "tenant": row.tenant_key,
        "extension": row.extension_key,
        "environment": row.environment,
        "installs": None if row.all_installs else sorted(installs_of(row)),
        "capabilities": list(row.capabilities),
        "requester": row.requester.get_username(),
        "beneficiary": row.beneficiary.get_username(),
        "reason": row.reason,
        "ticket": row.ticket,
        "minutes": row.minutes,
        "approvals_required": row.approvals_required,
        "break_glass": row.break_glass,
        "extends": f"G-{row.extends_id}" if row.extends_id else None,
        "starts_at": iso(row.starts_at or row.starts_after),
        "ends_at": iso(row.ends_at),
    }


def installs_of(row: Grant) -> Iterable[str]:
    return row.installs.values_list("key", flat=True)


def iso(at: dt.datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None


def moment(at: dt.datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
