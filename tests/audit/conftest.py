"""Databases of their own for tests of the trail: real transactions, real triggers, both kinds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import environ
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from audit import trail
from audit.models import AuditRecord
from tests.fixtures.trail import carried

ANN = trail.Actor(id="7", name="ann")


def entry_of(**given: Any) -> trail.Entry:
    """An entry about a session that ann opened, unless told otherwise."""
    return trail.Entry(**{"action": trail.Action.SESSION_OPENED, "actor": ANN, **given})


def record(using: str = "default", **given: Any) -> AuditRecord:
    """One row of the trail: by default ann opened a session."""
    return trail.record(entry_of(**given), using=using)


def rows(using: str) -> list[AuditRecord]:
    """The whole trail, oldest row first."""
    return list(AuditRecord.objects.using(using).order_by("seq"))


@contextmanager
def database(alias: str, configuration: dict[str, Any]) -> Iterator[str]:
    """Add a database to Django's, migrated for the audit app alone; closed afterwards."""
    known = connections.settings
    known[alias] = connections.configure_settings(
        {"default": settings.DATABASES["default"], alias: configuration}
    )[alias]
    try:
        call_command("migrate", "audit", database=alias, verbosity=0)
        yield alias
    finally:
        assert carried() == 0, "rows still wait in memory"
        connections[alias].close()
        del connections[alias]
        del known[alias]


@pytest.fixture
def sqlite_trail(django_db_setup: None, django_db_blocker: Any, tmp_path: Path) -> Iterator[str]:
    """The alias of a migrated SQLite file, set up as the console sets up its own."""
    configuration = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(tmp_path / "trail.sqlite3"),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
    with django_db_blocker.unblock(), database("trail", configuration) as alias:
        yield alias


@pytest.fixture
def postgres_trail(django_db_setup: None, django_db_blocker: Any, postgres: Any) -> Iterator[str]:
    """The alias of a migrated PostgreSQL database."""
    configuration = environ.Env.db_url_config(postgres.create_database())
    with django_db_blocker.unblock(), database("trail", configuration) as alias:
        yield alias


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def trail_database(request: pytest.FixtureRequest) -> str:
    """Each test that takes this runs on both databases."""
    alias: str = request.getfixturevalue(f"{request.param}_trail")
    return alias


@pytest.fixture
def execute() -> Callable[..., list[tuple[Any, ...]]]:
    """Plain SQL, as somebody with a database shell would type it."""

    def run(sql: str, *, using: str) -> list[tuple[Any, ...]]:
        with connections[using].cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []

    return run
