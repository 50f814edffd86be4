"""Across two consoles: who may know of whom is told, and nobody else learns even a number."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from asgiref.sync import sync_to_async

from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from policies.models import Capability, ExtensionDeveloper, Install
from tests.extdebug.test_live import receive, watching
from tests.fixtures.console import Console
from tests.fixtures.redis import RedisServer

TOLD_WITHIN = 10.0  # seconds; rounds are 2 s apart, and CI machines are slow


async def told(socket: Any, *names: str) -> dict[str, Any]:
    """The next `presence` frame that names exactly these."""
    async with asyncio.timeout(TOLD_WITHIN):
        while True:
            frame = await receive(socket, "presence", within=TOLD_WITHIN)
            if sorted(one["name"] for one in frame["others"]) == sorted(names):
                return frame


async def heard(socket: Any) -> list[str]:
    """The kinds of all frames up to the answer of a ping."""
    await socket.send(json.dumps({"type": "ping"}))
    kinds: list[str] = []
    async with asyncio.timeout(TOLD_WITHIN):
        while "pong" not in kinds:
            kinds.append(json.loads(await socket.recv())["type"])
    return kinds


async def test_who_watches_on_another_process_is_told_to_those_who_may_know(
    live_console: Callable[..., Console], redis_server: RedisServer, cast: Cast
) -> None:
    """dan develops everywhere, dora one install of two, alice is acme's admin, olivia operates;
    greta is another tenant's admin, mallory nobody."""
    second = await Install.objects.acreate(
        key="inst-second", name="Second", tenant=cast.acme, extension=cast.invoice_sync
    )
    await Capability.objects.acreate(
        extension=cast.invoice_sync, install=second, name=Capability.Name.DEBUG_LOGS
    )
    start = sync_to_async(live_console)
    one, two = [await start(redis_url=redis_server.url) for _ in range(2)]
    async with AsyncExitStack() as stack:

        async def page(console: Console, user: Any, **more: Any) -> Any:
            socket = await stack.enter_async_context(watching(console, user, **more))
            await receive(socket, "ready")
            return socket

        elsewhere = {"target": {"tenant": "globex", "extension": "invoice-sync"}}
        greta = await page(one, cast.greta, **elsewhere)
        dora = await page(one, cast.dora)
        dan = await page(two, cast.dan)
        await told(dan, "dora")
        olivia = await page(one, cast.olivia)
        alice = await page(two, cast.alice)
        await told(alice, "dan", "dora", "olivia")
        await told(olivia, "alice", "dan", "dora")
        await told(dan, "alice", "dora")

        view = {"filter": {"level": "warn", "q": "timeout"}, "line": "5-0", "live": False}
        await dora.send(json.dumps({"type": "share", "view": view}))
        shown = await told(dan, "alice", "dora")
        [hers] = [each for each in shown["others"] if each["name"] == "dora"]
        assert (hers["view"]["filter"]["q"], hers["view"]["line"]) == ("timeout", "5-0")
        [record] = [row async for row in AuditRecord.objects.filter(action="session.view_shared")]
        assert record.actor_name == "dora"
        async with watching(one, cast.mallory) as socket:
            refused = json.loads(await socket.recv())
            assert (refused["type"], refused["code"]) == ("closing", 4404)
        assert "presence" not in await heard(greta), "of another tenant's streams nothing is told"
        assert "presence" not in await heard(dora), "she sees one install, all others see more"

        began = time.monotonic()
        await dora.close()
        await told(dan, "alice")
        assert time.monotonic() - began < TOLD_WITHIN

        # dan may see one install from now on: what alice watches is more than that.
        mine = await ExtensionDeveloper.objects.aget(user=cast.dan, extension=cast.invoice_sync)
        await sync_to_async(mine.installs.set)([cast.inst_acme])
        await ExtensionDeveloper.objects.filter(pk=mine.pk).aupdate(all_installs=False)
        await told(dan)
