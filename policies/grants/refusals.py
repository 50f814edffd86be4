"""Refused acts on grants are on record: who tried what, and which rule said no.

Who asks for a grant that there is not yet is `policies.grants.attempts`'s to record.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from django.contrib.auth.models import User

from audit import trail
from audit.tracing import spans
from policies.grants.claims import GrantConflict, GrantError
from policies.models import Grant

P = ParamSpec("P")
R = TypeVar("R")


def recorded_act(
    verb: Callable[Concatenate[int, P], R],
) -> Callable[Concatenate[int, P], R]:
    """Record a GrantError of a verb that takes a grant's id, `by` and perhaps `ip`; let it through.

    A stale form is no refusal. The row survives the rollback of the verb's own transaction, and a
    grant that does not exist leaves the same as one that is not theirs.
    """

    @wraps(verb)
    def act(grant_id: int, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with spans.span(f"grant.{verb.__name__}", refusals=(GrantError,), grant=grant_id):
                return verb(grant_id, *args, **kwargs)
        except GrantConflict:
            raise
        except GrantError as refused:
            row = Grant.objects.filter(pk=grant_id).first()
            by, ip = kwargs.get("by"), kwargs.get("ip", "")
            _record(
                verb.__name__,
                refused,
                by=by if isinstance(by, User) else None,
                tenant=row.tenant_key if row is not None else "",
                extension=row.extension_key if row is not None else "",
                ip=str(ip),
                grant_id=grant_id,
            )
            raise

    return act


def _record(
    act: str,
    refused: GrantError,
    *,
    by: User | None,
    tenant: str,
    extension: str,
    ip: str,
    grant_id: int | None = None,
) -> None:
    trail.record_durably(
        trail.Entry(
            trail.Action.GRANT_REFUSED,
            actor=trail.actor_of(by, ip=ip),
            tenant=tenant,
            extension=extension,
            subject_type="grant",
            subject_id="" if grant_id is None else str(grant_id),
            reason=str(refused),
            data={"code": f"{act}: {refused.code}"},
        )
    )
