"""Plans the sections tenants, extensions and installs: what can be watched.

What leaves is stopped and kept: a tenant is suspended, an extension locked, an install loses its
capability. What the desk suspended stays suspended, whatever the directory says.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from policies.directory.document import Document, ExtensionRow, InstallRow, TenantRow
from policies.directory.state import State
from policies.directory.steps import Act, Mark, Plan, Step
from policies.models import Extension, Install, Lock, Tenant

LOCKED: Final = "The extension left the directory."
# A column that names a row of another section.
_OF: Final = {
    "person": "people",
    "tenant": "tenants",
    "extension": "extensions",
    "install": "installs",
    "installs": "installs",
}


def plan_tenants(document: Document, state: State, plan: Plan, *, now: dt.datetime) -> None:
    rows: dict[str, TenantRow] = dict(document.sections["tenants"])
    for key, row in rows.items():
        tenant = state.tenants.get(key)
        if tenant is None:
            state.tenants[key] = tenant = Tenant(
                key=key,
                name=row.name or key,
                consent_required=bool(row.consent_required),
                suspended_at=None if row.active else now,
            )
            mark = Mark(
                section="tenants", name=key, left=not row.active, ended_at=tenant.suspended_at
            )
            words = f"tenant {key}" if row.active else f"tenant {key}, suspended"
            plan.steps.append(
                Step(section="tenants", name=key, words=words, act=Act.ADD, row=tenant, mark=mark)
            )
            continue
        rename(plan, state, "tenants", key, tenant, row.name)
        if row.consent_required and not tenant.consent_required:
            plan.steps.append(
                Step(
                    section="tenants", name=key, words=f"tenant {key}: its consent is required",
                    act=Act.CHANGE, row=tenant, columns={"consent_required": True},
                )
            )  # fmt: skip
        elif row.consent_required is False and tenant.consent_required:
            plan.left_alone.append(
                f"tenant {key}: its consent stays required; only its own admins lift that"
            )
        if row.active:
            _resume_tenant(plan, state, tenant)
        else:
            _suspend(plan, state, tenant, now=now)
    for mark in list(state.kept_in("tenants")):
        if mark.name not in rows and mark.name in state.tenants:
            _suspend(plan, state, state.tenants[mark.name], now=now)


def _resume_tenant(plan: Plan, state: State, tenant: Tenant) -> None:
    key, kept = tenant.key, state.mark("tenants", tenant.key)
    if tenant.suspended_at is None:
        keep(plan, state, Mark(section="tenants", name=key))
    elif kept is not None and kept.left and kept.ended_at == tenant.suspended_at:
        plan.steps.append(
            Step(
                section="tenants", name=key, words=f"tenant {key}: no longer suspended",
                act=Act.CHANGE, row=tenant, columns={"suspended_at": None},
                widens="It ends a tenant's suspension.", two=True,
                mark=Mark(section="tenants", name=key),
            )
        )  # fmt: skip
    else:
        keep(plan, state, Mark(section="tenants", name=key))
        plan.left_alone.append(f"tenant {key}: suspended at the desk, and stays so")


def _suspend(plan: Plan, state: State, tenant: Tenant, *, now: dt.datetime) -> None:
    key, kept = tenant.key, state.mark("tenants", tenant.key)
    if tenant.suspended_at is None:
        plan.steps.append(
            Step(
                section="tenants", name=key, words=f"tenant {key}: suspended",
                act=Act.CHANGE, row=tenant, columns={"suspended_at": now}, takes=True,
                mark=Mark(section="tenants", name=key, left=True, ended_at=now),
            )
        )  # fmt: skip
    elif kept is None or not kept.left:
        keep(plan, state, Mark(section="tenants", name=key, left=True))


def plan_extensions(document: Document, state: State, plan: Plan) -> None:
    rows: dict[str, ExtensionRow] = dict(document.sections["extensions"])
    for key, row in rows.items():
        extension = state.extensions.get(key)
        if extension is None:
            state.extensions[key] = extension = Extension(key=key, name=row.name or key)
            plan.steps.append(
                Step(
                    section="extensions", name=key, words=f"extension {key}", act=Act.ADD,
                    row=extension, mark=Mark(section="extensions", name=key),
                )
            )  # fmt: skip
        else:
            rename(plan, state, "extensions", key, extension, row.name)
            if row.active:
                _unlock(plan, state, key)
        if not row.active:
            _lock(plan, state, extension)
    for mark in list(state.kept_in("extensions")):
        if mark.name not in rows and mark.name in state.extensions:
            _lock(plan, state, state.extensions[mark.name])


def _unlock(plan: Plan, state: State, key: str) -> None:
    """Lift the directory's own lock; those of the desk are the desk's."""
    kept = state.mark("extensions", key)
    if kept is None or kept.lock is None:
        keep(plan, state, Mark(section="extensions", name=key))
        return
    plan.steps.append(
        Step(
            section="extensions", name=key, words=f"extension {key}: no longer locked",
            act=Act.DELETE, row=kept.lock, widens="It lifts a lock on an extension.", two=True,
            mark=Mark(section="extensions", name=key),
        )
    )  # fmt: skip


def _lock(plan: Plan, state: State, extension: Extension) -> None:
    key, kept = extension.key, state.mark("extensions", extension.key)
    if kept is not None and kept.lock is not None and kept.lock.expires_at is None:
        return
    lock = Lock(extension=extension, reason=LOCKED)
    plan.steps.append(
        Step(
            section="extensions", name=key, words=f"extension {key}: locked", act=Act.ADD,
            row=lock, takes=True,
            mark=Mark(section="extensions", name=key, left=True, lock=lock),
        )
    )  # fmt: skip


def plan_installs(document: Document, state: State, plan: Plan) -> None:
    rows: dict[str, InstallRow] = dict(document.sections["installs"])
    for key, row in rows.items():
        tenant = named(document, state, "installs", key, "tenant", row.tenant)
        extension = named(document, state, "installs", key, "extension", row.extension)
        install = state.installs.get(key)
        if install is None:
            install = Install(key=key, tenant=tenant, extension=extension, name=row.name or "")
            state.installs[key] = install
            plan.steps.append(
                Step(
                    section="installs", name=key, act=Act.ADD, row=install,
                    words=f"install {key} of {row.extension} at {row.tenant}",
                    mark=Mark(section="installs", name=key, left=not row.active),
                )
            )  # fmt: skip
            continue
        for column, had in (("tenant", install.tenant.key), ("extension", install.extension.key)):
            if had != (wanted := getattr(row, column)):
                raise document.fault(
                    "installs", key, column, f"{had}: an install keeps what it belongs to", wanted
                )
        rename(plan, state, "installs", key, install, row.name)
        if row.active:
            keep(plan, state, Mark(section="installs", name=key))
        else:
            _stop(plan, state, install)
    for mark in list(state.kept_in("installs")):
        if mark.name not in rows and mark.name in state.installs:
            _stop(plan, state, state.installs[mark.name])


def _stop(plan: Plan, state: State, install: Install) -> None:
    """Without the capability only operators may watch it, by what binds them."""
    key, kept = install.key, state.mark("installs", install.key)
    left = Mark(section="installs", name=key, left=True)
    capability = state.capabilities.pop(f"{install.extension.key}/{key}", None)
    if capability is not None:
        plan.steps.append(
            Step(
                section="installs", name=key, words=f"install {key}: capability withdrawn",
                act=Act.DELETE, row=capability, takes=True, mark=left,
            )
        )  # fmt: skip
    elif kept is None or not kept.left:
        plan.steps.append(
            Step(
                section="installs", name=key, words=f"install {key}: left", act=Act.NOTHING,
                takes=True, mark=left,
            )
        )  # fmt: skip


# --- what all sections do -------------------------------------------------------------------------


def rename(plan: Plan, state: State, section: str, key: str, row: Any, name: str | None) -> None:
    """A step for another name; none said leaves it as it is."""
    if name is not None and name != row.name:
        words = f"{section.removesuffix('s')} {key}: name {row.name!r} becomes {name!r}"
        plan.steps.append(
            Step(
                section=section, name=key, words=words, act=Act.CHANGE, row=row,
                columns={"name": name},
            )
        )  # fmt: skip


def keep(plan: Plan, state: State, mark: Mark) -> None:
    """A step that notes who keeps the row, unless that is noted; the row itself stays as it is."""
    if state.mark(mark.section, mark.name) == mark:
        return
    said = "no longer in the directory" if mark.left else "kept by the directory from now on"
    plan.steps.append(
        Step(
            section=mark.section, name=mark.name, words=f"{mark.name}: {said}", act=Act.NOTHING,
            mark=mark,
        )
    )  # fmt: skip


def named(document: Document, state: State, section: str, name: str, column: str, key: str) -> Any:
    """The row that another one refers to: of the document's section, or else of the database.

    BadDocument when there is none.
    """
    of = _OF[column]
    listed, there = document.sections.get(of), getattr(state, of)
    if key not in (there if listed is None else listed):
        where = "the database" if listed is None else "the document"
        raise document.fault(section, name, column, f"one of the {of} of {where}", key)
    return there[key]
