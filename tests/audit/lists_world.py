"""Rows of every kind that the admin lists, for tests that count what its pages ask for."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib.auth.models import Permission, User
from django.db import connection
from django.utils import timezone

from audit.actions import Action
from audit.trail import Actor
from extdebug.models import DebugSession, Process
from policies.models import (
    AccessToken,
    Approval,
    Capability,
    ChangeRequest,
    Consent,
    DirectoryRelease,
    Extension,
    ExtensionDeveloper,
    Grant,
    Install,
    Limits,
    Lock,
    Membership,
    Tenant,
)
from tests.audit.conftest import record
from tests.fixtures.database import without_triggers


def operator() -> User:
    """Somebody who sees every list."""
    made = User.objects.create_user("omar", is_staff=True)
    apps = ("policies", "extdebug", "audit")
    made.user_permissions.set(Permission.objects.filter(content_type__app_label__in=apps))
    return made


def more_rows(numbers: range, *, approver: User) -> None:
    """One row more of every kind and in every box of the desk for each of these numbers."""
    with without_triggers(connection):
        for number in numbers:
            _one_of_each(number, approver)
    for number in numbers:
        actor = Actor(id=str(number), name=f"p{number}")
        for action in (Action.SESSION_OPENED, Action.SESSION_DENIED):
            record(
                action=action, actor=actor, tenant=f"t{number}", extension=f"e{number}",
                data={"code": "x"},
            )  # fmt: skip


def _one_of_each(n: int, approver: User) -> None:
    now = timezone.now()
    tenant = Tenant.objects.create(key=f"t{n}", name=f"Tenant {n}")
    extension = Extension.objects.create(key=f"e{n}", name=f"Extension {n}")
    install = Install.objects.create(key=f"i{n}", tenant=tenant, extension=extension, name="One")
    Capability.objects.create(extension=extension)
    Capability.objects.create(extension=extension, install=install)
    person, other = (User.objects.create(username=f"{name}{n}", password="!") for name in "pq")
    Membership.objects.create(user=person, tenant=tenant)
    named = ExtensionDeveloper.objects.create(user=person, extension=extension)
    named.installs.add(install)
    grants = [
        Grant.objects.create(
            environment="production", tenant=tenant, tenant_key=tenant.key, extension=extension,
            extension_key=extension.key, requester=asked_by, beneficiary=person, minutes=60,
            reason="a customer waits", requested_at=now, lapses_at=now + dt.timedelta(days=1),
            **rest,
        )
        for asked_by, rest in (
            (other, {"state": "requested", "approvals_required": 2}),
            (other, {"state": "active", **_span(now)}),
            (person, {"state": "active", "break_glass": True, "approvals_required": 0,
                      **_span(now)}),
        )
    ]  # fmt: skip
    for grant in grants[:2]:
        Approval.objects.create(
            grant=grant, requester=grant.requester, beneficiary=person, approver=approver,
            verdict="approve", created_at=now,
        )  # fmt: skip
    for closed in (None, now):
        for of_grant in (*grants[1:], None):
            DebugSession.objects.create(
                user=person, username=person.username, tenant=tenant.key, extension=extension.key,
                grant=of_grant, environment="production", transport="ws", opened_at=now,
                expires_at=now, extendable_until=now, process=f"process-{n}", holder="h",
                closed_at=closed, close_code=None if closed is None else 4408,
            )  # fmt: skip
    AccessToken.objects.create(
        owner=person, name="ci", digest=f"{n:064}", hint="x", tenant=tenant, extension=extension,
        created_at=now, expires_at=now + dt.timedelta(days=1),
    )  # fmt: skip
    ChangeRequest.objects.create(
        act="add", kind="policies.lock", summary="a lock", subjects=[person.pk], requester=other,
        reason="an audit", requested_at=now, lapses_at=now + dt.timedelta(days=1),
    )  # fmt: skip
    Limits.objects.create(tenant=tenant, sessions_per_user=3)
    Lock.objects.create(
        user=other, reason="an audit", created_by=approver, expires_at=now + dt.timedelta(days=1)
    )
    Consent.objects.create(
        tenant=tenant, extension=extension, state="given", decided_by=person, decided_at=now
    )
    DirectoryRelease.objects.create(
        sections=f"section {n}", digest="x", gainers=[person.pk], asked_at=now, released_at=now
    )
    streams = [{"target": f"t{n}:other", "watchers": 1}]
    Process.objects.create(
        name=f"process-{n}", host="h", pid=n + 1, started_at=now, beat_at=now,
        health={"streams": streams},
    )  # fmt: skip


def _span(now: dt.datetime) -> dict[str, Any]:
    return {"starts_at": now, "ends_at": now + dt.timedelta(minutes=10)}
