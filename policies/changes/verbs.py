"""Saves and deletes rows of policy together with their audit row, and hints to decide again.

The admin and every command that edits the directory, a rule, a lock, a person or their rights goes
through here. Who may is the caller's question, except that nobody makes a change alone that needs
two, and that whoever is locked makes none (`policies.changes.second_person`). Grants, tokens and
consent have verbs of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Model

from audit import trail
from audit.trail import Action
from policies import cuts
from policies.changes import row_records, row_state, second_person
from policies.changes.row_records import about, difference, snapshot
from policies.models import ChangeRequest


@dataclass(slots=True)
class Change:
    """The record of a change that is being made; set `reason` or `data` before the block ends."""

    reason: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@contextmanager
def recorded(
    instance: Model,
    *,
    by: User | None,
    ip: str = "",
    reason: str = "",
    approved: ChangeRequest | None = None,
) -> Iterator[Change]:
    """Run the block and record what it changed of this row and its relations, in one transaction.

    Nothing is recorded when nothing changed. For an admin's save_model and save_related together.
    ChangeRefused, and nothing is changed, when `by` is locked; NeedsSecond when the change needs a
    second person and is not what was `approved`.
    """
    row_records.require_recordable(instance)
    change = Change(reason=reason)
    with transaction.atomic():
        second_person.require_unlocked(by)
        stored = _stored(instance)
        before, was = snapshot(stored), row_state.state_of(stored)
        yield change
        stored = _stored(instance)
        after, now = snapshot(stored), row_state.state_of(stored)
        if before == after:
            return
        pk = instance.pk
        alone = second_person.why_alone(type(instance), pk, was, now, by=by, approved=approved)
        action = row_records.action_of(instance, before=before, after=after)
        shown = {**difference(before, after), **change.data, **_of_request(approved)}
        _write(action, instance, by=by, ip=ip, reason=change.reason, data=shown)
        if alone:
            row = second_person.Row(type(instance), pk, str(instance), about(instance))
            second_person.tell_alone(alone, row, by=by, ip=ip, reason=change.reason)


def save(
    instance: Model,
    *,
    by: User | None,
    ip: str = "",
    reason: str = "",
    related: Mapping[str, Collection[Any]] | None = None,
    approved: ChangeRequest | None = None,
) -> None:
    """Validate and save one row, with its many-to-many sets; `by=None` is the system itself."""
    with recorded(instance, by=by, ip=ip, reason=reason, approved=approved):
        instance.full_clean()
        instance.save()
        for name, values in (related or {}).items():
            getattr(instance, name).set(values)


def delete(
    instance: Model,
    *,
    by: User | None,
    ip: str = "",
    reason: str = "",
    approved: ChangeRequest | None = None,
) -> None:
    """Delete one row and record what it was. ProtectedError when a grant names it.

    ChangeRefused and NeedsSecond as for `recorded`.
    """
    row_records.require_recordable(instance)
    with transaction.atomic():
        second_person.require_unlocked(by)
        stored = _stored(instance)
        was, before = snapshot(stored), row_state.state_of(stored)
        pk, name = instance.pk, str(instance)
        alone = second_person.why_alone(type(instance), pk, before, None, by=by, approved=approved)
        whose = about(instance)
        instance.delete()
        action = row_records.action_of(instance, before=was, after=None)
        data = {**difference(was, None), **_of_request(approved)}
        _write(action, instance, by=by, ip=ip, reason=reason, data=data, whose=whose, pk=pk)
        if alone:
            row = second_person.Row(type(instance), pk, name, whose)
            second_person.tell_alone(alone, row, by=by, ip=ip, reason=reason)


def _stored(instance: Model) -> Model | None:
    """The row as the database has it, locked until the commit."""
    if instance.pk is None:
        return None
    manager = type(instance)._base_manager  # noqa: SLF001 - documented: it sees every row
    return manager.select_for_update(of=("self",)).filter(pk=instance.pk).first()


def _write(
    action: Action,
    instance: Model,
    *,
    by: User | None,
    ip: str,
    reason: str,
    data: Mapping[str, Any],
    whose: tuple[str, str] | None = None,
    pk: Any = None,
) -> None:
    tenant, extension = whose or about(instance)
    kind = instance._meta.model_name or ""  # noqa: SLF001 - Django's documented model API
    cuts.hint("policy", subject=kind, tenant=tenant, extension=extension)
    trail.record_change(
        row_records.entry(
            action,
            instance,
            actor=trail.SYSTEM if by is None else trail.actor_of(by, ip=ip),
            reason=reason,
            data=data,
            whose=(tenant, extension),
            pk=pk or instance.pk,
        )
    )


def _of_request(approved: ChangeRequest | None) -> dict[str, Any]:
    if approved is None:
        return {}
    asked_by = approved.requester.get_username()
    return {"change_request": approved.label, "requested_by": asked_by}
