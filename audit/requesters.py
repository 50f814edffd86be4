"""Who sent a request: the person and the address, as the trail records them."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from audit import refusal_pages, trail

IP_LENGTH: Final = 45  # characters of the longest IPv6 address with an IPv4 tail


def ip_of(request: HttpRequest) -> str:
    """The address of the client, "" when the server knows none (a Unix socket)."""
    return str(request.META.get("REMOTE_ADDR") or "")[:IP_LENGTH]


def user_of(request: HttpRequest) -> User:
    """The person signed in; PermissionDenied for nobody. Views send strangers to sign in first."""
    if not isinstance(request.user, User):
        raise PermissionDenied("expected somebody who is signed in")
    return request.user


def actor_of(request: HttpRequest) -> trail.Actor:
    """The person signed in, with the address they come from."""
    return trail.actor_of(request.user, ip=ip_of(request))


def note_reading(
    request: HttpRequest,
    subject_type: str = "",
    subject_id: object = "",
    *,
    tenant: str = "",
    what: str = "",
) -> HttpResponse | None:
    """Record that this person reads rows of the trail; `what` is the request's path unless given.

    None when it is recorded. Otherwise the answer (503) to give instead of the rows.
    """
    try:
        trail.record_read(
            actor=actor_of(request),
            what=what or request.path,
            tenant=tenant,
            subject_type=subject_type,
            subject_id=str(subject_id),
        )
    except trail.AuditError:
        message = (
            "This page shows the audit trail, which cannot record who reads it just now."
            " Try again in a moment."
        )
        return refusal_pages.answer(title="Not possible right now", message=message, status=503)
    return None
