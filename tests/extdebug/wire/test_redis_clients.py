"""Console, runner, janitor and commands find the master, by Sentinels or by a bucket."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Callable, Iterator

import pytest
from django.core.management import call_command
from pytest_django import Settings
from redis.exceptions import NoPermissionError

from config.channel_layer import channel_layer
from config.patient_layer import PatientLayer
from extdebug.filters.filter import EVERYTHING as ALL
from extdebug.hub.hub import Hub
from extdebug.hub.selection import Selection
from extdebug.management.commands.janitor import tidy_streams
from extdebug.ops import readiness
from extdebug.runner.publish.redis_sink import RedisSink
from extdebug.sessions import purge_orders
from extdebug.streams.acl import AclRole
from extdebug.streams.connection import Link, pack
from extdebug.streams.purge import EVERYTHING
from extdebug.streams.retention import tidy
from extdebug.wire.keys import Keys, Target
from extdebug.wire.redis_clients import client, clients, keys
from policies.redaction.redactor import Redactor
from tests.fixtures.certificates import Certificates
from tests.fixtures.redis import RedisServer
from tests.fixtures.redis_cluster import Cluster
from tests.fixtures.sentinels import Sentinels

pytestmark = pytest.mark.redis


@pytest.fixture
def server(one_sentinel: Sentinels) -> RedisServer:
    return one_sentinel.servers[0]


async def test_each_kind_of_client_reaches_the_master(one_sentinel: Sentinels, server: RedisServer):
    url = one_sentinel.url.replace("/0?", "/2?")
    with client(url, seconds=2) as asked:
        asked.set("here", "yes")
    link = Link(url)
    assert await link.call("GET", "here") == b"yes"
    await link.close()
    sink = RedisSink(url, reply_timeout=2)
    assert sink.connect()
    sink.probe("here")
    sink.close()
    with server.client() as plain:
        plain.select(2)
        assert plain.get("here") == b"yes", "the index holds as well"


async def test_the_console_is_ready_by_it(one_sentinel: Sentinels, settings: Settings):
    settings.REDIS_URL = one_sentinel.url
    assert [each for each in await readiness.redis_problems() if each.is_serious()] == []


@pytest.mark.django_db
def test_janitor_purge_and_acl_go_the_same_way(
    one_sentinel: Sentinels, server: RedisServer, settings: Settings
):
    settings.REDIS_URL = settings.EXT_DEBUG_PURGE_REDIS_URL = one_sentinel.url
    with server.client() as plain:
        plain.xadd("ext-debug:acme:invoice-sync", {"message": "old"}, id="1-1")
    assert purge_orders.look(Target("acme", "invoice-sync"), EVERYTHING).entries == 1
    assert tidy_streams(60).entries == 1
    out = io.StringIO()
    call_command("redis_acl", role="console", stdout=out)
    assert out.getvalue().startswith("ACL SETUSER ext-debug-console")


# --- on a cluster

PREFIX = "ext-debug:"
TARGETS = [Target("acme", f"ext-{number}") for number in range(24)]


@pytest.fixture
def cluster(one_cluster: Cluster, settings: Settings) -> Iterator[Cluster]:
    settings.REDIS_URL = settings.EXT_DEBUG_PURGE_REDIS_URL = one_cluster.url
    yield one_cluster
    for server in one_cluster.masters:
        one_cluster.ask(server, "FLUSHALL")


def test_only_an_address_of_a_cluster_puts_a_bucket_into_keys():
    assert keys("redis+cluster://h:1/", prefix="p:") == Keys("p:", bucketed=True)
    for url in ("", "redis://h:1/0", "redis+sentinel://h:1/events", "unix:///run/redis.sock"):
        assert keys(url, prefix="p:") == Keys("p:")


async def test_each_kind_of_client_reaches_the_owner_of_a_bucket(cluster: Cluster):
    made = keys(cluster.url, prefix=PREFIX)
    for target in TARGETS:
        key, bucket = made.of(target), made.bucket(target)
        assert bucket is not None
        with client(cluster.url, seconds=2, bucket=bucket) as asked:
            asked.xadd(key, {"message": "here"}, id="1-1")
        link = Link(cluster.url, bucket=bucket)
        assert await link.call("XLEN", key) == 1
        assert link.place == ("127.0.0.1", cluster.owner(bucket).port)
        await link.close()
        sink = RedisSink(cluster.url, reply_timeout=2, bucket=bucket)
        assert sink.connect()
        sink.probe(made.probe(bucket))
        assert sink.write([pack(("XADD", key, "2-1", "message", "more"))]) == [b"2-1"]
        sink.close()
    with client(cluster.url, seconds=2) as asked:
        assert "redis_version" in asked.info("server")


@pytest.mark.django_db
async def test_a_cluster_is_reached_over_tls_with_certificates_of_both_sides(
    cluster_factory: Callable[..., Cluster], certificates: Certificates, settings: Settings
):
    cluster = await asyncio.to_thread(cluster_factory, certificates=certificates)
    settings.REDIS_URL = cluster.url
    made = keys(cluster.url, prefix=PREFIX)
    for target in TARGETS[:6]:
        key, bucket = made.of(target), made.bucket(target)
        sink = RedisSink(cluster.url, reply_timeout=2, bucket=bucket)
        assert sink.connect()
        assert sink.write([pack(("XADD", key, "2-1", "message", "more"))]) == [b"2-1"]
        sink.close()
        link = Link(cluster.url, bucket=bucket)
        assert await link.call("XLEN", key) == 1
        await link.close()
    assert [one for one in await readiness.redis_problems() if one.is_serious()] == []
    assert (await asyncio.to_thread(_tidied, cluster.url)) == 6
    layer = PatientLayer(**channel_layer(cluster.url, prefix="l")["CONFIG"])
    channel = await layer.new_channel()
    await layer.group_add("g", channel)
    await layer.group_send("g", {"type": "cut.hint"})
    async with asyncio.timeout(5):
        assert (await layer.receive(channel))["type"] == "cut.hint"
    await layer.group_discard("g", channel)
    await layer.flush()


def _tidied(url: str) -> int:
    servers = clients(url, seconds=2)
    try:
        return sum(
            tidy(one, keys=keys(url, prefix=PREFIX), retention=60, alive=set, watched=set).entries
            for one in servers
        )
    finally:
        for one in servers:
            one.close()


async def test_a_connection_to_a_cluster_is_one_for_a_bucket(cluster: Cluster):
    with pytest.raises(ValueError, match="for a bucket"):
        await Link(cluster.url).call("PING")


async def test_the_console_is_ready_when_each_master_is(cluster: Cluster, settings: Settings):
    assert [one for one in await readiness.redis_problems() if one.is_serious()] == []
    cluster.ask(cluster.masters[1], "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    try:
        assert [one.id for one in await readiness.redis_problems()].count("extdebug.W003") == 1
    finally:
        cluster.ask(cluster.masters[1], "CONFIG", "SET", "maxmemory-policy", "noeviction")
    settings.REDIS_URL = cluster.masters[1].url
    (found,) = [one for one in await readiness.redis_problems() if one.is_serious()]
    assert found.id == "extdebug.E008"
    assert "redis+cluster://" in (found.hint or "")


@pytest.mark.django_db
def test_janitor_and_purge_reach_the_streams_of_all_nodes(cluster: Cluster):
    made = keys(cluster.url, prefix=PREFIX)
    for target in TARGETS:
        with client(cluster.url, seconds=2, bucket=made.bucket(target)) as asked:
            asked.xadd(made.of(target), {"message": "old"}, id="1-1")
            asked.xadd(made.of(target), {"message": "old"}, id="1-2")
            asked.set(f"ext-debug:{{b{made.bucket(target):02d}}}:x", "no stream")
    assert purge_orders.look(TARGETS[0], EVERYTHING).entries == 2
    assert len({cluster.owner(made.bucket(target) or 0).port for target in TARGETS}) == 3
    done = tidy_streams(60)
    assert (done.streams, done.entries, done.problems) == (24, 48, [])


@pytest.mark.django_db
def test_the_printed_roles_are_enough_on_a_cluster(cluster: Cluster, settings: Settings):
    """Runner, console and janitor as their own users; none of them reaches the others' keys."""
    out = io.StringIO()
    call_command("redis_acl", stdout=out)
    digest = hashlib.sha256(b"word").hexdigest()
    for server in cluster.masters:
        for line in out.getvalue().splitlines():
            cluster.ask(server, *line.replace("SHA256_OF_THE_PASSWORD", digest).split())
    try:
        made = keys(cluster.url, prefix=PREFIX)
        for target in TARGETS[:3]:
            bucket, key = made.bucket(target), made.of(target)
            sink = RedisSink(_as("runner", cluster), reply_timeout=2, bucket=bucket)
            sink.connect()
            outside = key.replace(PREFIX, "other:")
            added, refused = sink.write([pack(("XADD", k, "*", "a", "b")) for k in (key, outside)])
            assert isinstance(added, bytes)
            assert isinstance(refused, NoPermissionError)
            sink.close()
            asyncio.run(_watched(_as("console", cluster), target))
        settings.REDIS_URL = _as("janitor", cluster)
        settings.EXT_DEBUG_PURGE_REDIS_URL = _as("purge", cluster)
        done = tidy_streams(60)
        assert (done.streams, done.problems) == (3, [])
        assert purge_orders.look(TARGETS[0], EVERYTHING).entries == 1
    finally:
        for server in cluster.masters:
            for role in AclRole:
                cluster.ask(server, "ACL", "DELUSER", role.value)


def _as(role: str, cluster: Cluster) -> str:
    return cluster.url.replace("://", f"://ext-debug-{role}:word@")


async def _watched(url: str, target: Target) -> None:
    """By a hub with all that it does on the way to the first line."""
    hub = Hub(url=url, prefix=PREFIX, name="h1", redactor=Redactor(key=None))
    sub = hub.subscribe(target, Selection(None, ALL), lambda: None)
    async with asyncio.timeout(5):
        while sub.boundary is None:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)
    assert (hub.problem(target), sub.watched.cursor.epoch != "") == ("", True)
    await hub.close()
