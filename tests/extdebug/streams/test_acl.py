"""Each role's ACL, applied to a real redis-server, lets it do its job and nothing else."""

import asyncio
import hashlib
import io
from collections.abc import Callable

import pytest
import redis
from channels.layers import BaseChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.core.management import CommandError, call_command
from pytest_django import Settings

from extdebug.streams.acl import PASSWORD, AclRole, UnsupportedServer, Version, rules
from extdebug.wire.keys import Keys, escape
from tests.fixtures.redis import RedisServer

KEY = "ext-debug:acme:invoice-sync"
FOREIGN = "orders:acme"
SECRET = "a-password"

# (command, the roles that may run it)
TABLE = [
    (("XADD", KEY, "MAXLEN", "~", "100", "*", "message", "m"), {AclRole.RUNNER}),
    (("XLEN", KEY), set(AclRole) - {AclRole.PURGE}),
    (("XRANGE", KEY, "-", "+"), {AclRole.CONSOLE, AclRole.PURGE, AclRole.READONLY}),
    (
        ("XREVRANGE", KEY, "+", "-", "COUNT", "1"),
        {AclRole.CONSOLE, AclRole.JANITOR, AclRole.READONLY},
    ),
    (("XREAD", "COUNT", "1", "STREAMS", KEY, "0"), {AclRole.CONSOLE, AclRole.READONLY}),
    (("XINFO", "STREAM", KEY), set(AclRole) - {AclRole.RUNNER}),
    (("XINFO", "GROUPS", KEY), {AclRole.CONSOLE, AclRole.JANITOR, AclRole.READONLY}),
    (("XGROUP", "CREATE", KEY, "ee-debug-ui:h1", "0", "ENTRIESREAD", "0"), {AclRole.CONSOLE}),
    (("XGROUP", "SETID", KEY, "seed", "0", "ENTRIESREAD", "0"), {AclRole.CONSOLE}),
    (("XGROUP", "DESTROY", KEY, "none"), {AclRole.CONSOLE, AclRole.JANITOR}),
    (("CLIENT", "ID"), {AclRole.CONSOLE}),
    (("CLIENT", "UNBLOCK", "99999"), {AclRole.CONSOLE}),
    (("INFO", "server"), {AclRole.CONSOLE, AclRole.JANITOR, AclRole.READONLY}),
    (("PUBLISH", "ext-debug-layer__group__cuts", "x"), {AclRole.CONSOLE, AclRole.JANITOR}),
    (("PUBLISH", "another-application", "x"), set()),
    (("XTRIM", KEY, "MINID", "~", "0"), {AclRole.JANITOR, AclRole.PURGE}),
    (("XDEL", KEY, "7-7"), {AclRole.PURGE}),
    (("XTRIM", FOREIGN, "MINID", "~", "0"), set()),
    (("XDEL", FOREIGN, "7-7"), set()),
    (("SCAN", "0", "MATCH", "ext-debug:*"), {AclRole.JANITOR, AclRole.READONLY}),
    (("TYPE", KEY), {AclRole.JANITOR, AclRole.READONLY}),
    (("MEMORY", "USAGE", KEY), {AclRole.READONLY}),
    (("PING",), set(AclRole)),
    # nobody's business
    (("XADD", FOREIGN, "*", "a", "b"), set()),
    (("XRANGE", FOREIGN, "-", "+"), set()),
    (("XLEN", FOREIGN), set()),
    (("XSETID", KEY, "9999999999999-0"), set()),
    (("EXPIRE", KEY, "1"), set()),
    (("GET", "ext-debug:x"), set()),
    (("CONFIG", "GET", "*"), set()),
    (("KEYS", "*"), set()),
    (("FLUSHALL",), set()),
    (("EVAL", "return 1", "0"), set()),
    (("ACL", "LIST"), set()),
    (("CLIENT", "LIST"), set()),
    (("DEBUG", "SLEEP", "0"), set()),
]


@pytest.fixture
def guarded(redis_server: RedisServer) -> RedisServer:
    """A server with all roles set up as `manage.py redis_acl` prints them."""
    out = io.StringIO()
    with redis_server.client() as admin:
        version = admin.info("server")["redis_version"]
        call_command("redis_acl", server_version=version, stdout=out)
        for line in out.getvalue().splitlines():
            digest = hashlib.sha256(SECRET.encode()).hexdigest()
            admin.execute_command(*line.replace(PASSWORD, f"#{digest}").split())
        admin.execute_command("XADD", KEY, "1-1", "message", "m")
        admin.execute_command("XGROUP", "CREATE", KEY, "seed", "0")
        admin.execute_command("XADD", FOREIGN, "1-1", "a", "b")
    return redis_server


def url(server: RedisServer, role: AclRole) -> str:
    return f"redis://{role.value}:{SECRET}@127.0.0.1:{server.port}/0"


@pytest.mark.parametrize("role", list(AclRole))
def test_a_role_may_do_its_job_and_nothing_else(guarded: RedisServer, role: AclRole) -> None:
    with redis.Redis.from_url(url(guarded, role)) as client:
        for command, allowed in TABLE:
            try:
                client.execute_command(*command)
                permitted = True
            except redis.exceptions.NoPermissionError:
                permitted = False
            assert permitted == (role in allowed), f"{role}: {' '.join(command)}"


async def test_the_console_role_carries_the_channel_layer_and_the_janitors_hints(
    guarded: RedisServer,
) -> None:
    layer: BaseChannelLayer = RedisPubSubChannelLayer(
        hosts=[url(guarded, AclRole.CONSOLE)], prefix="ext-debug-layer"
    )
    channel = await layer.new_channel()
    await layer.group_add("ext-debug.cuts", channel)
    await layer.group_send("ext-debug.cuts", {"type": "cut.hint"})
    async with asyncio.timeout(5):
        assert (await layer.receive(channel))["type"] == "cut.hint"
    janitor: BaseChannelLayer = RedisPubSubChannelLayer(
        hosts=[url(guarded, AclRole.JANITOR)], prefix="ext-debug-layer"
    )
    await janitor.group_send("ext-debug.cuts", {"type": "cut.hint", "kind": "grant"})
    async with asyncio.timeout(5):
        assert (await layer.receive(channel))["kind"] == "grant"
    await janitor.flush()
    await layer.group_discard("ext-debug.cuts", channel)
    await layer.flush()


def test_an_unchanged_password_placeholder_is_refused(redis_server: RedisServer) -> None:
    out = io.StringIO()
    call_command("redis_acl", role="runner", server_version="7.0", stdout=out)
    with redis_server.client() as admin, pytest.raises(redis.ResponseError):
        admin.execute_command(*out.getvalue().split())


@pytest.mark.parametrize(("version", "named"), [("7.0.15", False), ("7.2", True), ("8.0.1", True)])
def test_setinfo_is_named_only_where_the_server_knows_it(version: str, named: bool) -> None:
    words = rules(AclRole.RUNNER, version=Version.parse(version), keys=Keys("p:"), layer_prefix="l")
    assert ("+client|setinfo" in words) == named


@pytest.mark.parametrize("version", ["6.2.14", "5", "6"])
def test_servers_without_exact_counts_are_refused(version: str) -> None:
    with pytest.raises(UnsupportedServer, match=r"7\.0 or newer"):
        Version.parse(version)


def test_a_version_that_is_none_is_an_error_in_one_line() -> None:
    with pytest.raises(CommandError, match="expected a version"):
        call_command("redis_acl", server_version="latest")


def test_a_prefix_matches_itself_only() -> None:
    assert escape("a*b?[c]:") == r"a\*b\?\[c\]:"


def test_the_command_asks_the_server_for_its_version(
    redis_server: RedisServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    original: Callable[[str], Version] = Version.parse

    def parse(text: str) -> Version:
        asked.append(text)
        return original(text)

    monkeypatch.setattr(Version, "parse", parse)
    settings.REDIS_URL = redis_server.url
    call_command("redis_acl", role="runner", stdout=io.StringIO())
    with redis_server.client() as client:
        assert asked == [client.info("server")["redis_version"]]


@pytest.mark.parametrize("role", list(AclRole))
def test_on_a_cluster_keys_have_their_bucket_and_owners_may_be_asked(role: AclRole) -> None:
    out = io.StringIO()
    call_command(
        "redis_acl", role=role.name.lower(), server_version="7.0", cluster=True, stdout=out
    )
    words = out.getvalue().split()
    assert any(word.endswith("~ext-debug:{b[0-9][0-9]}:*") for word in words)
    assert "+cluster|slots" in words
    assert ("+cluster|myid" in words) == (role is AclRole.CONSOLE)
    plain = io.StringIO()
    call_command("redis_acl", role=role.name.lower(), server_version="7.0", stdout=plain)
    assert "cluster" not in plain.getvalue()
