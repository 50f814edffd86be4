"""`manage.py serve` does not start on ground that does not hold; production as it is run."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from audit import roles
from tests import settings as test_settings
from tests.files import ROOT
from tests.fixtures.database import without_triggers
from tests.fixtures.postgres import PostgresCluster
from tests.fixtures.programs import free_port, wait_until
from tests.fixtures.redis import RedisServer

AWAY = "redis://127.0.0.1:1/0"
TRIGGERS = ["audit.E001", "policies.E001"]


def refusal() -> list[str]:
    """The lines with which `manage.py serve` refuses to start."""
    with pytest.raises(CommandError) as refused:
        call_command("serve", stderr=StringIO(), skip_checks=True)
    return str(refused.value).splitlines()


def ids(lines: list[str]) -> list[str]:
    return sorted({line.partition(":")[0] for line in lines} - {"audit.E002"})


@pytest.mark.django_db
def test_production_does_not_start_without_its_triggers(settings: Any):
    settings.PRODUCTION, settings.REDIS_URL = True, AWAY
    with without_triggers(connection):
        lines = refusal()
    assert ids(lines) == TRIGGERS
    assert all("manage.py " in line for line in lines), "each says what to do"


@pytest.mark.django_db
def test_what_a_session_needs_is_looked_at_before_the_start(settings: Any, tmp_path: Path):
    settings.REDIS_URL = AWAY
    settings.STATIC_HASHED, settings.STATIC_ROOT = True, tmp_path
    MigrationRecorder(connection).record_unapplied("extdebug", "0001_initial")
    lines = refusal()
    assert ids(lines) == ["extdebug.E003", "extdebug.E006"]
    assert all("Run `manage.py " in line for line in lines), "each says what to do"


@pytest.mark.django_db
@pytest.mark.parametrize("mode", ["redis", "auto", "runner"])
def test_neither_redis_nor_a_runner_refuses_to_start(settings: Any, mode: str):
    settings.EXT_DEBUG_STREAM_MODE = mode
    settings.REDIS_URL = settings.RUNNER_URL = ""
    assert refusal() == ["neither REDIS_URL nor RUNNER_URL is set: there is nothing to show"]


def test_https_without_a_word_on_who_ends_tls_would_redirect_for_ever(settings: Any):
    settings.REDIS_URL, settings.HTTPS_ONLY = AWAY, True
    settings.TRUSTED_PROXIES, settings.BEHIND_TLS_PROXY = [], False
    (line,) = refusal()
    assert "TRUSTED_PROXIES or BEHIND_TLS_PROXY" in line


def test_serve_refuses_bad_settings():
    result = subprocess.run(
        [sys.executable, "manage.py", "serve", "--port", "0"],
        check=False, cwd=ROOT, env={"PATH": ""}, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode != 0
    assert "console.E101" in result.stderr


@pytest.mark.parametrize("port", ["99999", "-1", "lots", "80_00"])
def test_a_port_that_is_none_is_refused_in_a_line(port: str):
    with pytest.raises(CommandError, match="argument --port: expected 0 to 65535, got"):
        call_command("serve", f"--port={port}")


@pytest.mark.django_db
def test_reload_without_debug_would_show_half_of_an_edit_and_is_refused(settings: Any):
    settings.REDIS_URL, settings.DEBUG = AWAY, False
    with pytest.raises(CommandError, match="--reload needs DEBUG=true"):
        call_command("serve", "--reload", stderr=StringIO(), skip_checks=True)


@pytest.mark.parametrize("count", ["0", "65", "-1", "many"])
def test_a_number_of_workers_that_is_none_is_refused_in_a_line(count: str):
    with pytest.raises(CommandError, match="argument --workers: expected 1 to 64, got"):
        call_command("serve", f"--workers={count}")


@pytest.mark.django_db
def test_reload_serves_with_one_process(settings: Any):
    settings.REDIS_URL, settings.DEBUG = AWAY, True
    with pytest.raises(CommandError, match="leave --workers out"):
        call_command("serve", "--reload", "--workers=2", stderr=StringIO(), skip_checks=True)


# --- production as it is run: two roles on PostgreSQL, SQLite on one machine -----------------


class Production:
    """`manage.py` in production on one database."""

    def __init__(self, folder: Path, url: str, redis_url: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.env = {
            "PATH": os.environ["PATH"], "HOME": str(folder), **test_settings.ENVIRONMENT,
            "EXT_DEBUG_ENVIRONMENT": "production", "DATABASE_URL": url, "REDIS_URL": redis_url,
            "EXT_DEBUG_ORIGINS": "https://console.example",
            "TRUSTED_PROXIES": "127.0.0.1",
            "METRICS_TOKEN": "a-metrics-token-of-the-tests-0123456789",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None

    def manage(self, *arguments: str, url: str = "") -> subprocess.CompletedProcess[str]:
        env = {**self.env, "DATABASE_URL": url or self.env["DATABASE_URL"]}
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=env, check=False, capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    def start(self) -> None:
        with (self.folder / "serve.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", "--port", str(self.port)],
                cwd=ROOT, env=self.env, stdout=log, stderr=log,
            )  # fmt: skip
        wait_until(self._answers, seconds=30, what="the console")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "serve.log").read_text()
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=2).is_success
        except httpx.TransportError:
            return False

    def readyz(self) -> tuple[int, list[str]]:
        answer = httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5)
        return answer.status_code, answer.json()["problems"]

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(15)


@pytest.fixture
def production(tmp_path: Path, redis_server: RedisServer) -> Iterator[Callable[[str], Production]]:
    made: list[Production] = []

    def make(url: str) -> Production:
        made.append(Production(tmp_path, url, redis_server.url))
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.mark.postgres
def test_on_postgresql_the_owner_is_refused_and_the_consoles_role_serves(
    postgres: PostgresCluster, production: Callable[[str], Production]
):
    owner = postgres.create_database()
    url = owner.replace("//console@", "//readiness_console@")
    console = production(url)
    migrated = console.manage("migrate", "--verbosity", "0", url=owner)
    assert migrated.returncode == 0, migrated.stderr

    refused = console.manage("serve", "--port", str(console.port), url=owner)
    assert refused.returncode == 1
    (line,) = [line for line in refused.stderr.splitlines() if "audit.E002" in line]
    assert "ownership" in line
    assert "manage.py audit_role" in line

    with psycopg.connect(owner, autocommit=True) as connected:
        connected.execute("CREATE ROLE readiness_console LOGIN")
        for statement in roles.grants_for("readiness_console"):
            connected.execute(statement.encode())
        try:
            console.start()
            assert console.readyz() == (200, [])
            connected.execute(
                "ALTER TABLE policies_lock DISABLE TRIGGER policies_bump_policies_lock_row"
            )
            wait_until(  # the answer is kept for a second
                lambda: console.readyz() == (503, ["policies.E001"]), seconds=3, what="not ready"
            )
        finally:
            console.stop()
            connected.execute("DROP OWNED BY readiness_console")
            connected.execute("DROP ROLE readiness_console")


def test_on_sqlite_a_database_that_was_never_migrated_is_refused(
    tmp_path: Path, production: Callable[[str], Production]
):
    console = production(f"sqlite:///{tmp_path}/console.sqlite3")
    refused = console.manage("serve", "--port", str(console.port))
    assert refused.returncode == 1
    assert "audit.E001" in refused.stderr
    assert "policies.E001" in refused.stderr
    assert "Traceback" not in refused.stderr

    assert console.manage("migrate", "--verbosity", "0").returncode == 0
    console.start()
    assert console.readyz() == (200, [])
