"""Who calls the directory's API: whoever has its token; everybody else is on record."""

from __future__ import annotations

import hmac
from typing import Final

from django.conf import settings

from audit import trail

SCHEME: Final = "bearer"


def is_open() -> bool:
    """Whether there is an API at all: without a token set there is none."""
    return bool(settings.DIRECTORY_TOKEN)


def has_token(authorization: str) -> bool:
    """Whether this header carries the directory's token, compared in constant time."""
    kind, _, sent = authorization.partition(" ")
    token = settings.DIRECTORY_TOKEN.encode()
    same = hmac.compare_digest(sent.strip().encode(), token)
    return is_open() and kind.lower() == SCHEME and same


def record_stranger(*, ip: str) -> None:
    """Record that somebody came without it; repeats within the minute are counted."""
    trail.record_durably(
        trail.Entry(
            trail.Action.TOKEN_REFUSED,
            actor=trail.Actor(kind=trail.ActorKind.ANONYMOUS, ip=ip),
            subject_type="directory",
            reason="it is not the directory's token",
            data={"code": "directory"},
        )
    )
