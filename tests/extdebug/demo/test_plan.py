"""What each process of the demo is given: nothing of the starting shell's, nothing of another's."""

import dataclasses
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from extdebug.demo.plan import Plan, missing_modules


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    for name in ("DATABASE_URL", "SECRET_KEY", "RUNNER_URL", "RUNNER_DEBUG_REDIS_URL"):
        monkeypatch.setenv(name, "of the starting shell")
    return Plan(
        root=tmp_path / "code", folder=tmp_path / "it's data", port=8123,
        redis_url="redis://127.0.0.1:1/0", environment="development",
    )  # fmt: skip


def test_nothing_of_the_starting_shell_leaks_in(plan: Plan):
    for environment in (plan.console_environment(), plan.runner_environment()):
        assert "of the starting shell" not in environment.values()
        assert "PATH" in environment


def test_a_runner_shares_redis_and_the_redaction_key_with_the_console_and_no_more(plan: Plan):
    console, runner = plan.console_environment(), plan.runner_environment()
    shared = {value for name, value in plan.settings().items()} & set(runner.values())
    assert shared == {plan.redis_url, console["REDACTION_KEY"], "false"}
    assert not {"SECRET_KEY", "METRICS_TOKEN", "DATABASE_URL"} & runner.keys()


def test_secrets_are_made_once_for_their_owner_alone(plan: Plan):
    first = plan.settings()
    assert plan.settings() == first
    secrets = {first[name] for name in ("SECRET_KEY", "REDACTION_KEY", "METRICS_TOKEN")}
    assert len(secrets) == 3
    for path in plan.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_a_shell_reads_the_settings_as_the_console_gets_them(plan: Plan):
    path = plan.write_settings()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    read = subprocess.run(
        ["sh", "-c", '. "$1"; env -0', "sh", str(path)],
        env={}, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    found = dict(line.split("=", 1) for line in read.split("\0") if "=" in line)
    assert plan.settings().items() <= found.items()


def test_reload_reaches_the_console_alone(plan: Plan):
    following = replace(plan, reload=True)
    assert "--reload" in following.console()
    assert following.console_environment()["DEBUG"] == "true"
    assert "--reload" not in [*plan.console(), *following.janitor(), *following.runner()]
    assert plan.console_environment()["DEBUG"] == "false"


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch):
    assert missing_modules() == []
    monkeypatch.setitem(sys.modules, "fakeredis", None)
    assert missing_modules() == ["fakeredis"]


def test_the_stream_waited_for_is_the_one_that_runner_and_console_mean(plan: Plan):
    assert (plan.first_stream, plan.first_bucket) == ("ext-debug:acme:invoice-sync", None)
    on_a_cluster = dataclasses.replace(plan, redis_url="redis+cluster://h:1/")
    assert on_a_cluster.first_stream == "ext-debug:{b62}:acme:invoice-sync"
    assert on_a_cluster.first_bucket == 62
    assert {"--tenant-install", "acme:inst-acme", "invoice-sync"} <= set(plan.runner())
    for environment in (plan.console_environment(), plan.runner_environment()):
        assert not [name for name in environment if "PREFIX" in name]
