"""Attempts to ask for access: how many a minute, and a row in the trail for each refused one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction

from audit import trail
from audit.trail import Action
from policies import limits
from policies.database import clock
from policies.grants.claims import GrantRefused
from policies.models import Opening

REQUESTS_PER_MINUTE: Final = 20  # of one person, refused ones included


def count(by: User) -> None:
    """GrantRefused above REQUESTS_PER_MINUTE, before anything is asked about a target.

    In a transaction of its own: a refused attempt counts as well.
    """
    with transaction.atomic():
        limits.hold(f"user:{by.pk}")
        before, wait = limits.count_opening(
            by.pk, limit=REQUESTS_PER_MINUTE, now=clock.now(), kind=Opening.Kind.REQUEST
        )
    if before >= REQUESTS_PER_MINUTE:
        raise GrantRefused(
            "rate",
            f"You asked for access {REQUESTS_PER_MINUTE} times in a minute: wait {wait} s.",
        )


@contextmanager
def refusals_on_record(by: User, target: tuple[str, str], *, ip: str) -> Iterator[None]:
    """A refusal gets a row in the trail, summarised per person, target and minute."""
    try:
        yield
    except GrantRefused as refused:
        trail.record_durably(
            trail.Entry(
                Action.GRANT_REQUEST_REFUSED,
                actor=trail.actor_of(by, ip=ip),
                tenant=target[0],
                extension=target[1],
                reason=str(refused),
                data={"code": refused.code},
            )
        )
        raise
