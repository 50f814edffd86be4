"""What the database has of the directory, by the names that a document uses; a dozen queries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.contrib.auth.models import User

from policies.directory.steps import Mark
from policies.models import (
    Capability,
    Extension,
    ExtensionDeveloper,
    Install,
    KeptRow,
    Lock,
    Membership,
    Tenant,
)


@dataclass(slots=True)
class State:
    """Rows by name. Of developers `named` has the keys of their installs."""

    tenants: dict[str, Tenant] = field(default_factory=dict)
    extensions: dict[str, Extension] = field(default_factory=dict)
    installs: dict[str, Install] = field(default_factory=dict)
    people: dict[str, User] = field(default_factory=dict)
    admins: dict[str, Membership] = field(default_factory=dict)
    developers: dict[str, ExtensionDeveloper] = field(default_factory=dict)
    named: dict[str, frozenset[str]] = field(default_factory=dict)
    capabilities: dict[str, Capability] = field(default_factory=dict)
    kept: dict[tuple[str, str], Mark] = field(default_factory=dict)
    trusted: frozenset[str] = frozenset()  # people with rights, memberships or developments

    def kept_in(self, section: str) -> Iterable[Mark]:
        """What the directory keeps of a section, present or gone, in the order of names."""
        return (mark for (of, _), mark in sorted(self.kept.items()) if of == section)

    def mark(self, section: str, name: str) -> Mark | None:
        return self.kept.get((section, name))


def admin_name(person: str, tenant: str) -> str:
    return f"{person} admin {tenant}"


def developer_name(person: str, extension: str) -> str:
    return f"{person} developer {extension}"


def read() -> State:
    """All of it, as of the caller's transaction."""
    tenants = {row.pk: row for row in Tenant.objects.all()}
    extensions = {row.pk: row for row in Extension.objects.all()}
    installs = {row.pk: row for row in Install.objects.all()}
    for install in installs.values():  # known already: no query for each
        install.tenant = tenants[install.tenant_id]
        install.extension = extensions[install.extension_id]
    people = {row.pk: row for row in User.objects.all()}
    state = State(
        tenants={row.key: row for row in tenants.values()},
        extensions={row.key: row for row in extensions.values()},
        installs={row.key: row for row in installs.values()},
        people={row.username: row for row in people.values()},
    )
    for member in Membership.objects.all():
        name = admin_name(people[member.user_id].username, tenants[member.tenant_id].key)
        state.admins[name] = member
    developers = {row.pk: row for row in ExtensionDeveloper.objects.all()}
    named: dict[int, set[str]] = {}
    through = ExtensionDeveloper.installs.through.objects.values_list(
        "extensiondeveloper_id", "install_id"
    )
    for developer_id, install_id in through:
        named.setdefault(developer_id, set()).add(installs[install_id].key)
    for pk, row in developers.items():
        name = developer_name(people[row.user_id].username, extensions[row.extension_id].key)
        state.developers[name] = row
        state.named[name] = frozenset(named.get(pk, ()))
    for capability in Capability.objects.all():
        key = extensions[capability.extension_id].key
        if capability.install_id is not None:
            key = f"{key}/{installs[capability.install_id].key}"
        state.capabilities[key] = capability
    locks = {row.pk: row for row in Lock.objects.filter(extension__isnull=False)}
    for kept in KeptRow.objects.all():
        lock = locks.get(kept.lock_id) if kept.lock_id else None
        state.kept[kept.section, kept.name] = Mark(
            section=kept.section, name=kept.name, left=kept.left, ended_at=kept.ended_at, lock=lock
        )
    speak = {row.user_id for row in state.admins.values()}
    speak |= {row.user_id for row in developers.values()}
    state.trusted = frozenset(
        row.username
        for row in people.values()
        if row.is_staff or row.is_superuser or row.pk in speak
    )
    return state
