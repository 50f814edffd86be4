"""Who is connected to a master that has been replaced leaves it, though it still answers."""

from __future__ import annotations

import asyncio

import pytest

from extdebug.hub.master_watch import MasterWatch
from extdebug.streams.connection import LOST, Link
from tests.fixtures.sentinels import Sentinels

pytestmark = pytest.mark.redis


async def test_links_leave_a_master_that_was_replaced(one_sentinel: Sentinels) -> None:
    first, second = one_sentinel.servers[0], one_sentinel.server()
    url = one_sentinel.name("moving", first)
    link, idle = Link(url), Link(url)
    watch = MasterWatch(url, lambda: (link, idle), every=0.02)
    watch.start()
    watch.start()
    assert await link.call("PING") == b"PONG"
    await asyncio.sleep(0.2)
    assert await link.call("PING") == b"PONG", "it is master still"
    one_sentinel.name("moving", second)
    async with asyncio.timeout(5):
        while not link._leaves:  # noqa: ASYNC110 - nothing tells when it was asked
            await asyncio.sleep(0.01)
    with pytest.raises(LOST, match="another server is master now"):
        await link.call("PING")
    assert await link.call("PING") == b"PONG"
    assert link.place == ("127.0.0.1", one_sentinel.tls_port(second))
    assert idle.place is None
    await watch.stop()
    await link.close()


async def test_a_link_that_is_not_connected_has_nothing_to_leave(one_sentinel: Sentinels) -> None:
    link = Link(one_sentinel.url)
    link.leave()
    assert await link.call("PING") == b"PONG"
    await link.close()


async def test_without_sentinels_nothing_is_watched() -> None:
    for url in ("", "redis://127.0.0.1:1/0"):
        watch = MasterWatch(url, lambda: (), every=0.01)
        watch.start()
        await watch.stop()
