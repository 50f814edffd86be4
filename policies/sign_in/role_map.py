"""Reads which groups of the provider give which roles, and says what some groups give together.

Pure. The map is a setting: entries `GROUP=ROLE` separated by semicolons, because names of groups
may have commas. A group may give several roles and a role may be given by several groups.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

ALL: Final = "all"  # as a scope: every install of the extension
_KEY: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_GROUP: Final = re.compile(r"[^;\x00-\x1f\x7f]{1,256}")
_ADMIN_GROUP: Final = re.compile(r"[^;\x00-\x1f\x7f]{1,150}")  # as long as Django's


class Kind(StrEnum):
    """What a role is: a tenant's admin, an extension's developer, an operator by a group of the
    admin; and being staff, which an operator's role brings along."""

    ADMIN = "admin"
    DEVELOPER = "developer"
    OPERATOR = "operator"
    STAFF = "staff"


@dataclass(frozen=True, slots=True, order=True)
class Role:
    """A role of a person: at which tenant or extension, or by which group of the admin (`name`);
    of a developer for which install, or ALL (`scope`)."""

    kind: Kind
    name: str
    scope: str = ""


@dataclass(frozen=True, slots=True)
class RoleMap:
    """Which group gives what, as configured."""

    gives: tuple[tuple[str, Role], ...] = ()

    def roles(self, groups: Collection[str]) -> frozenset[Role]:
        """What these groups give together; of a developer one role, with all that is in its scope:
        install keys separated by blanks."""
        held = groups if isinstance(groups, set | frozenset) else frozenset(groups)
        return _joined(role for group, role in self.gives if group in held)


@dataclass(frozen=True, slots=True)
class RoleMapText:
    """The kind of the setting: `parse` answers a RoleMap, ValueError for anything else."""

    @property
    def expected(self) -> str:
        return (
            "GROUP=ROLE separated by semicolons, with ROLE as admin:TENANT, developer:EXTENSION, "
            "developer:EXTENSION/INSTALL or operator:GROUP-OF-THE-ADMIN"
        )

    def parse(self, text: str) -> RoleMap:
        entries = [part for each in text.split(";") if (part := each.strip())]
        return RoleMap(tuple(_entry(each) for each in entries))


def _entry(text: str) -> tuple[str, Role]:
    group, _, said = text.rpartition("=")
    group, kind, name = group.strip(), *(part.strip() for part in said.partition(":")[::2])
    if not _GROUP.fullmatch(group):
        raise ValueError(group)
    match kind:
        case Kind.ADMIN:
            return group, Role(Kind.ADMIN, _key(name))
        case Kind.DEVELOPER:
            extension, slash, install = name.partition("/")
            return group, Role(Kind.DEVELOPER, _key(extension), _key(install) if slash else ALL)
        case Kind.OPERATOR if _ADMIN_GROUP.fullmatch(name):
            return group, Role(Kind.OPERATOR, name)
    raise ValueError(said)


def _key(text: str) -> str:
    if not _KEY.fullmatch(text):
        raise ValueError(text)
    return text


def _joined(roles: Iterable[Role]) -> frozenset[Role]:
    found: set[Role] = set()
    scopes: dict[str, set[str]] = {}
    for role in roles:
        if role.kind is Kind.DEVELOPER:
            scopes.setdefault(role.name, set()).add(role.scope)
        else:
            found.add(role)
        if role.kind is Kind.OPERATOR:
            found.add(Role(Kind.STAFF, ""))
    for extension, keys in scopes.items():
        found.add(Role(Kind.DEVELOPER, extension, ALL if ALL in keys else " ".join(sorted(keys))))
    return frozenset(found)
