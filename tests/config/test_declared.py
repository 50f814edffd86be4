"""Every variable of the console, set in every wrong way: one line with name, expected and got."""

import os
from pathlib import Path
from typing import Any

import pytest

from config.declared import DECLARED
from extdebug.wire.environment.setting import Environment, Setting
from tests.fixtures.settings import check_every_way, refused


@pytest.mark.parametrize("setting", DECLARED, ids=lambda each: each.name)
def test_a_variable_set_wrongly_is_said_in_one_line(setting: Setting[Any], tmp_path: Path):
    check_every_way(setting, tmp_path)


def test_all_that_is_wrong_is_said_at_once():
    lines = refused(DECLARED, "manage.py", "check", env={"PATH": os.environ["PATH"]})
    assert lines.keys() == {each.name for each in DECLARED}


@pytest.mark.parametrize(
    "setting", [each for each in DECLARED if each.secret], ids=lambda each: each.name
)
def test_what_is_secret_is_declared_so(setting: Setting[Any]):
    assert setting.name.endswith(("KEY", "KEY_FALLBACKS", "SECRET", "TOKEN", "_URL", "HEADERS"))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("DATABASE_URL", "postgres://u:p%24w@h:5432/n", "postgres://u:p%24w@h:5432/n"),
        ("DATABASE_URL", "postgres://u:$p@h/n?connect_timeout=3", None),
        ("DATABASE_URL", "sqlite:///:memory:", None),
        ("EMAIL_URL", "filemail:///var/mail", None),
        ("REDIS_URL", "rediss://u:$p@h/0?ssl_ca_certs=ca.pem&socket_timeout=5", None),
        ("REDIS_URL", "unix:///run/redis.sock?db=1", None),
        ("TRUSTED_PROXIES", "10.0.0.7, 10.1.0.0/16", ("10.0.0.7", "10.1.0.0/16")),
        ("ALLOWED_HOSTS", "a.example,.example,[::1]", ("a.example", ".example", "[::1]")),
        ("RUNNER_URL", "http://a:1,http://b:2", ("http://a:1", "http://b:2")),
        ("DEFAULT_FROM_EMAIL", "Debug Console <console@example.org>", None),
        ("SECRET_KEY", "$1$notavariable", None),
        ("LOG_LEVEL", "warning", "WARNING"),
    ],
)  # fmt: skip
def test_a_good_value_is_read(name: str, text: str, value: object):
    (setting,) = [each for each in DECLARED if each.name == name]
    environment = Environment({name: text})
    assert environment.read(setting) == (text if value is None else value)
    assert environment.problems == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DATABASE_URL", "postgres://u:p#w@h/n"),  # what follows the # would be no address
        ("DATABASE_URL", "postgres://u:p@h/"),
        ("DATABASE_URL", "mysql://u:p@h/n"),
        ("RUNNER_URL", "runner:8090"),
        ("REDIS_URL", "redis://h/db"),
        ("REDIS_URL", "redis://h/0?socket_timeout=soon"),
        ("REDIS_URL", "redis://h/0?ssl_ca_cert=typo"),
        ("REDIS_URL", "rediss://h/0?ssl_ca_cert=typo"),
        ("EXT_DEBUG_RETENTION_SECONDS", "0"),  # the janitor would delete every entry
        ("EXT_DEBUG_WEBHOOK_URL", "file:///etc/passwd"),
        ("CHANNEL_LAYER_PREFIX", "*"),
    ],
)
def test_a_value_that_would_do_harm_is_refused(name: str, text: str):
    (setting,) = [each for each in DECLARED if each.name == name]
    environment = Environment({name: text})
    environment.read(setting)
    assert len(environment.problems) == 1
