"""What the trail's row says of one changed row of policy: the action's name, what was, what is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models import Model

from audit import trail
from audit.trail import Action
from policies import models

# What an audit row says instead of the value: whoever reads the trail must not sign in with it.
SECRET: Final = frozenset({"password", "digest"})
_NOISE: Final = frozenset({"last_login", "last_used_at", "last_used_ip", "seen_at"})


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
    models.DirectoryRelease: _POLICY,
    models.ProductionMode: _Words(*[Action.PRODUCTION_MODE_CHANGED] * 3),
    models.Limits: _Words(*[Action.LIMITS_CHANGED] * 3),
    models.RedactionRule: _Words(Action.RULE_CREATED, Action.RULE_CHANGED, Action.RULE_REMOVED),
    models.AccessToken: _Words(Action.TOKEN_ISSUED, Action.TOKEN_CHANGED, Action.TOKEN_REVOKED),
    models.SignInIdentity: _Words(
        Action.IDENTITY_LINKED, Action.IDENTITY_LINKED, Action.IDENTITY_UNLINKED
    ),
    get_user_model(): _Words(Action.USER_CREATED, Action.USER_CHANGED, Action.USER_REMOVED),
    Group: _Words(*[Action.USER_CHANGED] * 3),  # a group is nothing but its people's rights
}


class Unrecordable(TypeError):
    """This kind of row has functions of its own (grants, tokens); see their modules."""


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


def entry(
    action: Action,
    instance: Model,
    *,
    actor: trail.Actor,
    reason: str,
    data: Mapping[str, Any],
    whose: tuple[str, str],
    pk: Any,
) -> trail.Entry:
    """The row of the trail, about the row of this primary key, which may be gone."""
    return trail.Entry(
        action,
        actor=actor,
        tenant=whose[0],
        extension=whose[1],
        subject_type=instance._meta.model_name or "",  # noqa: SLF001
        subject_id=str(pk),
        reason=reason,
        data={"subject": str(instance)[:200], **data},
    )


def require_recordable(instance: Model) -> None:
    """Unrecordable for a kind of row that has verbs of its own."""
    if type(instance) not in _WORDS:
        raise Unrecordable(f"{type(instance).__name__} has verbs of its own")


def action_of(
    instance: Model,
    *,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> Action:
    """What the change between two snapshots is called; None where there was no row."""
    words = _WORDS[type(instance)]
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


def difference(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> dict[str, Any]:
    """The data of a record: what is, what was, or what changed from what to what."""
    if after is None:
        return {} if before is None else {"was": before}
    if before is None:
        return {"is": after}
    changed = {
        name: {"from": before[name], "to": after[name]}
        for name in after
        if before[name] != after[name]
    }
    return {"changed": changed}


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
