"""A server that ends tells its watchers first, whoever the server is, and ends soon."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from extdebug.demo.sample import Cast
from extdebug.models import Process
from extdebug.sessions.node import DRAIN_WITHIN
from tests.fixtures.console import Console
from tests.fixtures.redis import RedisServer

SUBSCRIBE = {"type": "subscribe", "target": {"tenant": "acme", "extension": "invoice-sync"}}


async def watch(console: Console, headers: dict[str, str]) -> ClientConnection:
    """A socket that has been answered `ready`."""
    cookie = {"Cookie": headers["Cookie"]}
    socket = await connect(console.ws_url, origin=console.origin, additional_headers=cookie)  # type: ignore[arg-type]
    await socket.send(json.dumps(SUBSCRIBE))
    async with asyncio.timeout(5):
        while json.loads(await socket.recv())["type"] != "ready":
            pass
    return socket


async def last_words(socket: ClientConnection) -> tuple[dict[str, Any], int | None]:
    """The last frame and the close code."""
    last: dict[str, Any] = {}
    try:
        async with asyncio.timeout(15):
            while True:
                last = json.loads(await socket.recv())
    except ConnectionClosed as closed:
        return last, closed.rcvd.code if closed.rcvd else None


@pytest.mark.parametrize("server", ["uvicorn", "daphne"])
async def test_watchers_are_told_to_come_back_before_the_server_ends(
    live_console: Callable[..., Console], redis_server: RedisServer, cast: Cast, server: str
) -> None:
    console = await sync_to_async(live_console)(server, redis_url=redis_server.url)
    headers = await sync_to_async(console.headers)(cast.dan)
    sockets = [await watch(console, headers) for _ in range(3)]
    console.process.terminate()
    ends = await asyncio.gather(*(last_words(socket) for socket in sockets))
    for frame, code in ends:
        assert (frame["type"], frame["code"], frame["final"]) == ("closing", 4012, False)
        assert code == 4012
    assert await asyncio.to_thread(console.process.wait, 5) in (0, -15)
    assert not await Process.objects.aexists(), "a clean end leaves no process that fell silent"


@pytest.mark.parametrize("server", ["uvicorn", "daphne"])
def test_a_server_without_sessions_ends_at_once(
    live_console: Callable[..., Console], server: str
) -> None:
    console = live_console(server)
    began = time.monotonic()
    console.stop()
    assert time.monotonic() - began < DRAIN_WITHIN
