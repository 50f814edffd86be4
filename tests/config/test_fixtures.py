"""The ground the other tests stand on does what it says."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
import redis
from django.contrib.auth.models import Permission, User
from django.db import connection

from extdebug.demo.sample import Cast, lay_out
from policies.models import (
    Capability,
    Extension,
    ExtensionDeveloper,
    Install,
    Membership,
    Tenant,
)
from tests.fixtures.cast import PASSWORD
from tests.fixtures.database import without_triggers
from tests.fixtures.postgres import PostgresCluster
from tests.fixtures.pristine import Pristine
from tests.fixtures.redis import RedisServer, connect


def test_redis_comes_back_on_the_same_port_empty_after_a_crash(redis_server: RedisServer) -> None:
    port = redis_server.port
    with redis_server.client() as client:
        client.set("k", "v")
    redis_server.kill9()
    redis_server.start()
    with redis_server.client() as client:
        assert redis_server.port == port
        assert client.get("k") is None


def test_redis_with_aof_remembers(redis_server_factory: Callable[..., RedisServer]) -> None:
    server = redis_server_factory("--appendonly", "yes", "--appendfsync", "always")
    with server.client() as client:
        client.set("k", "v")
    server.kill9()
    with server.start().client() as client:
        assert client.get("k") == b"v"


def test_a_paused_redis_keeps_connections_and_answers_nothing(redis_server: RedisServer) -> None:
    with connect(redis_server.port, timeout=0.2) as client:
        assert client.ping()
        with redis_server.paused(), pytest.raises(redis.TimeoutError):
            client.ping()


def test_postgres_gives_each_asker_an_empty_database(postgres: PostgresCluster) -> None:
    first, second = postgres.create_database(), postgres.create_database()
    with psycopg.connect(first) as one, psycopg.connect(second) as two:
        one.execute("CREATE TABLE t (a int)")
        one.commit()
        assert two.execute("SELECT to_regclass('t')").fetchone() == (None,)


@pytest.mark.parametrize("turn", [1, 2])
@pytest.mark.django_db(transaction=True)
def test_transactional_tests_start_empty_in_spite_of_append_only_tables(turn: int) -> None:
    from audit.models import AuditRecord

    assert not User.objects.exists()
    assert not AuditRecord.objects.exists()
    User.objects.create_user("somebody")
    with connection.cursor() as cursor, without_triggers(connection):
        cursor.execute("DELETE FROM audit_auditrecord")  # refused with the triggers in place


@pytest.mark.django_db(transaction=True)
def test_what_a_test_added_changed_and_removed_is_put_back() -> None:
    from audit.models import AuditRecord, ChangeNote
    from audit.trail import settle_notes
    from policies.models import PolicyVersion

    flushed = Pristine.of(connection)
    lay_out(password=PASSWORD)
    permissions = Permission.objects.count()
    with without_triggers(connection):
        Permission.objects.filter(codename="operate_debug").delete()
        PolicyVersion.objects.all().delete()
    settle_notes()
    assert AuditRecord.objects.exists()
    assert flushed.restore(connection)
    assert Permission.objects.count() == permissions
    assert not User.objects.exists()
    assert not AuditRecord.objects.exists()
    assert not ChangeNote.objects.exists()
    again = Pristine.of(connection)
    assert again.rows == flushed.rows
    assert set(again.guards) == set(flushed.guards)
    User.objects.create_user("somebody")
    assert ChangeNote.objects.exists(), "the triggers are back"


@pytest.mark.django_db(transaction=True)
def test_without_a_trigger_it_takes_a_flush() -> None:
    flushed = Pristine.of(connection)
    lay_out(password=PASSWORD)
    on = ' ON "policies_grant"' if connection.vendor == "postgresql" else ""
    (name, *_) = [name for table, name, *_ in flushed.guards if table == "policies_grant"]
    with connection.cursor() as cursor:
        cursor.execute(f'DROP TRIGGER "{name}"{on}')
    assert not flushed.restore(connection)
    assert User.objects.exists(), "nothing was touched"


def test_the_cast_is_the_sample_that_the_demo_lays_out(cast: Cast) -> None:
    ours = _told(cast)
    assert lay_out(password=PASSWORD) == cast, "nothing is missing"
    assert _told(cast) == ours, "nor different"
    assert cast.olivia.check_password(PASSWORD)
    assert cast.olivia.has_perm("policies.operate_debug")
    assert not cast.mallory.get_all_permissions()
    for model in (Tenant, Extension, User):  # what hangs on them goes as well
        model.objects.all().delete()
    assert _told(lay_out(password=PASSWORD)) == ours


def _told(cast: Cast) -> dict[str, list[str]]:
    """Every row of the cast in words, without numbers, times and hashes."""
    beside = {"id", "password", "date_joined", "created_at", "updated_at"}
    told: dict[str, list[str]] = {}
    for model in (
        Tenant, Extension, Install, Capability, User, Membership, ExtensionDeveloper,
        User.user_permissions.through, ExtensionDeveloper.installs.through,
    ):  # fmt: skip
        fields: Any = [each for each in model._meta.fields if each.name not in beside]
        told[model.__name__] = sorted(
            str({each.name: str(getattr(row, each.name)) for each in fields})
            for row in model._default_manager.all()
        )
    return told
