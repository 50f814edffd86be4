"""`manage.py janitor`: every step once, whatever became of the others; twice changes nothing."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit import trail
from audit.models import AuditRecord
from extdebug import dashboard
from extdebug.demo.sample import Cast
from extdebug.models import DebugSession, Process
from extdebug.sessions import heartbeats, ownership
from extdebug.wire.keys import GROUP_PREFIX
from tests.fixtures.console import ROOT, database_url
from tests.fixtures.programs import wait_until
from tests.fixtures.redis import RedisServer

KEY = "ext-debug:acme:invoice-sync"


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("janitor", *arguments, stdout=out, stderr=out, skip_checks=True)
    return out.getvalue()


def session_of(cast: Cast, process: str, *, age: float = 60.0, **more: Any) -> DebugSession:
    now = timezone.now()
    opened = now - dt.timedelta(seconds=age)
    return DebugSession.objects.create(
        user=cast.dan, username="dan", tenant="acme", extension="invoice-sync",
        environment="development", transport="ws", opened_at=opened,
        expires_at=now + dt.timedelta(minutes=9), extendable_until=now + dt.timedelta(hours=1),
        process=process, holder="h", shown=7, **more,
    )  # fmt: skip


def process(name: str, *, silent: float) -> None:
    now = timezone.now()
    Process.objects.create(
        name=name, host="h", pid=1, started_at=now, beat_at=now - dt.timedelta(seconds=silent)
    )


@pytest.fixture
def on_redis(redis_server: RedisServer, settings: Any) -> RedisServer:
    settings.REDIS_URL = redis_server.url
    return redis_server


def test_a_session_whose_process_died_is_closed_once_with_its_audit_row(cast: Cast):
    process("living", silent=1)
    process("silent", silent=20)
    open_one = session_of(cast, "living")
    orphans = [session_of(cast, "silent"), session_of(cast, "never-heard-of")]

    assert "abandoned sessions closed: 2" in run()
    assert run() == ""

    open_one.refresh_from_db()
    assert open_one.closed_at is None
    for orphan in orphans:
        orphan.refresh_from_db()
        assert (orphan.close_code, orphan.shown) == (1006, 7)
        rows = AuditRecord.objects.filter(action="session.closed", subject_id=str(orphan.pk))
        assert rows.count() == 1


def test_a_session_that_just_began_is_given_its_time(cast: Cast):
    row = session_of(cast, "not-yet-known", age=3.0)
    run()

    row.refresh_from_db()
    assert row.closed_at is None


@pytest.mark.django_db
def test_streams_are_trimmed_to_the_setting_or_the_option(on_redis: RedisServer):
    with on_redis.client() as client:
        now = int(client.time()[0]) * 1000
        for age in (1_000, 500, 100):
            client.execute_command("XADD", KEY, f"{now - age * 1000}-0", "message", age)
        client.execute_command("XADD", "ext-debug:acme:quiet", f"{now - 500_000}-0", "message", 1)

        run()
        assert client.xlen("ext-debug:acme:quiet") == 1
        assert "old entries removed: 1" in run("--retention", "300")
        assert client.xlen("ext-debug:acme:quiet") == 0


def test_groups_follow_the_processes_that_live(cast: Cast, on_redis: RedisServer):
    process("living", silent=30)  # a late beat is no death yet
    process("dead", silent=200)
    with on_redis.client() as client:
        client.xadd(KEY, {"message": "m"})
        for name in ("living", "dead", "unknown"):
            client.xgroup_create(KEY, f"{GROUP_PREFIX}{name}", "$")

        assert "groups of dead hubs removed: 2" in run()
        assert [group["name"] for group in client.xinfo_groups(KEY)] == [
            f"{GROUP_PREFIX}living".encode()
        ]


def test_an_unreachable_redis_keeps_no_session_open(cast: Cast, settings: Any):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    orphan = session_of(cast, "gone")

    with pytest.raises(CommandError, match="not done: streams"):
        run()
    orphan.refresh_from_db()
    assert orphan.closed_at is not None


def test_a_step_that_fails_does_not_stop_the_others(
    cast: Cast, on_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
):
    def broken() -> int:
        raise RuntimeError("no")

    monkeypatch.setattr(trail, "retry_waiting", broken)
    with on_redis.client() as client:
        client.execute_command("XADD", KEY, "1-0", "message", "old")
        with pytest.raises(CommandError, match="not done: audit rows caught up"):
            run()
        assert client.xlen(KEY) == 0


@pytest.mark.parametrize("said", ["0", "-5", "soon", "nan", "inf"])
def test_seconds_are_seconds(said: str):
    with pytest.raises(CommandError, match="expected seconds above 0"):
        run("--retention", said)


@pytest.mark.django_db(transaction=True)
def test_a_loop_goes_on_until_it_is_told_to_stop(redis_server: RedisServer):
    with redis_server.client() as client:
        client.execute_command("XADD", KEY, "1-0", "message", "old")
        command = [sys.executable, "manage.py", "janitor", "--skip-checks", "--loop", "0.1"]
        environment = {
            **os.environ, "DJANGO_SETTINGS_MODULE": "config.settings",
            "REDIS_URL": redis_server.url, "DATABASE_URL": database_url(),
        }  # fmt: skip
        with subprocess.Popen(command, cwd=ROOT, env=environment) as looping:
            try:
                wait_until(lambda: client.xlen(KEY) == 0, what="the first round", seconds=30)
                client.execute_command("XADD", KEY, "2-0", "message", "old")
                wait_until(lambda: client.xlen(KEY) == 0, what="the next round")
                looping.send_signal(signal.SIGTERM)
                assert looping.wait(10) == 0
            finally:
                looping.kill()


def test_each_round_leaves_a_sign_of_life_that_says_what_failed(db: None, monkeypatch: Any):
    assert heartbeats.signs().janitor_age is None
    run()
    signs = heartbeats.signs()
    assert signs.janitor_age is not None
    assert (signs.alive, signs.silent, signs.janitor_failed) == (0, 0, 0), "it serves nobody"

    def refuse() -> int:
        raise RuntimeError("the table is locked")

    monkeypatch.setattr(ownership, "close_abandoned", refuse)
    with pytest.raises(CommandError):
        run()
    assert heartbeats.signs().janitor_failed == 1


def test_a_janitor_silent_for_minutes_is_shown_and_other_processes_sooner(cast: Cast):
    process("living", silent=1)
    process("gone", silent=20)
    process(heartbeats.JANITOR, silent=60)
    assert not dashboard.streams()["janitor_silent"]
    assert dashboard.streams()["silent_count"] == 1
    Process.objects.filter(name=heartbeats.JANITOR).delete()
    process(heartbeats.JANITOR, silent=600)
    assert dashboard.streams()["janitor_silent"]
    assert {each.name for each in dashboard.streams()["processes"]} == {"living", "gone"}
    signs = heartbeats.signs()
    assert (signs.alive, signs.silent) == (1, 1)
    assert signs.janitor_age is not None
    assert signs.janitor_age >= 600
