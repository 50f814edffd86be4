"""Console, runner, janitor and commands find the master by its Sentinels, over TLS."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from pytest_django import Settings

from extdebug.management.commands.janitor import tidy_streams
from extdebug.ops import readiness
from extdebug.runner.publish.redis_sink import RedisSink
from extdebug.sessions import purge_orders
from extdebug.streams.connection import Link
from extdebug.streams.purge import EVERYTHING
from extdebug.wire.keys import Target
from extdebug.wire.redis_clients import client
from tests.fixtures.redis import RedisServer
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
