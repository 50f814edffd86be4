"""A large directory for measurements: 10,000 installs, 1,000 grants, 1,000 people signed in."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.utils import timezone

from extdebug.models import DebugSession
from policies.database import version_triggers
from policies.models import (
    Approval,
    Capability,
    Extension,
    ExtensionDeveloper,
    Grant,
    Install,
    Membership,
    Tenant,
)

TENANTS, EXTENSIONS, EACH = 500, 100, 20  # extensions of each tenant
PEOPLE = 1_000
STREAMS = 20  # that people watch
PAST = 3_000  # sessions that are over


def target_of(person: int) -> tuple[str, str]:
    """What this person has a grant for."""
    return f"t{person % STREAMS:04}", f"e{person % STREAMS:03}"


def lay_out() -> None:
    """Fill an empty, migrated PostgreSQL database, with the triggers that guard grants away."""
    version_triggers.remove()
    with transaction.atomic():
        _lay_out()
    version_triggers.install()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _all(model: Any, rows: Iterable[Any]) -> list[Any]:
    return list(model._default_manager.bulk_create(list(rows), batch_size=1_000))


def _lay_out() -> None:
    now = timezone.now()
    tenants = _all(Tenant, (Tenant(key=f"t{n:04}", name=f"Tenant {n}") for n in range(TENANTS)))
    extensions = _all(
        Extension, (Extension(key=f"e{n:03}", name=f"Extension {n}") for n in range(EXTENSIONS))
    )
    installs = _all(Install, (
        Install(key=f"i-{t:04}-{e:03}", tenant=tenants[t], extension=extensions[e], name="One")
        for t in range(TENANTS) for e in ((t + 5 * k) % EXTENSIONS for k in range(EACH))
    ))  # fmt: skip
    _all(Capability, (Capability(extension=each) for each in extensions))
    _all(Capability, (Capability(extension=each.extension, install=each) for each in installs))
    people = _all(User, (
        User(username=f"p{n:04}", email=f"p{n:04}@example.test", password="!")
        for n in range(PEOPLE)
    ))  # fmt: skip
    operator = User.objects.create(username="operator", password="!", is_staff=True)
    operator.user_permissions.set(
        Permission.objects.filter(content_type__app_label__in=("policies", "extdebug", "audit"))
    )
    _all(Membership, (
        Membership(user=people[n], tenant=tenants[n % TENANTS]) for n in range(0, PEOPLE, 2)
    ))  # fmt: skip
    _all(ExtensionDeveloper, (
        ExtensionDeveloper(user=people[n], extension=extensions[n % STREAMS], all_installs=True)
        for n in range(PEOPLE)
    ))  # fmt: skip
    grants = _all(Grant, (
        Grant(
            state="active", environment="production", tenant=tenants[n % STREAMS],
            tenant_key=f"t{n % STREAMS:04}", extension=extensions[n % STREAMS],
            extension_key=f"e{n % STREAMS:03}", all_installs=True, requester=people[n],
            beneficiary=people[n], reason="a customer waits", minutes=480, requested_at=now,
            lapses_at=now + dt.timedelta(days=1), starts_at=now,
            ends_at=now + dt.timedelta(minutes=480),
        )
        for n in range(PEOPLE)
    ))  # fmt: skip
    _all(Approval, (
        Approval(
            grant=each, requester=each.requester, beneficiary=each.beneficiary, approver=operator,
            verdict="approve", created_at=now,
        )
        for each in grants
    ))  # fmt: skip
    _all(Session, (_signed_in(each, now) for each in [*people, operator]))
    _all(DebugSession, (
        DebugSession(
            user=people[n % PEOPLE], username=people[n % PEOPLE].username,
            tenant=target_of(n)[0], extension=target_of(n)[1], grant=grants[n % PEOPLE],
            environment="production", transport="ws", opened_at=now - dt.timedelta(hours=1),
            expires_at=now, extendable_until=now, process="gone", holder=uuid.uuid4().hex,
            closed_at=now, close_code=4408,
        )
        for n in range(PAST)
    ))  # fmt: skip


def key_of(person: str) -> str:
    """The key of this person's sign-in."""
    return f"{person:-<32}"


def _signed_in(user: User, now: dt.datetime) -> Session:
    data = {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }
    return Session(
        session_key=key_of(user.username), session_data=SessionStore().encode(data),
        expire_date=now + dt.timedelta(days=1),
    )  # fmt: skip
