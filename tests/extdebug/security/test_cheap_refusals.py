"""Whoever may not watch costs little: nothing is compiled for them, and soon nothing is asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from websockets.asyncio.client import connect

from extdebug.demo.sample import Cast
from extdebug.sessions.node import KNOCKS
from extdebug.sessions.rate_limit import RateLimit
from tests.fixtures.console import Console
from tests.fixtures.redis import RedisServer

BROKEN = {"extensionId": "invoice-sync", "tenantId": "acme", "q": "/(a/"}


@pytest.mark.redis
async def test_a_filter_is_judged_for_those_alone_who_may_watch(
    live_console: Callable[..., Console], redis_server: RedisServer, cast: Cast
):
    console = await sync_to_async(live_console)(redis_url=redis_server.url)
    url = f"{console.url}/api/ext-debug/stream"

    async def ask(user: Any) -> tuple[int, str]:
        headers = await sync_to_async(console.headers)(user)
        async with httpx.AsyncClient() as client:
            answer = await client.get(url, params=BROKEN, headers=headers)
        return answer.status_code, answer.text

    assert (await ask(None))[0] == 401
    assert (await ask(cast.mallory))[0] == 404
    status, text = await ask(cast.dan)
    assert (status, json.loads(text)["code"]) == (400, 4400)

    headers = await sync_to_async(console.headers)(None)
    async with connect(console.ws_url, additional_headers=headers) as socket:
        target = {"extension": "invoice-sync", "tenant": "acme"}
        frame = {"type": "subscribe", "target": target, "filter": {"q": "/(a/"}}
        await socket.send(json.dumps(frame))
        assert json.loads(await socket.recv())["code"] == 4401


@pytest.mark.redis
async def test_refused_openings_in_a_row_are_soon_refused_without_the_database(
    live_console: Callable[..., Console], redis_server: RedisServer, cast: Cast
):
    console = await sync_to_async(live_console)(redis_url=redis_server.url)
    headers = await sync_to_async(console.headers)(cast.mallory)
    url = f"{console.url}/api/ext-debug/stream"
    target = {"extensionId": "invoice-sync", "tenantId": "acme"}
    async with httpx.AsyncClient(headers=headers) as client:
        answers = [await client.get(url, params=target) for _ in range(8 * int(KNOCKS))]
    said = [answer.status_code for answer in answers]
    assert set(said) == {404, 429}
    (refused,) = {answer.headers["Retry-After"] for answer in answers if answer.is_error
                  and answer.status_code == 429}  # fmt: skip
    assert refused == "1"


def test_what_is_spent_is_known_without_taking_anything():
    limit = RateLimit(2.0)
    assert not limit.spent("a", now=0)
    for _ in range(5):
        assert not limit.spent("a", now=0)
    assert limit.admits("a", now=0)
    assert limit.admits("a", now=0)
    assert limit.spent("a", now=0.1)
    assert not limit.spent("b", now=0.1)
    assert not limit.spent("a", now=0.6)


def test_a_slow_rate_remembers_one_for_its_whole_time():
    limit = RateLimit(1 / 60)
    assert limit.admits("a", now=0)
    assert limit.spent("a", now=30)
    assert not limit.spent("a", now=61)
