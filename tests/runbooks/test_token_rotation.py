"""docs/runbooks/key-rotation.md: tokens that others show to the console, and what it signs."""

from __future__ import annotations

import hashlib
import hmac
import re
from http.server import HTTPServer
from pathlib import Path
from typing import Final

import httpx
import pytest

from extdebug.demo.sample import Cast
from policies.models import AccessToken
from tests.extdebug.security.test_floods import PRODUCTION
from tests.extdebug.test_leaked_secret import Browser
from tests.faults.http_watchers import HttpDoor, SseWatcher
from tests.faults.oracle import Shown, judge
from tests.faults.stage import Stage, poll
from tests.fixtures.console import Console
from tests.fixtures.redis import RedisServer
from tests.policies.directory.documents import WHOLE
from tests.policies.grants.conftest import Receiver
from tests.runbooks.rolling import noticed_nothing, roll

OLD: Final = "the-old-token-of-the-tests-0123456789-abcd"
NEW: Final = "the-new-token-of-the-tests-0123456789-abcd"


async def scrape(console: Console, token: str) -> int:
    """As Prometheus asks."""
    async with httpx.AsyncClient(base_url=console.url, timeout=20) as http:
        return (await http.get("/metrics", headers=bearer(token))).status_code


async def push(console: Console, token: str) -> int:
    """As the platform sends its directory, without changing anything."""
    async with httpx.AsyncClient(base_url=console.url, timeout=20) as http:
        path = "/api/directory/?dry_run=1"
        body = {**WHOLE, "widen": True}
        return (await http.put(path, json=body, headers=bearer(token))).status_code


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_another_token_of_prometheus_and_of_the_platform(
    stage: Stage, redis_server: RedisServer, tmp_path: Path
) -> None:
    """From files: who runs keeps the token that it read, and only the roll makes it another."""
    names = ("METRICS_TOKEN", "DIRECTORY_TOKEN")
    files = {f"{name}_FILE": str(tmp_path / name) for name in names}
    for name in names:
        (tmp_path / name).write_text(f"{OLD}\n")
    old = await stage.console(redis_server.url, **files)
    watcher = await stage.watcher(old)
    writer = stage.writer(redis_server.port).start()
    for name in names:
        (tmp_path / name).write_text(f"{NEW}\n")
    asked = ((scrape, 403), (push, 401))
    for ask, refused in asked:
        assert (await ask(old, OLD), await ask(old, NEW)) == (200, refused)
    fresh = await stage.console(redis_server.url, **files)
    await roll(old, fresh, watcher)
    for ask, refused in asked:
        assert (await ask(fresh, OLD), await ask(fresh, NEW)) == (refused, 200)
    await stage.recovery(watcher)
    await noticed_nothing(stage, watcher, writer)


async def test_another_secret_of_the_webhook(
    stage: Stage, redis_server: RedisServer, receiver: HTTPServer, cast: Cast
) -> None:
    """The receiver knows both: it takes what either console signs."""
    url = {"EXT_DEBUG_WEBHOOK_URL": f"http://127.0.0.1:{receiver.server_port}/hook"}
    signed_by: list[str] = []
    for person, secret in ((cast.dan, OLD), (cast.dora, NEW)):
        console = await stage.console(
            redis_server.url, **PRODUCTION, **url, EXT_DEBUG_WEBHOOK_SECRET=secret
        )
        async with httpx.AsyncClient(base_url=console.url, timeout=20) as http:
            browser = await Browser.of(console, http, person)
            asked = {
                "tenant": "acme", "extension": "invoice-sync", "reason": "a test", "minutes": 30,
            }  # fmt: skip
            answer = await http.post("/api/ext-debug/grants", json=asked, headers=browser.headers)
            assert answer.status_code in (200, 201), answer.text
        await poll(lambda: len(Receiver.seen) > len(signed_by), within=15, what="the notice")  # noqa: B023
        headers, body = Receiver.seen[-1]
        at, mac = (part.split("=")[1] for part in headers["X-Ext-Debug-Signature"].split(","))
        signed_by += [
            known for known in (OLD, NEW)
            if hmac.new(known.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest() == mac
        ]  # fmt: skip
    assert signed_by == [OLD, NEW]


@pytest.mark.timeout(120)
async def test_another_access_token(stage: Stage, redis_server: RedisServer) -> None:
    """Its owner makes another on the page of their access, and revokes the first one there."""
    console = await stage.console(redis_server.url)
    writer = stage.writer(redis_server.port).start()
    async with httpx.AsyncClient(base_url=console.url, timeout=20) as http:
        owner = await Browser.of(console, http, stage.cast.dan)

        async def another(name: str) -> HttpDoor:
            page = await owner.post("/access/tokens/", name=name, tenant="acme", days="30")
            (raw,) = set(re.findall(r"edc_[\w-]{20,}", page.text))
            return HttpDoor(console.url, raw)

        first = SseWatcher([await another("first")], seed=1)
        async with first:
            await first_line(first)
            second = SseWatcher([await another("second")], seed=2)
            async with second:
                await first_line(second)
                token = await AccessToken.objects.aget(name="first")
                done = await owner.post(f"/access/tokens/{token.pk}/revoke/")
                assert done.status_code == 302
                await poll(lambda: first.closings, within=15, what="its session ends")
                assert (first.closings[0]["code"], first.closings[0]["reason"]) == (4409, "token")
                known = len(second.log)
                await poll(lambda: len(second.log) > known, within=15, what="the other goes on")
                writer.stop()
                last = writer.last
                await poll(
                    lambda: any(isinstance(one, Shown) and one.n == last for one in second.log),
                    within=15, what="the last line",
                )  # fmt: skip
        refused = await http.get(
            "/api/ext-debug/stream", params={"extensionId": "invoice-sync", "tenantId": "acme"},
            headers=first.doors[0].headers,
        )  # fmt: skip
        assert refused.status_code == 401
    for one in (first, second):
        seen = [item for item in one.log if isinstance(item, Shown)]
        assert len(seen) == len(one.log), "no gap"
        begun = {"w": seen[0].n}
        written = [line for line in writer.written if line.n <= seen[-1].n]
        assert judge(one.log, written, first=begun).wrong == []


async def first_line(watcher: SseWatcher) -> None:
    await poll(lambda: watcher.log, within=15, what="its first line")
