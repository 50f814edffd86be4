"""What the console stands on is judged by what database and Redis say of themselves."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.management import CommandError, call_command
from django.db import connection

from extdebug.ops import readiness
from tests.fixtures.database import without_triggers
from tests.fixtures.programs import free_port
from tests.fixtures.redis import RedisServer

INFO = b"# Server\r\nredis_version:%b\r\n# Memory\r\nmaxmemory_policy:%b\r\n"


CLUSTER = b"redis_version:7.2.4\r\n# Cluster\r\ncluster_enabled:%d\r\n"


@pytest.mark.parametrize(("enabled", "expected"), [(0, []), (1, ["extdebug.E008"])])
def test_a_node_of_a_cluster_holds_only_some_streams(enabled: int, expected: list[str]):
    assert [message.id for message in readiness.judge(CLUSTER % enabled)] == expected


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
async def test_a_real_node_of_a_cluster_is_refused_for_one_reason(
    settings: Any, redis_server_factory: Callable[..., RedisServer]
):
    """Reading there fails as well: that it is a node says why."""
    node = redis_server_factory("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    settings.REDIS_URL = node.url
    grave = [each for each in await readiness.redis_problems() if each.is_serious()]
    assert [each.id for each in grave] == ["extdebug.E008"]
    for command in (["serve"], ["check", "--deploy", "--tag", "console"]):
        line = await sync_to_async(refused)(*command)
        assert line.count("extdebug.E") == 1
        assert "a node of a cluster, which holds only some of the streams" in line


def refused(name: str, *arguments: str) -> str:
    """What a command says that ends because of it."""
    with pytest.raises(CommandError) as ended:
        call_command(name, *arguments, stderr=StringIO())
    return str(ended.value)


def test_a_sentinel_is_no_server():
    info = b"redis_version:7.2.4\r\nredis_mode:sentinel\r\n"
    (found,) = readiness.judge(info)
    assert found.id == "extdebug.E009"
    assert "redis+sentinel://" in str(found.hint)


@pytest.mark.parametrize(
    ("version", "policy", "expected"),
    [
        (b"7.2.4", b"noeviction", []),
        (b"8.0.1", b"volatile-lru", []),
        (b"7.0.15", b"noeviction", ["extdebug.W002"]),
        (b"6.2.14", b"noeviction", ["extdebug.E001"]),
        (b"7.4.0", b"allkeys-lru", ["extdebug.W003"]),
        (b"nobody knows", b"noeviction", []),
    ],
)
def test_the_server_is_judged_by_what_it_says(version: bytes, policy: bytes, expected: list[str]):
    assert [message.id for message in readiness.judge(INFO % (version, policy))] == expected


@pytest.mark.django_db
def test_missing_triggers_are_errors_in_production_and_warnings_elsewhere(settings: Any):
    for production in (True, False):
        settings.PRODUCTION = production
        with without_triggers(connection):
            found = readiness.database_problems()
        missing = [message for message in found if message.id in ("audit.E001", "policies.E001")]
        assert [message.is_serious() for message in missing] == [production] * len(missing)
        assert missing or not production


async def test_a_redis_that_answers_is_asked_and_one_that_is_away_is_named(
    settings: Any, redis_server: RedisServer
):
    settings.REDIS_URL = redis_server.url
    assert [m for m in await readiness.redis_problems() if m.is_serious()] == []
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with pytest.raises(readiness.RedisAway, match="ConnectionError") as away:
        await readiness.redis_problems()
    assert away.value.reason == "nobody listens on this port"
    settings.EXT_DEBUG_STREAM_MODE = "runner"
    assert await readiness.redis_problems() == [], "it is not used, so nobody asks"


@pytest.mark.redis
@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("+@all", []),
        ("+@all -xrevrange", ["extdebug.E007"]),
        ("+@all -xread", ["extdebug.E007"]),
        ("+@all -xinfo", ["extdebug.E007"]),
        ("resetkeys ~other:* +@all", ["extdebug.E007"]),
    ],
)
async def test_a_stream_is_read_as_a_session_reads_it(
    settings: Any, redis_server: RedisServer, rules: str, expected: list[str]
):
    with redis_server.client() as client:
        client.execute_command("ACL", "SETUSER", "reader", "on", ">pass", "~*", *rules.split())
        settings.REDIS_URL = redis_server.url.replace("//", "//reader:pass@")
        found = await readiness.redis_problems()
        assert [message.id for message in found if message.is_serious()] == expected
        assert client.dbsize() == 0, "asking leaves nothing behind"
        client.execute_command("ACL", "DELUSER", "reader")


def test_hashed_names_without_collected_files_show_no_page(settings: Any, tmp_path: Path):
    settings.STATIC_HASHED, settings.STATIC_ROOT = True, tmp_path
    (found,) = readiness.static_problems()
    assert found.id == "extdebug.E006"
    (tmp_path / "staticfiles.json").touch()
    assert readiness.static_problems() == []
    settings.STATIC_HASHED, settings.STATIC_ROOT = False, tmp_path / "missing"
    assert readiness.static_problems() == []


@pytest.mark.parametrize(
    ("https", "header", "proxies", "loops"),
    [
        (True, False, [], True),
        (True, True, [], False),
        (True, False, ["10.0.0.7"], False),
        (False, False, [], False),
    ],
)
def test_https_only_needs_to_be_told_what_came_over_tls(
    settings: Any, https: bool, header: bool, proxies: list[str], loops: bool
):
    settings.HTTPS_ONLY, settings.BEHIND_TLS_PROXY = https, header
    settings.TRUSTED_PROXIES = proxies
    assert readiness.redirects_to_itself() is loops
