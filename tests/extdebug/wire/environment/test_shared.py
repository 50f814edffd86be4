"""What console and runner share is declared once and read as the same value on both sides."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import config.declared
import extdebug.runner.declared
from extdebug.runner.config import load
from extdebug.wire.environment import shared
from extdebug.wire.environment.setting import Environment, Setting
from extdebug.wire.environment.shared import read_redis, read_tls
from extdebug.wire.redis_address import RedisAddress, with_files
from tests.files import ROOT
from tests.fixtures.certificates import Certificates

PROGRAM = """
import json, os
from config import settings
from extdebug.runner.config import load
runner = load(os.environ)
print(json.dumps([
    [settings.EXT_DEBUG_STREAM_PREFIX, settings.REDACTION_KEY, settings.RUNNER_AUTH_TOKEN,
     settings.RUNNER_DEBUG_STREAM_SECRET],
    [runner.publisher.prefix, runner.publisher.redaction_key.decode(), runner.server.auth,
     runner.server.stream_secret.decode()],
]))
"""


SIDES = [
    (config.declared.REDIS_URL, config.declared.REDIS_TLS),
    (config.declared.PURGE_REDIS_URL, config.declared.REDIS_TLS),
    (extdebug.runner.declared.REDIS_URL, extdebug.runner.declared.REDIS_TLS),
]


@pytest.mark.parametrize(("url", "tls"), SIDES, ids=lambda each: getattr(each, "name", ""))
def test_certificates_become_a_part_of_the_address(
    url: Setting[str], tls: tuple[Setting[Path | None], ...]
):
    here = __file__
    variables = {url.name: "rediss+sentinel://h:1/events", tls[0].name: here, tls[2].name: here}
    environment = Environment(variables)
    address = read_redis(environment, url, files=read_tls(environment, tls))
    assert RedisAddress.parse(address).options == {"ssl_ca_certs": here, "ssl_keyfile": here}
    assert environment.problems == []
    assert read_redis(Environment({}), url, files={"ssl_ca_certs": here}) == ""


@pytest.mark.parametrize(("url", "tls"), SIDES, ids=lambda each: getattr(each, "name", ""))
def test_certificates_without_tls_are_refused(
    url: Setting[str], tls: tuple[Setting[Path | None], ...]
):
    environment = Environment({url.name: "redis://:hidden@h/0", tls[1].name: __file__})
    read_redis(environment, url, files=read_tls(environment, tls))
    (problem,) = environment.problems
    assert problem.startswith(f"{url.name}: expected rediss:// or rediss+sentinel://")
    assert "hidden" not in problem


def test_runner_and_console_read_them_from_their_environment(certificates: Certificates):
    address, ca = "rediss://h:1/0", str(certificates.ca)
    runner = load({"RUNNER_DEBUG_REDIS_URL": address, "RUNNER_DEBUG_REDIS_TLS_CA_PATH": ca})
    variables = {
        "REDIS_URL": address,
        "REDIS_TLS_CA_PATH": ca,
        "DATABASE_URL": "sqlite:///:memory:",
    }
    done = subprocess.run(
        [sys.executable, "-c", "from config import settings as s; print(s.REDIS_URL);"
         "print(s.EXT_DEBUG_PURGE_REDIS_URL); print(s.CHANNEL_LAYERS['default']['CONFIG'])"],
        cwd=ROOT, env=variables, check=True, capture_output=True, text=True,
    )  # fmt: skip
    console, purge, layer = done.stdout.splitlines()
    assert runner.publisher.redis_url == console == purge == with_files(address, ssl_ca_certs=ca)
    assert console in layer


def test_a_name_that_both_read_is_one_setting():
    console = {each.name: each for each in config.declared.DECLARED}
    runner = {each.name: each for each in extdebug.runner.declared.DECLARED}
    both = console.keys() & runner.keys()
    assert all(console[name] is runner[name] for name in both)
    assert both == {
        shared.STREAM_PREFIX.name, shared.REDACTION_KEY.name, shared.RUNNER_AUTH_TOKEN.name,
        shared.STREAM_SECRET.name,
    }  # fmt: skip


def test_mounted_secrets_mean_the_same_on_both_sides(tmp_path: Path):
    values = [f"v:$PATH{n}{'x' * 40}" for n in range(4)]
    values[0] = "debug:"
    names = [
        shared.STREAM_PREFIX.name, shared.REDACTION_KEY.name, shared.RUNNER_AUTH_TOKEN.name,
        shared.STREAM_SECRET.name,
    ]  # fmt: skip
    environment = {"DATABASE_URL": "sqlite:///:memory:"}
    for name, value in zip(names, values, strict=True):
        (tmp_path / name).write_text(f"{value}\n")
        environment[f"{name}_FILE"] = str(tmp_path / name)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT, env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == [values, values]
