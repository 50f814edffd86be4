"""Sentinels are asked until one knows the master, and left by majority; why not is one line."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from redis.exceptions import RedisError

from extdebug.runner.publish.redis_sink import RedisSink, Unreachable
from extdebug.streams.connection import Link
from extdebug.wire.redis_address import RedisAddress
from extdebug.wire.redis_causes import NoMaster, cause
from extdebug.wire.redis_clients import loop_connection
from extdebug.wire.redis_sentinels import (
    Place,
    _most_name_another,
    drop,
    master,
    master_in_loop,
    replaced,
    replaced_in_loop,
)
from tests.fixtures.certificates import Certificates
from tests.fixtures.sentinels import Sentinels

pytestmark = pytest.mark.redis


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("rediss+sentinel://{sentinel}/evnets/0?{files}", "know no master 'evnets': compare"),
        ("rediss+sentinel://127.0.0.1:1,{sentinel}/evnets/0?{files}", "know no master 'evnets'"),
        ("rediss+sentinel://{sentinel}/events/99?{files}", "no database with the number"),
        ("rediss+sentinel://{sentinel}/events", "none of its Sentinels could be asked: its cert"),
        ("rediss+sentinel://{sentinel}/events?ssl_ca_certs={ca}", "client certificate"),
        ("redis+sentinel://{sentinel}/events", "as a TLS port does without rediss://"),
        ("redis+sentinel://127.0.0.1:1/events", "could be asked: nobody listens on this port"),
        ("redis+sentinel://{server}/events", "it is no Sentinel, but a server"),
        ("redis+sentinel://u:hidden@{plain}/events", "as a TLS port does without rediss://"),
        (
            "redis+sentinel://{plain}/events?sentinel_password=hidden",
            "could be asked: user or password is wrong",
        ),
    ],
)
async def test_what_keeps_it_from_the_master_is_said_in_a_line(
    one_sentinel: Sentinels, certificates: Certificates, pattern: str, said: str
):
    url = pattern.format(
        sentinel=f"127.0.0.1:{one_sentinel.ports[0]}", plain=f"127.0.0.1:{one_sentinel.plain[0]}",
        server=f"127.0.0.1:{one_sentinel.servers[0].port}", files=certificates.query,
        ca=certificates.ca,
    )  # fmt: skip
    link = Link(url)
    with pytest.raises((RedisError, OSError)) as refused:
        await link.call("PING")
    await link.close()
    assert said in cause(refused.value)
    assert "hidden" not in cause(refused.value)
    assert "\n" not in cause(refused.value)
    sink = RedisSink(url, reply_timeout=1.0)
    with pytest.raises(Unreachable) as unreachable:
        sink.connect()
    sink.close()
    assert said in str(unreachable.value)


async def test_one_sentinel_that_knows_outweighs_others_that_are_away(one_sentinel: Sentinels):
    """Whichever is asked first: the order is random."""
    place = ("127.0.0.1", one_sentinel.tls_port(one_sentinel.servers[0]))
    known = f"127.0.0.1:{one_sentinel.ports[0]}"
    address = RedisAddress.parse(
        one_sentinel.url.replace(known, f"127.0.0.1:1,127.0.0.1:2,{known}")
    )
    for _ in range(6):
        assert master(address) == place
        assert await master_in_loop(address) == place
    away = RedisAddress.parse("redis+sentinel://127.0.0.1:1,127.0.0.1:2/events")
    with pytest.raises(NoMaster):
        master(away)
    assert not replaced(away, place)
    assert not await replaced_in_loop(away, place)


async def test_who_is_connected_elsewhere_is_told_so(one_sentinel: Sentinels):
    address = RedisAddress.parse(one_sentinel.url)
    here = master(address)
    for place, expected in ((here, False), (("127.0.0.1", 1), True)):
        assert replaced(address, place) is expected
        assert await replaced_in_loop(address, place) is expected


HERE, THERE, ELSE = ("a", 1), ("b", 1), ("c", 1)


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ([HERE, HERE, THERE], False),  # one that was cut off, or knows first
        ([HERE, THERE, THERE], True),
        ([THERE, THERE], True),  # the third does not answer
        ([THERE], False),
        ([THERE, ELSE, None], False),  # they do not agree
        ([None, None, None], False),
        ([], False),
    ],
)
def test_most_of_all_have_to_name_the_same_other(named: Sequence[Place | None], expected: bool):
    three = RedisAddress.parse("redis+sentinel://s1,s2,s3/events")
    assert _most_name_another(three, HERE, named) is expected


async def test_a_connection_over_tls_that_is_dropped_waits_for_nobody(one_sentinel: Sentinels):
    """What waits for the server's goodbye is still there when its event loop ends."""
    connection = await loop_connection(RedisAddress.parse(one_sentinel.url))
    await connection.connect()
    assert connection._writer is not None
    plain = connection._writer.get_extra_info("socket")
    await drop(connection)
    await asyncio.sleep(0)
    assert plain.fileno() == -1
    assert connection._writer is None
