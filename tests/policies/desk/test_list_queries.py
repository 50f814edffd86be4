"""The lists of the desk ask the database a few times, however many rows there are."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from extdebug.demo.sample import Cast
from extdebug.models import DebugSession
from policies.models import Extension, ExtensionDeveloper, Install, Membership, Tenant
from tests.policies.at_the_desk import signed_in
from tests.policies.conftest import granted

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]

MOST = 12
LISTS = (
    "policies/grant", "policies/tenant", "policies/extension", "policies/install",
    "policies/membership", "policies/extensiondeveloper", "policies/capability",
    "policies/accesstoken", "policies/changerequest", "policies/limits",
    "extdebug/debugsession", "extdebug/process",
)  # fmt: skip


def many(cast: Cast, start: int, stop: int) -> None:
    """So many rows more in each of the tables that grow."""
    now = timezone.now()
    numbers = range(start, stop)
    people = User.objects.bulk_create(User(username=f"p{n}") for n in numbers)
    tenants = Tenant.objects.bulk_create(Tenant(key=f"t{n}", name="T") for n in numbers)
    extensions = Extension.objects.bulk_create(Extension(key=f"e{n}", name="E") for n in numbers)
    for n, user, tenant, extension in zip(numbers, people, tenants, extensions, strict=True):
        install = Install.objects.create(key=f"i{n}", tenant=tenant, extension=extension)
        Membership.objects.create(user=user, tenant=tenant)
        ExtensionDeveloper.objects.create(user=user, extension=extension).installs.add(install)
        DebugSession.objects.create(
            user=user, username=user.username, tenant=tenant.key, extension=extension.key,
            environment="production", transport="ws", process="p", opened_at=now,
            expires_at=now, extendable_until=now, holder="h",
        )  # fmt: skip


def asked(client: Client, path: str) -> int:
    statements: list[str] = []

    def count(execute: Any, statement: str, *rest: Any) -> Any:
        if not statement.startswith(("SAVEPOINT", "RELEASE")):
            statements.append(statement)
        return execute(statement, *rest)

    with connection.execute_wrapper(count):
        assert client.get(path).status_code == 200
    return len(statements)


def test_each_list_asks_at_most_twelve_times_whatever_its_size(cast: Cast) -> None:
    client = signed_in(cast.olivia)
    granted(cast, cast.dan)
    many(cast, 0, 3)
    few = {name: asked(client, f"/admin/{name}/") for name in LISTS}
    for user in (cast.alice, cast.dora):
        granted(cast, user, installs=["inst-acme"])
    many(cast, 3, 40)
    full = {name: asked(client, f"/admin/{name}/") for name in LISTS}
    assert full == few
    assert max(full.values()) <= MOST, full
