"""The doors before a session: silent sockets, heads without end, other sites' pages."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async

from config.origins import handshake_allowed
from extdebug.demo.sample import Cast
from extdebug.models import DebugSession
from tests.extdebug.test_live import entry
from tests.faults.stage import Stage, poll
from tests.fixtures.console import Console
from tests.fixtures.redis import RedisServer

KEY = "ext-debug:acme:invoice-sync"


@pytest.mark.parametrize(
    "cookies",
    [b"a[b]=c; sessionid=x", b"x; sessionid=x", b'a=";sessionid=x', b"\xff=1; sessionid=x"],
)
def test_a_cookie_that_signs_in_needs_an_origin_however_it_is_written(cookies: bytes) -> None:
    assert not handshake_allowed([(b"cookie", cookies)], origins=["https://console.example"])


async def test_pages_of_other_sites_take_no_place(
    live_console: Callable[..., Console], redis_server: RedisServer, cast: Cast
) -> None:
    """A sibling host counts as the same site to a cookie, and may not spend a person's sessions."""
    console = await sync_to_async(live_console)(redis_url=redis_server.url)
    headers = await sync_to_async(console.headers)(cast.dan)
    async with httpx.AsyncClient(base_url=console.url) as client:
        for site in ("cross-site", "same-site"):
            answer = await client.get(
                "/api/ext-debug/stream?extensionId=invoice-sync&tenantId=acme",
                headers={**headers, "Sec-Fetch-Site": site},
            )
            assert answer.status_code == 403
    assert not await DebugSession.objects.aexists()


@pytest.mark.parametrize("field", ["tenant", "extension", "reason", "ticket", "installs"])
async def test_a_request_for_access_holds_no_nul(
    live_console: Callable[..., Console], cast: Cast, field: str
) -> None:
    console = await sync_to_async(live_console)()
    headers = await sync_to_async(console.headers)(cast.dan)
    async with httpx.AsyncClient(base_url=console.url) as client:
        page = await client.get("/extensions/", headers=headers)
        token = page.cookies["csrftoken"]
        headers["Cookie"] += f"; csrftoken={token}"
        headers["X-CSRFToken"] = token
        body: dict[str, Any] = {
            "tenant": "acme", "extension": "invoice-sync", "reason": "why", "minutes": 5,
        }  # fmt: skip
        body[field] = ["a\x00"] if field == "installs" else "a\x00"
        answer = await client.post(
            "/api/ext-debug/grants", content=json.dumps(body), headers=headers
        )
    assert answer.status_code == 400, answer.text


def test_a_number_too_long_for_any_row_is_no_error(client: Any, cast: Cast) -> None:
    client.force_login(cast.alice)
    for path in ("/tenant/acme/?before=" + "9" * 5000, "/tenant/acme/?before=" + "9" * 19):
        assert client.get(path).status_code == 200


async def test_a_stalled_stream_that_is_revoked_is_closed_and_recorded(
    live_console: Callable[..., Console], redis_server: RedisServer, cast: Cast
) -> None:
    """The response is stuck in a send: its row must not wait for the client to read on."""
    stage = Stage(live_console, cast)
    console = await stage.console(redis_server.url, CHANNEL_LAYER_PREFIX="silent")
    headers = await sync_to_async(console.headers)(cast.dan)
    with redis_server.client() as redis:
        pipe = redis.pipeline()
        for number in range(4000):
            pipe.xadd(KEY, entry(f"{number} " + "x" * 2000, install="inst-acme"))
        await asyncio.to_thread(pipe.execute)
    request = (
        "GET /api/ext-debug/stream?extensionId=invoice-sync&tenantId=acme&tail=4000 HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{console.port}\r\nCookie: {headers['Cookie']}\r\n\r\n"
    ).encode()
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", console.port))
    try:
        sock.sendall(request)
        await poll(DebugSession.objects.filter(shown__gt=0).exists, within=15, what="it is stuck")

        def lock() -> None:
            type(cast.dan).objects.filter(pk=cast.dan.pk).update(is_active=False)

        await sync_to_async(lock)()
        closed = DebugSession.objects.exclude(closed_at=None)
        took = await poll(closed.exists, within=15, what="the row is closed")
        print(f"a stalled SSE response: row closed {took:.2f} s after")
        assert (await closed.aget()).close_code == 4401
    finally:
        sock.close()
        await stage.close()
