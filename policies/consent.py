"""A tenant's consent to being watched: only its own admins give, withdraw or require it."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import User
from django.db import transaction

from policies import access, changes
from policies.database import clock
from policies.models import Consent, Extension, Tenant


class ConsentRefused(ValueError):
    """The person is no active admin of this tenant; the message does not tell whether it exists."""


def require(tenant: Tenant, *, by: User, required: bool, reason: str = "", ip: str = "") -> None:
    """Set whether people from outside need this tenant's consent."""
    _speaks_for(tenant, by)
    with transaction.atomic():
        row = Tenant.objects.select_for_update().get(pk=tenant.pk)
        row.consent_required = required
        changes.save(row, by=by, ip=ip, reason=reason)


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
    with transaction.atomic():
        # The tenant's row is the lock: two first words at once must not meet at the constraint.
        Tenant.objects.select_for_update().get(pk=tenant.pk)
        row = Consent.objects.filter(tenant=tenant, extension=extension).first()
        row = row or Consent(tenant=tenant, extension=extension)
        row.state, row.expires_at, row.note = state, ends, note
        row.decided_by, row.decided_at = by, clock.now()
        changes.save(row, by=by, ip=ip, reason=note)
    return row


def _speaks_for(tenant: Tenant, by: User) -> None:
    if not by.is_active or tenant.key not in access.tenants_administered(by):
        raise ConsentRefused(f"There is no tenant {tenant.key!r} that you administer.")
