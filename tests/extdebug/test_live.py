"""The live path through running servers: what is written to Redis reaches who may see it."""

import asyncio
import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis
from asgiref.sync import sync_to_async
from websockets.asyncio.client import connect

from extdebug.demo.sample import Cast
from tests.fixtures.console import Console
from tests.fixtures.redis import RedisServer

KEY = "ext-debug:acme:invoice-sync"
SUBSCRIBE: dict[str, Any] = {
    "type": "subscribe",
    "target": {"tenant": "acme", "extension": "invoice-sync"},
}


def entry(message: str, **more: str) -> dict[str, str]:
    return {
        "ts": "1732356000000", "level": "info", "stream": "stdout", "tenant": "acme",
        "extension": "invoice-sync", "install": "inst-acme", "request": "req-1",
        "message": message, **more,
    }  # fmt: skip


@asynccontextmanager
async def watching(console: Console, user: Any, **subscribe: Any):  # type: ignore[no-untyped-def]
    headers = await sync_to_async(console.headers)(user)
    origin = headers.pop("Origin")
    async with connect(console.ws_url, origin=origin, additional_headers=headers) as socket:
        await socket.send(json.dumps({**SUBSCRIBE, **subscribe}))
        yield socket


async def receive(socket: Any, kind: str, *, within: float = 5) -> dict[str, Any]:
    async with asyncio.timeout(within):
        while True:
            frame: dict[str, Any] = json.loads(await socket.recv())
            if frame["type"] == kind:
                return frame


@pytest.mark.parametrize("server", ["uvicorn", "daphne"])
async def test_a_line_written_after_the_page_was_opened_arrives(
    live_console: Callable[..., Console], redis_server: RedisServer, cast: Cast, server: str
) -> None:
    console = await sync_to_async(live_console)(server, redis_url=redis_server.url)
    with redis_server.client() as client:
        client.xadd(KEY, entry("before"))
        async with watching(console, cast.dan) as socket:
            ready = await receive(socket, "ready")
            assert ready["target"]["tenant"] == "acme"
            first = await receive(socket, "events")
            assert [event["message"] for event in first["events"]] == ["before"]
            client.xadd(KEY, entry("after"))
            second = await receive(socket, "events")
            assert [event["message"] for event in second["events"]] == ["after"]
            assert second["seq"] == first["seq"] + 1
