"""Saves and deletes rows of policy together with their audit row, and hints to decide again.

The admin and every command that edits the directory, a rule, a lock, a person or their rights goes
through here. Who may is the caller's question, except that nobody makes a change alone that needs
two, and that whoever is locked makes none (`policies.changes.second_person`). Grants, tokens and
consent have verbs of their own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import Model

from audit import trail
from audit.trail import Action
from policies import cuts, models
from policies.changes import row_state, second_person
from policies.models import ChangeRequest

# What an audit row says instead of the value: whoever reads the trail must not sign in with it.
SECRET: Final = frozenset({"password", "digest"})
_NOISE: Final = frozenset({"last_login", "last_used_at", "last_used_ip"})


@dataclass(frozen=True, slots=True)
class _Words:
    """The actions of one kind of row."""

    created: Action
    changed: Action
    removed: Action


_POLICY: Final = _Words(Action.POLICY_CHANGED, Action.POLICY_CHANGED, Action.POLICY_CHANGED)
_WORDS: Final[dict[type[Model], _Words]] = {
    models.Tenant: _Words(Action.TENANT_CREATED, Action.TENANT_CHANGED, Action.TENANT_REMOVED),
    models.Extension: _Words(
        Action.EXTENSION_CREATED, Action.EXTENSION_CHANGED, Action.EXTENSION_REMOVED
    ),
    models.Install: _Words(Action.INSTALL_CREATED, Action.INSTALL_CHANGED, Action.INSTALL_REMOVED),
    models.Membership: _Words(
        Action.MEMBERSHIP_CREATED, Action.MEMBERSHIP_CHANGED, Action.MEMBERSHIP_REMOVED
    ),
    models.ExtensionDeveloper: _Words(
        Action.DEVELOPER_ADDED, Action.DEVELOPER_CHANGED, Action.DEVELOPER_REMOVED
    ),
    models.Capability: _Words(
        Action.CAPABILITY_GIVEN, Action.CAPABILITY_CHANGED, Action.CAPABILITY_WITHDRAWN
    ),
    models.Consent: _Words(Action.CONSENT_GIVEN, Action.CONSENT_CHANGED, Action.CONSENT_WITHDRAWN),
    models.Lock: _Words(Action.LOCK_SET, Action.LOCK_CHANGED, Action.LOCK_LIFTED),
    models.EnvironmentPolicy: _POLICY,
    models.ProductionMode: _Words(*[Action.PRODUCTION_MODE_CHANGED] * 3),
    models.Limits: _Words(*[Action.LIMITS_CHANGED] * 3),
    models.RedactionRule: _Words(Action.RULE_CREATED, Action.RULE_CHANGED, Action.RULE_REMOVED),
    models.AccessToken: _Words(Action.TOKEN_ISSUED, Action.TOKEN_CHANGED, Action.TOKEN_REVOKED),
    get_user_model(): _Words(Action.USER_CREATED, Action.USER_CHANGED, Action.USER_REMOVED),
    Group: _Words(*[Action.USER_CHANGED] * 3),  # a group is nothing but its people's rights
}


class Unrecordable(TypeError):
    """This kind of row has functions of its own (grants, tokens); see their modules."""


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
    words = _words(instance)
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
        action = _action(words, instance, before=before, after=after)
        shown = {**_difference(before, after), **change.data, **_of_request(approved)}
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
    words = _words(instance)
    with transaction.atomic():
        second_person.require_unlocked(by)
        stored = _stored(instance)
        was, before = snapshot(stored), row_state.state_of(stored)
        pk, name = instance.pk, str(instance)
        alone = second_person.why_alone(type(instance), pk, before, None, by=by, approved=approved)
        whose = about(instance)
        instance.delete()
        data = {**({"was": was} if was is not None else {}), **_of_request(approved)}
        _write(words.removed, instance, by=by, ip=ip, reason=reason, data=data, whose=whose, pk=pk)
        if alone:
            row = second_person.Row(type(instance), pk, name, whose)
            second_person.tell_alone(alone, row, by=by, ip=ip, reason=reason)


def snapshot(instance: Model | None) -> dict[str, Any] | None:
    """A row's columns as JSON values, many-to-many relations as sorted lists, secrets replaced."""
    if instance is None:
        return None
    seen: dict[str, Any] = {}
    for column in instance._meta.concrete_fields:  # noqa: SLF001 - Django's documented model API
        if column.name in _NOISE:
            continue
        value = column.value_from_object(instance)
        seen[column.name] = _hidden(value) if column.name in SECRET else _plain(value)
    for relation in instance._meta.many_to_many:  # noqa: SLF001
        rows = getattr(instance, relation.name).all()
        seen[relation.name] = sorted(str(row) for row in rows)
    return seen


def _words(instance: Model) -> _Words:
    try:
        return _WORDS[type(instance)]
    except KeyError:
        raise Unrecordable(f"{type(instance).__name__} has verbs of its own") from None


def _stored(instance: Model) -> Model | None:
    """The row as the database has it, locked until the commit."""
    if instance.pk is None:
        return None
    manager = type(instance)._base_manager  # noqa: SLF001 - documented: it sees every row
    return manager.select_for_update(of=("self",)).filter(pk=instance.pk).first()


def _action(
    words: _Words,
    instance: Model,
    *,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> Action:
    if after is None:
        return words.removed
    if isinstance(instance, models.Consent):
        given = after["state"] == models.Consent.State.GIVEN
        return Action.CONSENT_GIVEN if given else Action.CONSENT_WITHDRAWN
    if before is None:
        return words.created
    if isinstance(instance, models.Tenant):
        if bool(before["suspended_at"]) != bool(after["suspended_at"]):
            suspended = after["suspended_at"]
            return Action.TENANT_SUSPENDED if suspended else Action.TENANT_RESTORED
        if before["consent_required"] != after["consent_required"]:
            return Action.CONSENT_REQUIRED if after["consent_required"] else Action.CONSENT_CHANGED
    return words.changed


def _difference(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> dict[str, Any]:
    if before is None or after is None:
        return {"is": after} if before is None else {"was": before}
    return {
        "changed": {
            name: {"from": before[name], "to": after[name]}
            for name in after
            if before[name] != after[name]
        }
    }


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
    kind = instance._meta.model_name or ""  # noqa: SLF001
    cuts.hint("policy", subject=kind, tenant=tenant, extension=extension)
    trail.record_change(
        trail.Entry(
            action,
            actor=trail.SYSTEM if by is None else trail.actor_of(by, ip=ip),
            tenant=tenant,
            extension=extension,
            subject_type=kind,
            subject_id=str(pk or instance.pk),
            reason=reason,
            data={"subject": str(instance)[:200], **data},
        )
    )


def _of_request(approved: ChangeRequest | None) -> dict[str, Any]:
    if approved is None:
        return {}
    asked_by = approved.requester.get_username()
    return {"change_request": approved.label, "requested_by": asked_by}


def about(instance: Model) -> tuple[str, str]:
    """The tenant and extension in whose slice of the audit this belongs."""
    owner: Any = instance
    if isinstance(instance, models.Capability) and instance.install is not None:
        owner = instance.install
    tenant = owner if isinstance(owner, models.Tenant) else getattr(owner, "tenant", None)
    extension = owner if isinstance(owner, models.Extension) else getattr(owner, "extension", None)
    return (tenant.key if tenant else "", extension.key if extension else "")


def _hidden(value: Any) -> str:
    """A stand-in for a secret: equal for equal secrets, in this process only."""
    return f"(secret {hash(value) & 0xFFFFFFFF:08x})" if value else ""


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | str | list | dict):
        return value
    return str(value)
