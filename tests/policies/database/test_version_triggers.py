"""The policy version moves with every committed change of what decisions read, however made."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection, transaction
from django.db import models as fields
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies import access
from policies.database import facts_statement, version_triggers
from policies.models import (
    AccessToken,
    Capability,
    Consent,
    EnvironmentPolicy,
    ExtensionDeveloper,
    Grant,
    Install,
    Limits,
    Lock,
    ProductionMode,
    RedactionRule,
    Tenant,
)
from tests.policies.conftest import bring_deferred_triggers, in_parallel

HOUR = dt.timedelta(hours=1)


def version() -> int:
    bring_deferred_triggers()
    return access.policy_version()


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def ways(cast: Cast) -> dict[str, Callable[[], Any]]:
    """One way to change each thing that decisions read; plain SQL and bulk updates among them."""
    dan, now = cast.dan, timezone.now()
    developer = ExtensionDeveloper.objects.get(user=cast.dora)
    group = Group.objects.create(name="operators")
    permission = Permission.objects.get(codename="operate_debug")
    token = AccessToken.objects.create(
        owner=dan, name="ci", digest="d", tenant=cast.acme, created_at=now, expires_at=now + HOUR
    )
    return {
        "suspend": lambda: Tenant.objects.update(suspended_at=now),
        "rename extension": lambda: sql("UPDATE policies_extension SET name = 'x'"),
        "move install": lambda: Install.objects.filter(pk=cast.inst_acme.pk).update(
            tenant=cast.globex
        ),
        "membership": lambda: sql("DELETE FROM policies_membership"),
        "developer": lambda: ExtensionDeveloper.objects.update(all_installs=False),
        "named installs": developer.installs.clear,
        "capability": lambda: Capability.objects.all().delete(),
        "consent": lambda: Consent.objects.bulk_create(
            [Consent(tenant=cast.acme, state="withdrawn", decided_at=now)]
        ),
        "environment": lambda: EnvironmentPolicy.objects.create(environment="staging"),
        "mode": lambda: ProductionMode.objects.create(tenant=cast.acme, mode="off"),
        "lock": lambda: Lock.objects.create(user=dan, reason="x"),
        "limits": lambda: Limits.objects.create(sessions_per_user=1),
        "rule": lambda: RedactionRule.objects.create(name="r", pattern="x", example="x"),
        "deactivate": lambda: User.objects.filter(pk=dan.pk).update(is_active=False),
        "staff": lambda: User.objects.update(is_staff=False),
        "password": lambda: sql("UPDATE auth_user SET password = 'x'"),
        "permission": cast.olivia.user_permissions.clear,
        "group": lambda: group.user_set.add(dan),
        "group's permission": lambda: group.permissions.add(permission),
        "permission's name": lambda: Permission.objects.filter(pk=permission.pk).update(
            codename="operate"
        ),
        "token": lambda: AccessToken.objects.filter(pk=token.pk).update(revoked_at=now),
        "delete user": lambda: sql(f"DELETE FROM auth_user WHERE id = {_nobody().pk}"),
    }


def _nobody() -> User:
    return User.objects.create_user("nobody")


NAMES = [
    "suspend", "rename extension", "move install", "membership", "developer", "named installs",
    "capability", "consent", "environment", "mode", "lock", "limits", "rule", "deactivate",
    "staff", "password", "permission", "group", "group's permission", "permission's name",
    "token", "delete user",
]  # fmt: skip


@pytest.mark.parametrize("way", NAMES)
@pytest.mark.django_db(transaction=True)
def test_each_change_moves_the_version(cast: Cast, way: str) -> None:
    change = ways(cast)[way]
    before = access.policy_version()
    with transaction.atomic():
        change()
    assert access.policy_version() > before


@pytest.mark.django_db
def test_every_way_is_tried(cast: Cast) -> None:
    assert list(ways(cast)) == NAMES


@pytest.mark.django_db
def test_what_is_daily_life_leaves_the_version_alone(cast: Cast) -> None:
    now = timezone.now()
    token = AccessToken.objects.create(
        owner=cast.dan, name="ci", digest="d", tenant=cast.acme, created_at=now,
        expires_at=now + HOUR,
    )  # fmt: skip
    before = version()
    User.objects.filter(pk=cast.dan.pk).update(last_login=now)
    AccessToken.objects.filter(pk=token.pk).update(last_used_at=now)
    assert version() == before


def rename_and_fail() -> None:
    with transaction.atomic():
        Tenant.objects.update(name="x")
        raise ZeroDivisionError


@pytest.mark.django_db(transaction=True)
def test_a_change_rolled_back_leaves_the_version_alone(cast: Cast) -> None:
    before = access.policy_version()
    with pytest.raises(ZeroDivisionError):
        rename_and_fail()
    assert access.policy_version() == before
    with transaction.atomic():
        with pytest.raises(ZeroDivisionError):
            rename_and_fail()
        Tenant.objects.update(name="y")
    assert access.policy_version() > before


@pytest.mark.django_db(transaction=True)
def test_a_version_seen_means_that_the_change_is_seen(cast: Cast) -> None:
    """Nobody sees the number before the change: it is part of the same commit."""
    before = access.policy_version()
    with transaction.atomic():
        Tenant.objects.update(suspended_at=timezone.now())
        if connection.vendor == "postgresql":
            assert in_parallel(access.policy_version) == [before]
    assert in_parallel(access.policy_version)[0] > before


@pytest.mark.django_db(transaction=True)
def test_emptying_a_table_moves_the_version(cast: Cast) -> None:
    """Neither PostgreSQL's TRUNCATE nor SQLite's truncating DELETE may go by unseen."""
    before = access.policy_version()
    postgresql = connection.vendor == "postgresql"
    sql("TRUNCATE policies_membership" if postgresql else "DELETE FROM policies_membership")
    assert access.policy_version() > before


@pytest.mark.django_db
def test_all_triggers_are_there_and_a_lost_one_is_named() -> None:
    assert version_triggers.missing() == []
    on = " ON policies_lock" if connection.vendor == "postgresql" else ""
    lost = "row" if connection.vendor == "postgresql" else "insert"
    sql(f"DROP TRIGGER policies_bump_policies_lock_{lost}{on}")
    assert version_triggers.missing() == [f"policies_bump_policies_lock_{lost}"]
    version_triggers.install()
    assert version_triggers.missing() == []


@pytest.mark.django_db
def test_every_table_that_a_decision_reads_moves_the_version(
    cast: Cast, django_assert_max_num_queries: Any
) -> None:
    """Read off the statement itself, so that a new rule cannot be forgotten."""
    with django_assert_max_num_queries(1):  # whatever it reads is in the statement
        access.decide_many([(access.viewer_of(cast.dan, transport="ws"), "acme", "invoice-sync")])
    given = dict.fromkeys((*facts_statement.LISTS, facts_statement.ENVIRONMENT), "x")
    asked = facts_statement.statement(postgresql=True, given=given)
    read = set(re.findall(r"(?:FROM|JOIN) (\w+_\w+)", asked))
    assert {"policies_install", "auth_group_permissions"} <= read
    assert read - {"policies_policyversion"} <= set(version_triggers.bumping())


@pytest.mark.django_db(transaction=True)
def test_a_table_under_triggers_can_be_altered(cast: Cast) -> None:
    """SQLite rebuilds a table to alter it, and stumbles over triggers that name it."""
    old = Grant._meta.get_field("ticket")
    new = fields.CharField(max_length=120, blank=True)
    new.set_attributes_from_name("ticket")
    new.model = Grant
    for before, after in ((old, new), (new, old)):
        with connection.schema_editor() as editor:
            version_triggers.lift(None, editor)
            editor.alter_field(Grant, before, after)
        assert version_triggers.missing()
        version_triggers.install()
        assert version_triggers.missing() == []
