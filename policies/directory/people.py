"""Plans the sections people, roles and capabilities: who may watch, and what allows it.

Whoever leaves is deactivated, a role or capability that leaves is taken away. An account that the
desk deactivated stays so. Staff, superusers and operators are made at the desk alone.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User

from policies.directory.document import (
    ALL,
    CapabilityRow,
    Document,
    InstallRow,
    PersonRow,
    RoleRow,
)
from policies.directory.state import State
from policies.directory.steps import Act, Mark, Plan, Step
from policies.directory.targets import keep, named
from policies.models import Capability, ExtensionDeveloper, Install, Membership


def plan_people(document: Document, state: State, plan: Plan, *, now: dt.datetime) -> None:
    rows: dict[str, PersonRow] = dict(document.sections["people"])
    for name, row in rows.items():
        user = state.people.get(name)
        if user is None:
            state.people[name] = user = User(
                username=name,
                email=row.email or "",
                first_name=row.first_name or "",
                last_name=row.last_name or "",
                is_active=row.active,
                password=make_password(None),  # no password fits
            )
            ended = None if row.active else now
            plan.steps.append(
                Step(
                    section="people", name=name, words=f"person {name}", act=Act.ADD, row=user,
                    mark=Mark(section="people", name=name, left=not row.active, ended_at=ended),
                )
            )  # fmt: skip
            continue
        _rename(plan, user, row)
        if row.active:
            _reactivate(plan, state, user)
        else:
            _deactivate(plan, state, user, now=now)
    for mark in list(state.kept_in("people")):
        if mark.name not in rows and mark.name in state.people:
            _deactivate(plan, state, state.people[mark.name], now=now)


def _rename(plan: Plan, user: User, row: PersonRow) -> None:
    """Steps for another name or address; an operator's address is where alerts go."""
    wanted = {
        column: value
        for column in ("first_name", "last_name", "email")
        if (value := getattr(row, column)) is not None and value != getattr(user, column)
    }
    operates = user.is_active and user.is_staff
    alerts = {"email": wanted.pop("email")} if operates and "email" in wanted else {}
    for columns, widens in ((wanted, ""), (alerts, "It redirects an operator's alerts.")):
        if columns:
            said = ", ".join(
                f"{column.replace('_', ' ')} {getattr(user, column)!r} becomes {value!r}"
                for column, value in columns.items()
            )
            plan.steps.append(
                Step(
                    section="people", name=user.username, words=f"person {user.username}: {said}",
                    act=Act.CHANGE, row=user, columns=columns, widens=widens, two=bool(widens),
                )
            )  # fmt: skip


def _reactivate(plan: Plan, state: State, user: User) -> None:
    name, kept = user.username, state.mark("people", user.username)
    if user.is_active:
        keep(plan, state, Mark(section="people", name=name))
    elif kept is not None and kept.left and kept.ended_at is not None:
        plan.steps.append(
            Step(
                section="people", name=name, words=f"person {name}: active again", act=Act.CHANGE,
                row=user, columns={"is_active": True}, widens="It switches an account on.",
                two=name in state.trusted, mark=Mark(section="people", name=name),
            )
        )  # fmt: skip
    else:
        keep(plan, state, Mark(section="people", name=name))
        plan.left_alone.append(f"person {name}: deactivated at the desk, and stays so")


def _deactivate(plan: Plan, state: State, user: User, *, now: dt.datetime) -> None:
    name, kept = user.username, state.mark("people", user.username)
    if user.is_active:
        plan.steps.append(
            Step(
                section="people", name=name, words=f"person {name}: deactivated", act=Act.CHANGE,
                row=user, columns={"is_active": False}, takes=True,
                mark=Mark(section="people", name=name, left=True, ended_at=now),
            )
        )  # fmt: skip
    elif kept is None or not kept.left:
        keep(plan, state, Mark(section="people", name=name, left=True))


def plan_roles(document: Document, state: State, plan: Plan) -> None:
    rows: dict[str, RoleRow] = dict(document.sections["roles"])
    for name, row in rows.items():
        person = named(document, state, "roles", name, "person", row.person)
        if row.role == "admin":
            tenant = named(document, state, "roles", name, "tenant", str(row.tenant))
            if name in state.admins:
                keep(plan, state, Mark(section="roles", name=name))
                continue
            plan.steps.append(
                Step(
                    section="roles", name=name, act=Act.ADD,
                    words=f"role: {row.person} is admin of {row.tenant}",
                    row=Membership(user=person, tenant=tenant, role=Membership.Role.ADMIN),
                    widens="It makes a tenant's admin.", two=True,
                    mark=Mark(section="roles", name=name),
                )
            )  # fmt: skip
        else:
            _developer(document, state, plan, name, row)
    for mark in list(state.kept_in("roles")):
        if mark.name in rows or mark.left:
            continue
        gone: Any = state.admins.get(mark.name) or state.developers.get(mark.name)
        if gone is not None:
            plan.steps.append(
                Step(
                    section="roles", name=mark.name, words=f"role: {mark.name}", act=Act.DELETE,
                    row=gone, takes=True, mark=Mark(section="roles", name=mark.name, left=True),
                )
            )  # fmt: skip


def _developer(document: Document, state: State, plan: Plan, name: str, row: RoleRow) -> None:
    """Steps that narrow what a developer may watch first, then one that widens it."""
    person = named(document, state, "roles", name, "person", row.person)
    extension = named(document, state, "roles", name, "extension", str(row.extension))
    everywhere, keys = row.installs == ALL, frozenset[str]()
    if not everywhere:
        keys = frozenset(row.installs or ())
        _require_installs(document, state, name, row)
    what = f"role: {row.person} develops {row.extension}"
    wanted = _scope(keys, everywhere=everywhere)
    developer = state.developers.get(name)
    more = "It widens what a developer may watch."
    if developer is None:
        plan.steps.append(
            Step(
                section="roles", name=name, words=f"{what} ({wanted})", act=Act.ADD,
                row=ExtensionDeveloper(
                    user=person, extension=extension, all_installs=everywhere
                ),
                installs=_installs(state, keys), widens=more, two=True,
                mark=Mark(section="roles", name=name),
            )
        )  # fmt: skip
        return
    keep(plan, state, Mark(section="roles", name=name))
    had, had_all = state.named[name], developer.all_installs
    before = _scope(had, everywhere=had_all)
    narrower = had_all and not everywhere
    # Of all installs the named ones are left: nothing that was not theirs.
    left = keys if narrower else had if everywhere else had & keys
    if narrower or left != had:
        plan.steps.append(
            Step(
                section="roles", name=name, act=Act.CHANGE, row=developer, takes=True,
                words=f"{what}: {before} becomes {_scope(left)}",
                columns={"all_installs": False}, installs=_installs(state, left),
            )
        )  # fmt: skip
    if (everywhere and not had_all) or keys - left:
        plan.steps.append(
            Step(
                section="roles", name=name, act=Act.CHANGE, row=developer, widens=more, two=True,
                words=f"{what}: {_scope(left)} becomes {wanted}",
                columns={"all_installs": everywhere}, installs=_installs(state, keys),
            )
        )  # fmt: skip


def _require_installs(document: Document, state: State, name: str, row: RoleRow) -> None:
    for key in row.installs or ():
        named(document, state, "roles", name, "installs", key)
        if state.installs[key].extension.key != row.extension:
            raise document.fault("roles", name, "installs", f"installs of {row.extension}", key)


def _installs(state: State, keys: frozenset[str]) -> list[Install]:
    return [state.installs[key] for key in sorted(keys)]


def _scope(keys: frozenset[str], *, everywhere: bool = False) -> str:
    return "all installs" if everywhere else ", ".join(sorted(keys)) or "no install"


def plan_capabilities(document: Document, state: State, plan: Plan) -> None:
    rows: dict[str, CapabilityRow] = dict(document.sections["capabilities"])
    listed: dict[str, InstallRow] = dict(document.sections.get("installs", {}))
    for name, row in rows.items():
        extension = named(document, state, "capabilities", name, "extension", row.extension)
        install: Any = None
        if row.install is not None:
            install = named(document, state, "capabilities", name, "install", row.install)
            if install.extension.key != row.extension:
                raise document.fault(
                    "capabilities", name, "install", f"an install of {row.extension}", row.install
                )
            if row.install in listed and not listed[row.install].active:
                raise document.fault(
                    "capabilities", name, "install", "an install that is active", row.install
                )
        if name in state.capabilities:
            keep(plan, state, Mark(section="capabilities", name=name))
            continue
        plan.steps.append(
            Step(
                section="capabilities", name=name, words=f"capability {row.name} on {name}",
                act=Act.ADD, widens="It gives a capability.", two=True,
                row=Capability(extension=extension, install=install, name=row.name),
                mark=Mark(section="capabilities", name=name),
            )
        )  # fmt: skip
    for mark in list(state.kept_in("capabilities")):
        capability = state.capabilities.get(mark.name)
        if mark.name not in rows and not mark.left and capability is not None:
            plan.steps.append(
                Step(
                    section="capabilities", name=mark.name, act=Act.DELETE, row=capability,
                    words=f"capability {capability.name} on {mark.name}", takes=True,
                    mark=Mark(section="capabilities", name=mark.name, left=True),
                )
            )  # fmt: skip
