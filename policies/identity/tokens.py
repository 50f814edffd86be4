"""Access tokens: their owner's rights within a scope, checked on every use; shown once."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from audit import trail
from policies import cuts
from policies.database import clock
from policies.identity import locks
from policies.identity.operators import is_operator
from policies.identity.viewers import Viewer
from policies.models import AccessToken, Extension, Tenant

PREFIX: Final = "edc_"  # lets secret scanners recognise a leaked one
LONGEST: Final = dt.timedelta(days=90)
USE_NOTED_EVERY: Final = dt.timedelta(minutes=1)  # a poll per second must not be a write per second


class TokenRefused(ValueError):
    """The token cannot be issued or revoked so; the message says why, for a person."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token and its text, which nobody can read again."""

    token: AccessToken
    raw: str


def digest(raw: str) -> str:
    return hashlib.sha256(raw.encode()).hexdigest()


def issue(
    owner: User,
    *,
    name: str,
    tenant: Tenant | None = None,
    extension: Extension | None = None,
    lifetime: dt.timedelta = dt.timedelta(days=30),
    ip: str = "",
) -> Issued:
    """Issue a token for `owner`, who must be the one asking; TokenRefused says what is wrong."""
    if tenant is None and extension is None:
        raise TokenRefused("A token needs a scope: name a tenant, an extension or both.")
    if not name.strip():
        raise TokenRefused("A token needs a name that says where it is used.")
    if not dt.timedelta(0) < lifetime <= LONGEST:
        raise TokenRefused(f"A token lives at most {LONGEST.days} days, not {lifetime.days}.")
    if locks.lock_on(owner.pk) is not None:
        raise TokenRefused("Your account is locked: no token is issued to it.")
    raw = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        now = clock.now()
        token = AccessToken.objects.create(
            owner=owner,
            name=name.strip()[:100],
            digest=digest(raw),
            hint=raw[:8],
            tenant=tenant,
            extension=extension,
            created_at=now,
            expires_at=now + lifetime,
        )
        _record(trail.Action.TOKEN_ISSUED, token, by=owner, ip=ip)
    return Issued(token=token, raw=raw)


def revoke(token: AccessToken, *, by: User, reason: str = "", ip: str = "") -> None:
    """Revoke a token and end the sessions opened with it; for its owner and operators."""
    if by.pk != token.owner_id and not is_operator(by):
        raise TokenRefused("Only the token's owner or an operator can revoke it.")
    with transaction.atomic():
        live = AccessToken.objects.filter(pk=token.pk, revoked_at__isnull=True)
        if not live.update(revoked_at=clock.ClockNow()):
            raise TokenRefused("The token was revoked before.")
        token.refresh_from_db(fields=["revoked_at"])
        _record(trail.Action.TOKEN_REVOKED, token, by=by, ip=ip, reason=reason)
        cuts.hint("token", token_id=token.pk, user_id=token.owner_id)


def viewer_from_token(raw: str, *, transport: str, ip: str) -> Viewer | None:
    """Who comes with this token; None (and a summarised audit row) when it opens nothing."""
    token = (
        AccessToken.objects.select_related("owner", "tenant", "extension")
        .filter(digest=digest(raw))
        .first()
    )
    now = clock.now()
    why = _why_not(token, now=now)
    if token is None or why:
        owner = token.owner if token else None
        trail.record_durably(
            trail.Entry(
                trail.Action.TOKEN_REFUSED,
                actor=trail.actor_of(owner, ip=ip, token=True),
                subject_type="access_token",
                subject_id=str(token.pk) if token else "",
                reason=why,
                data={"code": "token"},
            )
        )
        return None
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USE_NOTED_EVERY)
    AccessToken.objects.filter(stale, pk=token.pk).update(last_used_at=now, last_used_ip=ip[:45])
    return Viewer(
        user_id=token.owner_id,
        username=token.owner.get_username(),
        transport=transport,
        token_id=token.pk,
        ip=ip,
    )


def _why_not(token: AccessToken | None, *, now: dt.datetime) -> str:
    if token is None:
        return "no such token"
    if token.revoked_at is not None:
        return "the token was revoked"
    if token.expires_at <= now:
        return "the token has expired"
    return "" if token.owner.is_active else "the token's owner is not active"


def _record(
    action: trail.Action, token: AccessToken, *, by: User, ip: str, reason: str = ""
) -> None:
    trail.record_change(
        trail.Entry(
            action,
            actor=trail.actor_of(by, ip=ip),
            tenant=token.tenant.key if token.tenant else "",
            extension=token.extension.key if token.extension else "",
            subject_type="access_token",
            subject_id=str(token.pk),
            reason=reason,
            data={
                "name": token.name,
                "owner": token.owner.get_username(),
                "owner_id": token.owner_id,
                "tenant_id": token.tenant_id,
                "extension_id": token.extension_id,
                "hint": token.hint,
                "revoked_at": token.revoked_at,
            },
        )
    )
