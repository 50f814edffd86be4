"""The live path through running servers: what is written to Redis reaches who may see it."""

import asyncio
import json
import os
import re
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from websockets.asyncio.client import connect

from extdebug.demo.sample import Cast
from policies.identity import tokens
from tests.files import ROOT
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
async def watching(console: Console, user: Any, **subscribe: Any) -> AsyncIterator[Any]:
    """A session of `user`, subscribed."""
    headers = await sync_to_async(console.headers)(user)
    async with connect(console.ws_url, additional_headers=headers) as socket:
        await socket.send(json.dumps({**SUBSCRIBE, **subscribe}))
        yield socket


async def receive(socket: Any, kind: str, *, within: float = 5) -> dict[str, Any]:
    async with asyncio.timeout(within):
        while True:
            frame: dict[str, Any] = json.loads(await socket.recv())
            if frame["type"] == kind or not kind:
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


async def test_sse_goes_on_after_its_last_event_id_without_hole_or_double(
    live_console: Callable[..., Console], redis_server: RedisServer, cast: Cast
) -> None:
    console = await sync_to_async(live_console)("daphne", redis_url=redis_server.url)
    headers = await sync_to_async(console.headers)(cast.dan)
    url = f"{console.url}/api/ext-debug/stream?extensionId=invoice-sync&tenantId=acme"

    def curl(count: int, last_id: str = "") -> list[tuple[str, str]]:
        """(id, message) of the next `count` events, read as curl reads them."""
        command = ["curl", "-sN", "--max-time", "8", "-H", f"Cookie: {headers['Cookie']}"]
        if last_id:
            command += ["-H", f"Last-Event-ID: {last_id}"]
        with subprocess.Popen([*command, url], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            seen: list[tuple[str, str]] = []
            place = ""
            for line in process.stdout:
                if line.startswith("id: "):
                    place = line[4:].strip()
                if line.startswith("data: ") and '"message"' in line:
                    event = json.loads(line[6:])
                    if "stream" in event:
                        seen.append((place, event["message"]))
                if len(seen) >= count:
                    process.kill()
                    break
        return seen

    with redis_server.client() as client:
        for number in range(10):
            client.xadd(KEY, entry(f"line {number}"))
        first = await asyncio.to_thread(curl, 4)
        second = await asyncio.to_thread(curl, 6, first[-1][0])
    assert [message for _, message in first + second] == [f"line {n}" for n in range(10)]
    sessions = {place.partition("~")[2] for place, _ in first + second}
    assert len(sessions) == 1, "a reconnect within a minute goes on with its session"


async def test_polling_returns_what_is_new_and_its_gaps(
    live_console: Callable[..., Console], redis_server: RedisServer, cast: Cast
) -> None:
    console = await sync_to_async(live_console)(redis_url=redis_server.url)
    headers = await sync_to_async(console.headers)(cast.dan)
    async with httpx.AsyncClient(base_url=console.url) as http:
        page = await http.get("/extensions/", headers=headers)
        token = page.cookies["csrftoken"]
        headers["Cookie"] += f"; csrftoken={token}"
        headers["X-CSRFToken"] = token

        async def poll(**body: object) -> dict[str, Any]:
            answer = await http.post(
                "/api/ext-debug/stream",
                json={"extensionId": "invoice-sync", "tenantId": "acme", **body}, headers=headers,
            )  # fmt: skip
            assert answer.status_code == 200, answer.text
            polled: dict[str, Any] = answer.json()
            return polled

        with redis_server.client() as client:
            client.xadd(KEY, entry("one"))
            first = await poll()
            client.xadd(KEY, entry("two"))
            client.xadd(KEY, {"nonsense": "x"})
            second = await poll(lastId=first["lastId"])
    assert [event["message"] for event in first["events"]] == ["one"]
    assert [event["message"] for event in second["events"]] == ["two"]
    assert [gap["reason"] for gap in second["gaps"]] == ["unreadable"]
    assert second["session"] == first["session"]


@pytest.mark.parametrize(
    ("token", "more", "says"),
    [
        ("wrong", "", "not_signed_in"),
        ("right", "&q=(a", "bad_query"),
        ("right", "&extensionId=nothing-here", "not_found"),
    ],
)
def test_the_documented_loop_of_curl_ends_when_it_is_refused(
    live_console: Callable[..., Console],
    redis_server: RedisServer,
    cast: Cast,
    token: str,
    more: str,
    says: str,
) -> None:
    console = live_console(redis_url=redis_server.url)
    secret = (
        tokens.issue(cast.dan, name="loop", tenant=cast.acme).raw
        if token == "right"
        else "dbg_wrong"
    )
    text = (ROOT / "docs/protocol.md").read_text()
    (loop,) = re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL)
    loop = loop.replace("https://console.example", console.url)
    loop = loop.replace("tenantId=acme", f"tenantId=acme{more}")
    done = subprocess.run(
        ["bash", "-c", loop], env={**os.environ, "TOKEN": secret}, check=False,
        capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert says in done.stderr
    assert done.stdout == ""
