"""Gives and takes the roles that groups of the provider stand for, as they are said at a sign-in.

What groups say is compared with what they said last, and only the difference is made:

- a role that is new is given, unless the person has it: then whoever gave it keeps it;
- a role whose group was left is taken away, unless the directory keeps it by now;
- a role of which nothing changed is left alone: what the desk took away from somebody stays taken
  away until the group is left and joined again.

Rows that the desk or the directory made are never touched. What is taken away is committed first,
so that nothing that goes wrong with what is given can hold it up.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import Q

from policies import cuts
from policies.changes import second_person
from policies.changes.bulk import Changes
from policies.database import clock
from policies.directory import state
from policies.grants import notifications
from policies.models import (
    Extension,
    ExtensionDeveloper,
    Install,
    KeptRow,
    Membership,
    RoleByGroup,
    SignInIdentity,
    Tenant,
)
from policies.sign_in import accounts
from policies.sign_in.role_map import ALL, Kind, Role

log = logging.getLogger("policies.sign_in.roles")

AT_ONCE: Final = 200  # people whose roles end in one call of the janitor
Mark = tuple[Kind, str]


def apply(identity_pk: int, said: Mapping[Mark, Role], *, ip: str = "") -> None:
    """Make these (`existing`) the roles that the identity's groups give: two transactions of its
    own."""
    with transaction.atomic():
        identity = _locked(identity_pk)
        gone = [row for row in identity.roles.all() if _key(row) not in said]
        _lose(identity, gone, ip=ip)
    with transaction.atomic():
        identity = _locked(identity_pk)
        scopes = {_key(row): row.scope for row in identity.roles.all()}
        given = [role for key, role in said.items() if key not in scopes]
        moved = [r for key, r in said.items() if key in scopes and scopes[key] != r.scope]
        name = identity.user.get_username()
        changes = accounts.changes_of(identity.issuer, who=name, ip=ip)
        words = [*_give(identity, given, changes), *_rescope(identity, moved, changes)]
        if words and second_person.needed():
            _tell(name, words, by=f"groups at {identity.issuer}")
        changes.record()
        if given or moved:
            cuts.hint("policy", subject=accounts.NAME)


def _tell(who: str, words: Sequence[str], *, by: str) -> None:
    """Operators hear of what two of them would have decided on."""
    lines = [f"{who} was given, by {by}:", "", *(f"- {each}" for each in words)]
    event = {"event": "roles.given", "by": by, "to": who, "what": list(words)}
    notifications.tell_operators("roles_given", f"ROLES GIVEN: {who}", lines, event=event)


def end_all(identity: SignInIdentity) -> None:
    """Take away all that groups gave; in the caller's transaction, which holds the row."""
    _lose(identity, list(identity.roles.all()), ip="")


def end_stale(*, older_than: dt.timedelta, limit: int = AT_ONCE) -> int:
    """Take away what groups gave to people who have not signed in since; how many people."""
    before = clock.now() - older_than
    late = Q(seen_at__lte=before) | Q(seen_at__isnull=True, linked_at__lte=before)
    stale = SignInIdentity.objects.filter(late, roles__isnull=False).distinct().order_by("pk")
    ended = 0
    for pk in list(stale.values_list("pk", flat=True)[:limit]):
        with transaction.atomic():
            rows = SignInIdentity.objects.select_for_update(of=("self",)).select_related("user")
            identity = rows.filter(late, pk=pk).first()
            if identity is not None:  # nobody signed in meanwhile
                end_all(identity)
                ended += 1
    return ended


def _locked(pk: int) -> SignInIdentity:
    rows = SignInIdentity.objects.select_for_update(of=("self",)).select_related("user")
    return rows.get(pk=pk)


def existing(wanted: Iterable[Role]) -> dict[Mark, Role]:
    """Of these what can be given: what they name is there, of a developer as far as it is."""
    said = {(role.kind, role.name): role for role in wanted}
    there: dict[Kind, set[str]] = {
        kind: {getattr(row, column) for row in rows.filter(**{f"{column}__in": _names(said, kind)})}
        for kind, rows, column in (
            (Kind.ADMIN, Tenant.objects, "key"),
            (Kind.DEVELOPER, Extension.objects, "key"),
            (Kind.OPERATOR, Group.objects, "name"),
        )
    }
    there[Kind.STAFF] = {""} if there[Kind.OPERATOR] else set()
    found: dict[Mark, Role] = {}
    for key, role in said.items():
        if role.name not in there[role.kind]:
            if role.kind is not Kind.STAFF:
                log.warning("OIDC_ROLES: there is no %s for %s", role.name, role.kind)
        elif role.kind is Kind.DEVELOPER and role.scope != ALL:
            installs = Install.objects.filter(extension__key=role.name, key__in=role.scope.split())
            keys = sorted(installs.values_list("key", flat=True))
            if keys:
                found[key] = Role(role.kind, role.name, " ".join(keys))
        else:
            found[key] = role
    return found


def _names(said: Iterable[Mark], kind: Kind) -> list[str]:
    return [name for of, name in said if of is kind]


# --- taking away --------------------------------------------------------------------------------


def _lose(identity: SignInIdentity, marks: Collection[RoleByGroup], *, ip: str) -> None:
    """Take away and record it; a row whose role is gone already is just forgotten."""
    changes = accounts.changes_of(identity.issuer, who=identity.user.get_username(), ip=ip)
    user = identity.user
    kept = _kept_by_directory(user, marks)
    lost_groups, staff = set[str](), False
    for mark in marks:
        match Kind(mark.kind):
            case Kind.ADMIN if _key(mark) not in kept:
                changes.delete(list(Membership.objects.filter(user=user, tenant__key=mark.name)))
            case Kind.DEVELOPER if _key(mark) not in kept:
                rows = ExtensionDeveloper.objects.filter(user=user, extension__key=mark.name)
                changes.delete(list(rows))
            case Kind.OPERATOR:
                lost_groups.add(mark.name)
            case Kind.STAFF:
                staff = True
    if lost_groups or staff:
        left = user.groups.exclude(name__in=lost_groups)
        columns = {"is_staff": False} if staff else {}
        changes.change([(user, columns)], related={0: {"groups": list(left)}})
    identity.roles.filter(pk__in=[mark.pk for mark in marks]).delete()
    changes.record()
    if marks:
        cuts.hint("policy", subject=accounts.NAME)


def _kept_by_directory(user: User, marks: Iterable[RoleByGroup]) -> set[Mark]:
    """Of these the roles that the directory names as well by now."""
    names = {
        (state.admin_name if mark.kind == Kind.ADMIN else state.developer_name)(
            user.get_username(), mark.name
        ): _key(mark)
        for mark in marks
        if mark.kind in (Kind.ADMIN, Kind.DEVELOPER)
    }
    rows = KeptRow.objects.filter(section="roles", left=False, name__in=names)
    return {names[name] for name in rows.values_list("name", flat=True)}


# --- giving -------------------------------------------------------------------------------------


def _give(identity: SignInIdentity, roles: Iterable[Role], changes: Changes) -> list[str]:
    """Give what the person does not have; what was given, in words."""
    user, words, groups, staff = identity.user, list[str](), list[Group](), False
    for role in sorted(roles):
        match role.kind:
            case Kind.ADMIN:
                if not Membership.objects.filter(user=user, tenant__key=role.name).exists():
                    tenant = Tenant.objects.get(key=role.name)
                    changes.create([Membership(user=user, tenant=tenant)])
                    _mark(identity, role)
                    words.append(f"admin of {role.name}")
            case Kind.DEVELOPER:
                words += _give_developer(identity, role, changes)
            case Kind.OPERATOR:
                if not user.groups.filter(name=role.name).exists():
                    groups.append(Group.objects.get(name=role.name))
                    _mark(identity, role)
                    words.append(f"the rights of the group {role.name}")
            case Kind.STAFF:
                staff = not user.is_staff
    operates = groups or identity.roles.filter(kind=Kind.OPERATOR).exists()
    columns = {"is_staff": True} if staff and operates else {}
    if columns:
        _mark(identity, Role(Kind.STAFF, ""))
    if groups or columns:
        held = [*user.groups.all(), *groups]
        changes.change([(user, columns)], related={0: {"groups": held}})
    return words


def _give_developer(identity: SignInIdentity, role: Role, changes: Changes) -> list[str]:
    extension = Extension.objects.get(key=role.name)
    if ExtensionDeveloper.objects.filter(user=identity.user, extension=extension).exists():
        return []
    row = ExtensionDeveloper(
        user=identity.user, extension=extension, all_installs=role.scope == ALL
    )
    changes.create([row], related={0: {"installs": _installs(extension, role)}})
    _mark(identity, role)
    return [f"developer of {role.name} ({role.scope})"]


def _rescope(identity: SignInIdentity, roles: Iterable[Role], changes: Changes) -> list[str]:
    """Set what a developer may watch to what the groups say now, where they keep the row alone."""
    words = []
    marks = list(identity.roles.filter(kind=Kind.DEVELOPER))
    kept = _kept_by_directory(identity.user, marks)
    for role in roles:
        rows = ExtensionDeveloper.objects.filter(user=identity.user, extension__key=role.name)
        row = rows.select_related("extension").first()
        if row is not None and (role.kind, role.name) not in kept:
            changes.change(
                [(row, {"all_installs": role.scope == ALL})],
                related={0: {"installs": _installs(row.extension, role)}},
            )
            words.append(f"developer of {role.name} ({role.scope})")
        identity.roles.filter(kind=role.kind, name=role.name).update(scope=role.scope)
    return words


def _installs(extension: Extension, role: Role) -> list[Install]:
    if role.scope == ALL:
        return []
    return list(Install.objects.filter(extension=extension, key__in=role.scope.split()))


def _mark(identity: SignInIdentity, role: Role) -> None:
    RoleByGroup.objects.create(identity=identity, kind=role.kind, name=role.name, scope=role.scope)


def _key(mark: RoleByGroup) -> Mark:
    return Kind(mark.kind), mark.name
