"""Everybody coming back at once forms a queue before Redis, and nobody gets a line twice."""

from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio
from redis.exceptions import RedisError

from extdebug.hub.history import History
from extdebug.hub.hub import Hub
from extdebug.hub.reader_pool import READERS
from extdebug.hub.subscription import Subscription
from extdebug.streams.connection import LOST
from extdebug.wire.positions import Cursor, Start
from tests.extdebug.hub.test_history import drain, messages
from tests.extdebug.hub.test_hub import KEY, hub, until, watch
from tests.fixtures.redis import RedisServer

__all__ = ["hub"]  # the fixture

SESSIONS = 300
LINES = 400


@pytest_asyncio.fixture
async def places(redis_server: RedisServer) -> list[str]:
    """The stream's lines, numbered from 0, by their ids."""
    with redis_server.client() as client:
        pipe = client.pipeline()
        for number in range(LINES):
            pipe.xadd(KEY, {"message": f"m{number}"})
        return [id.decode() for id in pipe.execute()]


async def came_back(hub: Hub, sub: Subscription, start: Start) -> list[str]:
    """All that one session reads until it is live, going on as a session does where Redis does not
    answer in time: three hundred may keep one process busy for that long."""
    history, begun = History(hub, sub, start), False
    pieces = []
    while not history.done:
        try:
            if not begun:
                await history.begin()
                begun = True
            pieces += await history.page()
        except (RedisError, *LOST):
            await asyncio.sleep(0.1)
    sub.ring.release()
    assert not [piece.gap for piece in pieces if piece.gap]
    return messages(pieces + drain(sub))


class Connections:
    """Counts, at the server, who is connected beside the tail and this counter."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self.most = 0

    async def count(self) -> None:
        def look() -> int:
            return len(client.client_list())

        with self._server.client() as client:
            while True:
                self.most = max(self.most, await asyncio.to_thread(look))
                await asyncio.sleep(0.005)


@pytest.mark.timeout(30)
async def test_three_hundred_that_come_back_at_once_share_a_few_connections(
    hub: Hub, redis_server: RedisServer, places: list[str]
) -> None:
    subs = [watch(hub) for _ in range(SESSIONS)]
    await until(lambda: all(sub.boundary for sub in subs))
    with redis_server.client() as client:
        before = len(client.client_list()) - 1  # all but this one
    connections = Connections(redis_server)
    counter = asyncio.create_task(connections.count())
    stood = [number % LINES for number in range(SESSIONS)]
    starts = [Start(cursor=Cursor.parse(f"{places[at]}.{at + 1}")) for at in stood]
    try:
        async with asyncio.timeout(15):
            shown = await asyncio.gather(
                *(came_back(hub, sub, start) for sub, start in zip(subs, starts, strict=True))
            )
    finally:
        counter.cancel()
        await asyncio.gather(counter, return_exceptions=True)
    for at, lines in zip(stood, shown, strict=True):
        assert lines == [f"m{number}" for number in range(at + 1, LINES)]
    assert connections.most > before + 1, "nothing was seen of the readers"
    assert connections.most <= before + 1 + READERS  # and the counter's own


async def test_a_reader_that_is_cancelled_in_the_queue_or_at_work_blocks_nobody(
    hub: Hub, places: list[str]
) -> None:
    subs = [watch(hub) for _ in range(SESSIONS)]
    await until(lambda: all(sub.boundary for sub in subs))
    tasks = [
        asyncio.create_task(came_back(hub, sub, Start(cursor=Cursor.parse(f"{places[0]}.1"))))
        for sub in subs
    ]
    for turn in range(20):
        tasks[turn * 3].cancel()
        await asyncio.sleep(0)
    for task in tasks[READERS::2]:
        task.cancel()
    async with asyncio.timeout(15):
        answers = await asyncio.gather(*tasks, return_exceptions=True)
    kept = [one for one in answers if not isinstance(one, BaseException)]
    assert kept
    assert all(len(lines) == LINES - 1 for lines in kept)
    assert {type(one) for one in answers if isinstance(one, BaseException)} == {
        asyncio.CancelledError
    }
    assert hub._readers[None].idle == READERS
