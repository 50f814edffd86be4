"""One session on two connections of real consoles: the later goes on, the earlier is told why."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from websockets.exceptions import ConnectionClosed

from extdebug.demo.sample import Cast
from extdebug.models import DebugSession
from policies.models import Limits
from tests.extdebug.test_live import KEY, entry, receive, watching
from tests.fixtures.console import Console
from tests.fixtures.redis import RedisServer

TOLD_WITHIN = 4.0  # seconds; the rows are looked at every 0.75 s, and CI machines are slow


@asynccontextmanager
async def session_of(console: Console, user: Any, **subscribe: Any) -> AsyncIterator[Any]:
    """A subscribed socket and its `ready` frame."""
    async with watching(console, user, **subscribe) as socket:
        yield socket, await receive(socket, "ready")


async def last_words(socket: Any) -> tuple[dict[str, Any], int | None]:
    """The last frame and the close code; frames are acknowledged, as a page does."""
    last: dict[str, Any] = {}
    try:
        async with asyncio.timeout(TOLD_WITHIN):
            while True:
                last = json.loads(await socket.recv())
                if "seq" in last:
                    await socket.send(json.dumps({"type": "ack", "seq": last["seq"]}))
    except ConnectionClosed as closed:
        return last, closed.rcvd.code if closed.rcvd else None


@pytest.mark.parametrize("processes", [1, 2])
async def test_the_earlier_connection_is_told_4410_and_the_later_goes_on(
    live_console: Callable[..., Console], redis_server: RedisServer, cast: Cast, processes: int
) -> None:
    start = sync_to_async(live_console)
    consoles = [await start(redis_url=redis_server.url) for _ in range(processes)]
    with redis_server.client() as client:
        client.xadd(KEY, entry("one"))
        async with session_of(consoles[0], cast.dan) as (first, ready):
            events = await receive(first, "events")
            resume = {"resume": ready["session"], "from": {"cursor": events["cursor"]}}
            began = time.monotonic()
            async with session_of(consoles[-1], cast.dan, **resume) as (second, again):
                frame, code = await last_words(first)
                assert time.monotonic() - began < TOLD_WITHIN
                assert (frame["type"], frame["code"], frame["reason"]) == (
                    "closing", 4410, "taken_over",
                )  # fmt: skip
                assert (code, frame["final"]) == (4410, True)
                assert (again["session"], again["resumed"]) == (ready["session"], True)
                client.xadd(KEY, entry("two"))
                events = await receive(second, "events")
                assert [event["message"] for event in events["events"]] == ["two"]
                assert await DebugSession.objects.filter(closed_at=None).acount() == 1
    async with asyncio.timeout(5):
        while await DebugSession.objects.filter(closed_at=None, detached_at=None).aexists():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert await DebugSession.objects.acount() == 1


async def test_of_twenty_one_connections_in_a_row_exactly_the_last_lives(
    live_console: Callable[..., Console], redis_server: RedisServer, cast: Cast
) -> None:
    """On two processes in turn; caps of one session for the person hold throughout."""
    await Limits.objects.aupdate_or_create(
        tenant=None, extension=None, defaults={"sessions_per_user": 1}
    )
    start = sync_to_async(live_console)
    consoles = [await start(redis_url=redis_server.url) for _ in range(2)]
    async with AsyncExitStack() as stack:
        sockets: list[Any] = []
        resume: dict[str, Any] = {}
        for number in range(21):
            one = session_of(consoles[number % 2], cast.dan, **resume)
            socket, ready = await stack.enter_async_context(one)
            sockets.append(socket)
            resume = {"resume": ready["session"]}
        told = await asyncio.gather(*(last_words(socket) for socket in sockets[:-1]))
        assert {(frame["type"], code) for frame, code in told} == {("closing", 4410)}
        with redis_server.client() as client:
            client.xadd(KEY, entry("for the last one"))
        events = await receive(sockets[-1], "events")
        assert [event["message"] for event in events["events"]] == ["for the last one"]
        assert await DebugSession.objects.acount() == 1
        row = await DebugSession.objects.aget()
        assert row.closed_at is None
