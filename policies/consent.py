"""A tenant's consent to being watched: its own admins give, withdraw or require it.

An operator does not speak for a tenant, also not one who is its admin besides: what they give or
lift waits for a second operator (`changes.NeedsSecond`), names its evidence when it is entered on
the tenant's behalf, and never lifts a withdrawal.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from policies import access
from policies.changes import verbs
from policies.database import clock
from policies.identity.operators import is_operator
from policies.models import Consent, Extension, Tenant

MAX_NOTE: Final = 2000  # characters


class ConsentRefused(ValueError):
    """The person is no active admin of this tenant; the message does not tell whether it exists."""


class ConsentWithdrawn(ConsentRefused):
    """An operator tried to lift what the tenant withdrew; only the tenant's people can."""


class EvidenceMissing(ConsentRefused):
    """An entry on a tenant's behalf says where the tenant's word can be read."""


def require(tenant: Tenant, *, by: User, required: bool, reason: str = "", ip: str = "") -> None:
    """Set whether people from outside need this tenant's consent."""
    _speaks_for(tenant, by)
    with transaction.atomic():
        row = Tenant.objects.select_for_update().get(pk=tenant.pk)
        row.consent_required = required
        verbs.save(row, by=by, ip=ip, reason=reason)


def give(
    tenant: Tenant,
    *,
    by: User,
    extension: Extension | None = None,
    expires_at: dt.datetime | None = None,
    note: str = "",
    ip: str = "",
) -> Consent:
    """Give consent for one extension or (None) all; it replaces the earlier answer for the same."""
    return _say(Consent.State.GIVEN, tenant, extension, by=by, ends=expires_at, note=note, ip=ip)


def enter(
    tenant: Tenant,
    *,
    by: User,
    evidence: str,
    extension: Extension | None = None,
    expires_at: dt.datetime | None = None,
    ip: str = "",
) -> Consent:
    """Enter consent on the tenant's behalf, for operators: `evidence` names a letter or a ticket.

    ConsentRefused without evidence, where the tenant withdrew consent, or for others than
    operators. `changes.NeedsSecond` where a second operator must approve it.
    """
    evidence = evidence.strip()
    if not is_operator(by):
        raise ConsentRefused("Only an operator enters consent on a tenant's behalf.")
    if not evidence or len(evidence) > MAX_NOTE:
        raise EvidenceMissing(
            "Name the evidence in 1 to 2,000 characters: where the tenant's consent can be read,"
            " such as a letter, a contract or a ticket."
        )
    note = f"Entered by an operator. Evidence: {evidence}"
    return _write(Consent.State.GIVEN, tenant, extension, by=by, ends=expires_at, note=note, ip=ip)


def withdraw(
    tenant: Tenant, *, by: User, extension: Extension | None = None, note: str = "", ip: str = ""
) -> Consent:
    """Withdraw consent: ends every session of people from outside, break-glass grants included."""
    return _say(Consent.State.WITHDRAWN, tenant, extension, by=by, ends=None, note=note, ip=ip)


def _say(
    state: Consent.State,
    tenant: Tenant,
    extension: Extension | None,
    *,
    by: User,
    ends: dt.datetime | None,
    note: str,
    ip: str,
) -> Consent:
    _speaks_for(tenant, by)
    return _write(state, tenant, extension, by=by, ends=ends, note=note, ip=ip)


def require_not_withdrawn(tenant: Tenant, extension: Extension | None) -> None:
    """ConsentWithdrawn when the tenant withdrew consent for this extension or for all."""
    about = Q(extension__isnull=True) | Q(extension=extension)
    withdrawn = Consent.objects.filter(about, tenant=tenant, state=Consent.State.WITHDRAWN)
    if withdrawn.exists():
        raise ConsentWithdrawn(
            f"{tenant.key} withdrew its consent: only people of the tenant who are no operators"
            " give it again."
        )


def _write(
    state: Consent.State,
    tenant: Tenant,
    extension: Extension | None,
    *,
    by: User,
    ends: dt.datetime | None,
    note: str,
    ip: str,
) -> Consent:
    with transaction.atomic():
        # The tenant's row is the lock: two first words at once must not meet at the constraint.
        Tenant.objects.select_for_update().get(pk=tenant.pk)
        if state == Consent.State.GIVEN and is_operator(by):
            require_not_withdrawn(tenant, extension)
        row = Consent.objects.filter(tenant=tenant, extension=extension).first()
        row = row or Consent(tenant=tenant, extension=extension)
        row.state, row.expires_at, row.note = state, ends, note
        row.decided_by, row.decided_at = by, clock.now()
        verbs.save(row, by=by, ip=ip, reason=note)
    return row


def _speaks_for(tenant: Tenant, by: User) -> None:
    if not by.is_active or tenant.key not in access.tenants_administered(by):
        raise ConsentRefused(f"There is no tenant {tenant.key!r} that you administer.")
