"""One-use tickets: 30 seconds to open one WebSocket on one target without a cookie."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from typing import Final

from django.db import transaction

from audit import trail
from policies.database import clock
from policies.identity.viewers import Viewer, hash_session_key
from policies.models import Ticket

LIFETIME: Final = dt.timedelta(seconds=30)
OPEN_AT_ONCE: Final = 20  # per person: as many as they could open sessions in a minute


class TicketRefused(ValueError):
    """The person holds too many unused tickets; the message says what to do."""


def issue_ticket(viewer: Viewer, *, tenant: str, extension: str) -> str:
    """Issue a ticket; its text. Whether the person may watch is decided when it is used."""
    raw = secrets.token_urlsafe(32)
    with transaction.atomic():
        now = clock.now()
        mine = Ticket.objects.filter(user_id=viewer.user_id)
        mine.filter(expires_at__lte=now).delete()
        if mine.filter(used_at__isnull=True).count() >= OPEN_AT_ONCE:
            raise TicketRefused(
                f"You hold {OPEN_AT_ONCE} unused tickets: use one, or wait 30 seconds."
            )
        Ticket.objects.create(
            digest=_digest(raw),
            user_id=viewer.user_id,
            token_id=viewer.token_id,
            session_key=viewer.session_key,
            auth_hash=viewer.auth_hash,
            tenant=tenant,
            extension=extension,
            created_at=now,
            expires_at=now + LIFETIME,
        )
    return raw


def redeem_ticket(raw: str, *, ip: str) -> tuple[Viewer, str, str] | None:
    """Viewer, tenant and extension of a ticket, once; None when it is used, late or unknown."""
    claim = Ticket.objects.filter(
        digest=_digest(raw), used_at__isnull=True, expires_at__gt=clock.ClockNow()
    )
    if not claim.update(used_at=clock.ClockNow(), used_ip=ip[:45]):
        _refuse(raw, ip=ip)
        return None
    ticket = Ticket.objects.select_related("user").get(digest=_digest(raw))
    viewer = Viewer(
        user_id=ticket.user_id,
        username=ticket.user.get_username(),
        transport="ws",
        session_hash=hash_session_key(ticket.session_key),
        token_id=ticket.token_id,
        ip=ip,
        session_key=ticket.session_key,
        auth_hash=ticket.auth_hash,
    )
    return viewer, ticket.tenant, ticket.extension


def prune() -> int:
    """Delete expired tickets (for the janitor); how many."""
    return Ticket.objects.filter(expires_at__lte=clock.now()).delete()[0]


def _refuse(raw: str, *, ip: str) -> None:
    ticket = Ticket.objects.select_related("user").filter(digest=_digest(raw)).first()
    trail.record_durably(
        trail.Entry(
            trail.Action.TICKET_REFUSED,
            actor=trail.actor_of(ticket.user if ticket else None, ip=ip),
            subject_type="ticket",
            subject_id=str(ticket.pk) if ticket else "",
            reason="no such ticket" if ticket is None else "the ticket was used or is too old",
            data={"code": "ticket"},
        )
    )


def _digest(raw: str) -> str:
    return hashlib.sha256(raw.encode()).hexdigest()
