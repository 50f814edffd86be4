"""Refuses changes that one person must not make alone, and plans them for a second person.

In production a change that widens access (`policies.changes.widening`) waits for another operator,
unless EXT_DEBUG_ONE_PERSON is set. Whoever is locked changes nothing. `policies.changes.verbs` asks
here for every change; `policies.changes.requests` carries a plan out once it was approved.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Model

from audit import trail
from audit.trail import Action
from policies.changes import account_widening, widening
from policies.changes.row_change import Widening
from policies.changes.row_state import RowState
from policies.grants import notifications
from policies.identity import locks, second_factor
from policies.models import ChangeRequest

FREE: Final = ("development", "staging")  # environments in which one person may do everything
_UNTOLD: Final = frozenset({"password", "last_login"})  # never part of a plan


class ChangeRefused(ValueError):
    """The change is not made; the message is for the person who tried."""


class NeedsFactor(ChangeRefused):
    """The change waits for the person's own second factor (`policies.identity.second_factor`)."""


class NeedsSecond(ChangeRefused):
    """The change waits for a second person: ask for it with `change_requests.ask(plan, ...)`."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(
            f"{plan.why} In {settings.EXT_DEBUG_ENVIRONMENT} a second operator must approve that:"
            " ask for it and say why."
        )
        self.plan = plan


@dataclass(frozen=True, slots=True)
class Plan:
    """A change as plain JSON values; see the columns of ChangeRequest."""

    why: str
    act: str
    kind: str
    object_pk: str
    columns: Mapping[str, Any]
    related: Mapping[str, list[int]]
    before: str
    subjects: tuple[int, ...]


def needed() -> bool:
    """Whether this environment asks for a second person: all but development and staging do."""
    return settings.EXT_DEBUG_ENVIRONMENT not in FREE


def one_person_may() -> bool:
    """Whether EXT_DEBUG_ONE_PERSON lets one person do it where two are needed."""
    return bool(getattr(settings, "EXT_DEBUG_ONE_PERSON", False))


def require_unlocked(by: User | None) -> None:
    """ChangeRefused when a lock is in force on this person; the system itself has none."""
    if by is not None and (lock := locks.lock_on(by.pk)) is not None:
        raise ChangeRefused(
            f"Your account is locked ({lock.reason}): you change nothing until another operator"
            " lifts the lock."
        )


def require_factor(by: User) -> None:
    """NeedsFactor where this person has to confirm with a second factor first."""
    if why := second_factor.why_not(by):
        raise NeedsFactor(why)


def require_own_password(model: type[Model], pk: Any, *, by: User) -> str:
    """ChangeRefused when a new password would give `by` another's account that has rights.

    With EXT_DEBUG_ONE_PERSON the reason why two would be needed; "" when nothing is in the way.
    """
    if not needed() or not account_widening.hands_over(model, pk, by=by):
        return ""
    why = "A new password hands over an account that has rights."
    if one_person_may():
        return why
    raise ChangeRefused(
        f"{why} Take its rights, memberships and developments away first, set the password, and"
        " ask for them again: a second operator approves that."
    )


def why_alone(
    model: type[Model],
    pk: Any,
    before: RowState | None,
    after: RowState | None,
    *,
    by: User | None,
    approved: ChangeRequest | None,
) -> str:
    """ "" when the change needs nobody else or has somebody's approval.

    Otherwise NeedsSecond; with EXT_DEBUG_ONE_PERSON the reason why two would be needed. NeedsFactor
    before all that, wherever a change widens access and the person has not confirmed it.
    """
    if by is None or approved is not None or not (needed() or second_factor.required()):
        return ""
    password = (
        before is not None
        and after is not None
        and (before.columns.get("password") != after.columns.get("password"))
    )
    found = widening.widening(model, pk, before, after, by=by)
    if found is not None or (password and account_widening.hands_over(model, pk, by=by)):
        require_factor(by)
    if password and pk is not None and (why := require_own_password(model, pk, by=by)):
        return why
    if found is None or not needed():
        return ""
    if one_person_may():
        return found.why
    if before is None and after is not None and "password" in after.columns:
        raise ChangeRefused(
            f"{found.why} Create the account without rights, then ask for its rights: a second"
            " operator approves them."
        )
    raise NeedsSecond(_plan(model, pk, before, after, found))


@dataclass(frozen=True, slots=True)
class Row:
    """What a record says of a row: model, key, name, and the tenant and extension it is about."""

    model: type[Model]
    pk: Any
    name: str
    about: tuple[str, str]


def tell_alone(why: str, row: Row, *, by: User | None, ip: str, reason: str) -> None:
    """Record, and tell every other operator, that one person made a change that needs two."""
    kind = row.model._meta.model_name or ""  # noqa: SLF001 - Django's documented model API
    trail.record(
        trail.Entry(
            Action.CHANGE_MADE_ALONE,
            actor=trail.SYSTEM if by is None else trail.actor_of(by, ip=ip),
            tenant=row.about[0],
            extension=row.about[1],
            subject_type=kind,
            subject_id=str(row.pk),
            reason=reason,
            data={"subject": row.name[:200], "why": why, "setting": "EXT_DEBUG_ONE_PERSON"},
        )
    )
    if by is not None:
        notifications.announce_alone(f"{kind} {row.name[:200]}", why, by=by)


def fingerprint(state: RowState | None) -> str:
    """A hash of a row's state without secrets: equal for equal rows in every process."""
    if state is None:
        return ""
    plain = [_columns(state), _related(state)]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def model_of(kind: str) -> type[Model]:
    """The model that a plan's `kind` names."""
    return apps.get_model(kind)


def _plan(
    model: type[Model],
    pk: Any,
    before: RowState | None,
    after: RowState | None,
    found: Widening,
) -> Plan:
    acts = ChangeRequest.Act
    act = acts.ADD if before is None else acts.DELETE if after is None else acts.CHANGE
    columns = {} if after is None else _columns(after)
    related = {} if after is None else _related(after)
    if before is not None:
        was, was_related = _columns(before), _related(before)
        columns = {name: value for name, value in columns.items() if was[name] != value}
        related = {name: value for name, value in related.items() if was_related[name] != value}
    else:
        columns.pop(str(model._meta.pk.attname), None)  # noqa: SLF001 - the database gives it
    return Plan(
        why=found.why,
        act=act.value,
        kind=model._meta.label_lower,  # noqa: SLF001 - Django's documented model API
        object_pk="" if before is None else str(pk),
        columns=columns,
        related=related,
        before=fingerprint(before),
        subjects=tuple(sorted(found.people)),
    )


def _columns(state: RowState) -> dict[str, Any]:
    return {name: _json(value) for name, value in state.columns.items() if name not in _UNTOLD}


def _related(state: RowState) -> dict[str, list[int]]:
    return {name: sorted(pks) for name, pks in state.related.items()}


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.datetime | dt.date) else value
