"""The tenant's own word on being watched: only its admins give, withdraw or require consent."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import User
from django.db import transaction

from policies import access, changes
from policies.database import clock
from policies.models import Consent, Extension, Tenant


class ConsentRefused(ValueError):
    """The person does not speak for this tenant; to them it looks as if it did not exist."""


def require(tenant: Tenant, *, by: User, required: bool, reason: str = "", ip: str = "") -> None:
    """Whether people from outside need this tenant's consent."""
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
    """Consent to being watched, for one extension or all; it replaces an earlier word."""
    return _say(Consent.State.GIVEN, tenant, extension, by=by, ends=expires_at, note=note, ip=ip)


def withdraw(
    tenant: Tenant, *, by: User, extension: Extension | None = None, note: str = "", ip: str = ""
) -> Consent:
    """No more: cuts everybody from outside at once, broken glass or not."""
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
