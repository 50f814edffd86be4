"""Clients that vanish and a Redis that is away are everyday: one line in the log, no traceback."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import struct
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from extdebug.demo.sample import Cast
from policies.models import Limits
from tests.extdebug.test_live import KEY, SUBSCRIBE, entry
from tests.fixtures.console import Console
from tests.fixtures.redis import RedisServer

LOUD = re.compile(
    r"Traceback|never retrieved|was destroyed but it is pending|never awaited|Exception in"
)


def loud(log: str) -> list[str]:
    """Each place of the log that reads like a fault of ours, with what follows it."""
    lines = log.splitlines()
    return [
        "\n".join(lines[max(0, at - 1) : at + 60])
        for at, line in enumerate(lines)
        if LOUD.search(line)
    ]


async def subscribed(console: Console, headers: dict[str, str]) -> ClientConnection:
    one = await connect(console.ws_url, additional_headers=headers, close_timeout=1)
    await one.send(json.dumps(SUBSCRIBE))
    return one


def vanish(one: ClientConnection) -> None:
    """As a laptop that is closed: a reset, without a word."""
    if not one.transport.is_closing():
        sock = one.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.transport.abort()


async def come_and_vanish(console: Console, headers: dict[str, str], *, rounds: int) -> None:
    """Connections lost at every step: at once, while it opens, while it is served."""
    for number in range(rounds):
        with contextlib.suppress(OSError, ConnectionClosed, InvalidHandshake):
            one = await subscribed(console, headers)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(number % 4 * 0.1 or 0.001):
                    while True:
                        await one.recv()
            vanish(one)


async def hang_up(console: Console, headers: dict[str, str], *, rounds: int) -> None:
    """SSE responses and polls that nobody reads to their end."""
    url = f"{console.url}/api/ext-debug/stream?extensionId=invoice-sync&tenantId=acme"
    for number in range(rounds):
        async with httpx.AsyncClient(timeout=number % 3 * 0.1 + 0.05) as http:
            with contextlib.suppress(httpx.HTTPError):
                async with http.stream("GET", url, headers=headers) as answer:
                    async for _ in answer.aiter_bytes():
                        pass


async def write(server: RedisServer, *, until: asyncio.Event) -> None:
    def some() -> None:
        with contextlib.suppress(Exception), server.client() as client:
            for number in range(30):
                client.xadd(KEY, entry(f"line {number} " + "x" * 2000))

    while not until.is_set():
        await asyncio.to_thread(some)
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("server", ["uvicorn", "daphne"])
async def test_clients_that_vanish_and_a_redis_that_restarts_leave_no_traceback(
    live_console: Callable[..., Console], redis_server: RedisServer, cast: Cast, server: str
) -> None:
    await Limits.objects.aupdate_or_create(
        tenant=None, extension=None, defaults={"openings_per_minute": 500, "sessions_per_user": 200}
    )
    console: Any = await sync_to_async(live_console)(server, redis_url=redis_server.url)
    headers = await sync_to_async(console.headers)(cast.dan)
    done = asyncio.Event()
    writing = asyncio.create_task(write(redis_server, until=done))
    stays = await subscribed(console, headers)

    async def clients(rounds: int) -> None:
        await asyncio.gather(
            *(come_and_vanish(console, headers, rounds=rounds) for _ in range(3)),
            hang_up(console, headers, rounds=rounds),
        )

    await clients(8)
    for _ in range(2):
        await asyncio.to_thread(redis_server.kill9)
        await clients(4)
        await asyncio.sleep(1.5)
        await asyncio.to_thread(redis_server.start)
        await clients(4)
        await asyncio.sleep(1.5)
    done.set()
    await writing
    vanish(stays)
    await asyncio.sleep(1)
    code = await asyncio.to_thread(console.stop)
    assert code in (0, -15)
    assert not loud(console.log), "\n\n".join(loud(console.log))
