"""Who may see one install sees nothing of another by any road, and nobody sees a secret."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Final

import httpx
import pytest_asyncio
from asgiref.sync import sync_to_async
from websockets.asyncio.client import connect

from extdebug.demo.sample import Cast
from extdebug.models import DebugSession
from policies.models import Install
from tests.extdebug.test_live import KEY, SUBSCRIBE, entry
from tests.fixtures.console import Console
from tests.fixtures.redis import RedisServer

FOREIGN: Final = "of-another-install"
SECRET: Final = "AKIA" + "Z7Q2M4X9K3L8P5RT"


@pytest_asyncio.fixture
async def console(
    live_console: Callable[..., Console], redis_server: RedisServer, cast: Cast
) -> Console:
    """Acme has a second install of the extension, which dora has nothing to do with."""
    await Install.objects.acreate(
        key="inst-hidden", name="Hidden One", tenant=cast.acme, extension=cast.invoice_sync
    )
    one: Console = await sync_to_async(live_console)(redis_url=redis_server.url)
    with redis_server.client() as client:
        write(client)
    return one


def write(client: Any) -> None:
    """Lines of her install, of another, of none; a loss and an entry nobody can read."""
    client.xadd(KEY, entry("mine", install="inst-acme", src="boot", n="1"))
    client.xadd(KEY, entry(f"{FOREIGN} a", install="inst-hidden", request=f"{FOREIGN}-request"))
    client.xadd(KEY, entry(f"{FOREIGN} b", install=""))
    client.xadd(KEY, entry(f"{FOREIGN} c", install="inst-hidden", fields=f'{{"{FOREIGN}":1}}'))
    client.xadd(KEY, {"lost": "3", "why": f"queue full {SECRET}", "src": "boot", "n": "5"})
    client.xadd(KEY, {"nonsense": FOREIGN})
    client.xadd(KEY, entry(FOREIGN, tenant="globex", install="inst-acme"))
    client.xadd(KEY, entry("mine too", install="inst-acme", src="boot", n="6"))


async def everything(console: Console, user: Any, *frames: dict[str, Any], **first: Any) -> str:
    """All text a socket gets for these frames, up to the answer of a last ping."""
    headers = await sync_to_async(console.headers)(user)
    seen: list[str] = []
    async with (
        asyncio.timeout(20),
        connect(console.ws_url, additional_headers=headers) as socket,
    ):
        await socket.send(json.dumps({**SUBSCRIBE, **first}))
        for number, frame in enumerate([*frames, {"type": "ping"}]):
            while not any('"state":"live"' in text for text in seen):
                seen.append(str(await socket.recv()))
            await socket.send(json.dumps(frame))
            wanted = {"fetch": "page", "ping": "pong"}.get(frame["type"], "status")
            while json.loads(seen[-1])["type"] != wanted or not number < len(seen):
                seen.append(str(await socket.recv()))
    return "\n".join(seen)


async def test_no_road_leads_to_another_install(
    console: Console, cast: Cast, redis_server: RedisServer
) -> None:
    hidden = {"type": "filter", "filter": {"rev": 2, "installs": ["inst-hidden"]}}
    asked = {"type": "filter", "filter": {"rev": 3, "q": FOREIGN}, "from": {"tail": 100}}
    page = {"type": "fetch", "id": "p", "limit": 1000}
    others = {"type": "fetch", "id": "f", "filter": {}}
    left_out = {"type": "fetch", "id": "h", "hidden": True, "filter": {"q": "zebra"}}
    text = await everything(console, cast.dora, page, hidden, asked, page)
    assert "mine too" in text
    roads = {"websocket": text}
    for name, frame in (("other filter", others), ("hidden", left_out)):
        roads[name] = await everything(console, cast.dora, frame, filter={"rev": 1, "q": FOREIGN})
        assert "mine too" in roads[name]
    headers = await sync_to_async(console.headers)(cast.dora)
    query = "extensionId=invoice-sync&tenantId=acme"
    async with httpx.AsyncClient(base_url=console.url, headers=headers) as client:
        listed = await client.get("/extensions/")
        roads["list"] = listed.text
        roads["page"] = (await client.get("/extensions/invoice-sync/debug?tenant=acme")).text
        token = listed.cookies["csrftoken"]
        client.headers["Cookie"] += f"; csrftoken={token}"
        client.headers["X-CSRFToken"] = token
        for more in ({}, {"installId": "inst-hidden"}, {"q": FOREIGN}):
            answer = await client.post(
                "/api/ext-debug/stream",
                json={"extensionId": "invoice-sync", "tenantId": "acme", **more},
            )
            roads[f"poll {more}"] = answer.text
        sse = ""
        async with client.stream("GET", f"/api/ext-debug/stream?{query}") as stream:
            async for part in stream.aiter_text():
                sse += part
                if '"state":"live"' in sse:
                    break
        assert "mine too" in sse
        roads["sse"] = sse
    for road, text in roads.items():
        for word in (FOREIGN, "inst-hidden", "Hidden One", "globex", "Globex", "inst-globex"):
            assert word not in text.replace(f'"q":"{FOREIGN}"', ""), (road, word)
        assert SECRET not in text, road


async def test_no_secret_is_shown_kept_or_confirmed(
    console: Console, cast: Cast, redis_server: RedisServer
) -> None:
    """Not in a message, a field, a key, a request, a loss's reason; and no filter finds it."""
    with redis_server.client() as client:
        client.xadd(KEY, entry(f"key {SECRET}", request=SECRET))
        client.xadd(KEY, entry("in a field", fields=json.dumps({"a": {"b": [SECRET]}})))
        client.xadd(KEY, entry("in a key", fields=json.dumps({SECRET: 1})))
        client.xadd(KEY, entry("unknown", strange=SECRET))
        client.xadd(KEY, {"lost": "3", "why": f"queue full {SECRET}", "src": "x", "n": "5"})
    text = await everything(console, cast.dan, {"type": "fetch", "id": "p", "limit": 1000})
    assert "in a key" in text
    assert "queue full" in text, "the reason itself is told"
    assert SECRET not in text
    for q in (SECRET, f"/{SECRET}/", f"request:{SECRET}", f"message:{SECRET[:18]}"):
        found = await everything(
            console, cast.dan, filter={"rev": 1, "q": q}, **{"from": {"tail": 50}}
        )
        assert '"type":"events"' not in found, q
    assert SECRET not in console.log
    rows = [row async for row in DebugSession.objects.all()]
    assert rows
    assert SECRET not in json.dumps([row.filters for row in rows])
    from audit.models import AuditRecord

    kept = [json.dumps(row.data) async for row in AuditRecord.objects.all()]
    assert SECRET not in "".join(kept)
