"""The runbook "A leaked secret" of docs/operations.md, walked on a real console and guarded Redis.

One watches live, one watches and does not acknowledge, one comes back later. A rule masks what is
printed from now on, a purge takes what is retained, and the desk says who was shown it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import redis
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from extdebug.models import StreamPurge
from extdebug.streams.acl import PASSWORD, AclRole, Version, rules
from extdebug.wire.keys import Keys
from tests.extdebug.test_live import KEY, entry, receive, watching
from tests.fixtures.console import Console
from tests.fixtures.redis import RedisServer

SECRET = "KD-4711-0815"
REDIS_WORD = "a-password"
LINES = 400  # more than a window of 256 KiB, less than that and a ring: none is dropped
DESK = "/admin/extdebug/process"
TARGET = {"tenant": "acme", "extension": "invoice-sync"}
RULE = {
    "name": "kd", "pattern": r"KD-\d{4}-\d{4}", "example": "KD-1111-2222",
    "counter_example": "KD-1", "token": "on", "enabled": "on",
}  # fmt: skip


def guarded(server: RedisServer) -> dict[str, str]:
    """Console and purge as roles of the server; the addresses with which to reach it."""
    digest = hashlib.sha256(REDIS_WORD.encode()).hexdigest()
    with server.client() as admin:
        version = Version.parse(str(admin.info("server")["redis_version"]))
        for role in (AclRole.CONSOLE, AclRole.PURGE):
            words = rules(
                role, version=version, keys=Keys("ext-debug:"), layer_prefix="ext-debug-layer"
            )
            words = [word.replace(PASSWORD, f"#{digest}") for word in words]
            admin.execute_command("ACL", "SETUSER", role.value, *words)
    return {
        role.name: f"redis://{role.value}:{REDIS_WORD}@127.0.0.1:{server.port}/0"
        for role in (AclRole.CONSOLE, AclRole.PURGE)
    }


class Browser:
    """Somebody signed in, who posts forms to the console."""

    def __init__(self, console: Console, http: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self.console, self.http, self.headers = console, http, headers

    @classmethod
    async def of(cls, console: Console, http: httpx.AsyncClient, user: User) -> Browser:
        headers = await sync_to_async(console.headers)(user)
        page = await http.get("/extensions/", headers=headers)
        token = page.cookies["csrftoken"]
        headers["Cookie"] += f"; csrftoken={token}"
        return cls(console, http, {**headers, "X-CSRFToken": token})

    async def post(self, path: str, **data: Any) -> httpx.Response:
        return await self.http.post(path, data=data, headers=self.headers)

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.http.get(path, params=params, headers=self.headers)

    async def poll(self, **body: object) -> dict[str, Any]:
        asked = {"extensionId": "invoice-sync", "tenantId": "acme", **body}
        answer = await self.http.post("/api/ext-debug/stream", json=asked, headers=self.headers)
        polled: dict[str, Any] = answer.json()
        assert answer.status_code == 200, polled
        return polled


class Watcher:
    """Reads a session's frames as they come; `eager` acknowledges each."""

    def __init__(self, socket: Any, *, eager: bool) -> None:
        self.socket, self.eager = socket, eager
        self.messages: list[str] = []
        self.gaps: list[dict[str, Any]] = []
        self.seq = 0

    async def until(self, done: Callable[[Watcher], bool], *, within: float = 20) -> None:
        async with asyncio.timeout(within):
            while not done(self):
                frame = await receive(self.socket, "", within=within)
                self.messages += [event["message"] for event in frame.get("events", ())]
                if frame["type"] == "gap":
                    self.gaps.append(frame)
                self.seq = max(self.seq, frame.get("seq", 0))
                if self.eager and "seq" in frame:
                    await self.ack()

    async def ack(self) -> None:
        await self.socket.send(json.dumps({"type": "ack", "seq": self.seq}))


def hidden_fields(page: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)
    return {name: value for name, value in found if name != "csrfmiddlewaretoken"}


@pytest.mark.timeout(120)
async def test_the_runbook_masks_purges_and_names_who_saw_it(
    live_console: Callable[..., Console], redis_server: RedisServer, cast: Cast
) -> None:
    roles = guarded(redis_server)
    console = await sync_to_async(live_console)(
        redis_url=roles["CONSOLE"], EXT_DEBUG_PURGE_REDIS_URL=roles["PURGE"]
    )
    root = await sync_to_async(User.objects.create_superuser)("rita", "rita@example.com", "x")
    async with (
        httpx.AsyncClient(base_url=console.url, timeout=20) as http,
        watching(console, cast.dan) as socket,
        watching(console, cast.dan) as stuck,
    ):
        live, slow = Watcher(socket, eager=True), Watcher(stuck, eager=False)
        olivia = await Browser.of(console, http, cast.olivia)
        dora = await Browser.of(console, http, cast.dora)
        admin = await Browser.of(console, http, root)
        with redis_server.client() as client:
            before = client.xadd(KEY, entry("good morning")).decode()
            early = await dora.poll()
            assert [event["message"] for event in early["events"]] == ["good morning"]
            for watcher in (live, slow):
                await watcher.until(lambda one: "good morning" in one.messages)
                await watcher.ack()
            leaked = [
                client.xadd(KEY, entry(f"{number} {SECRET} {'x' * 1000}")).decode()
                for number in range(LINES)
            ]
            await live.until(lambda one: len(one.messages) == LINES + 1)

            # 1. The rule: what is printed from now on is masked for everybody.
            saved = await admin.post("/admin/policies/redactionrule/add/", **RULE)
            assert saved.status_code == 302, saved.text[:2000]

            # 2. The purge: asked first, with what would go and who watches.
            asked = await olivia.post(
                f"{DESK}/purge/", **TARGET, first=leaked[0], reason=f"the key {SECRET} was printed"
            )
            assert f"Purge {LINES} lines of acme:invoice-sync?" in asked.text
            assert asked.text.count("<li>dan (WebSocket") == 2
            assert client.xlen(KEY) == LINES + 1, "asking removes nothing"
            sent = hidden_fields(asked.text)
            assert sent["confirmed"] == str(LINES)
            later = client.xadd(KEY, entry("written after the question")).decode()
            done = await olivia.post(f"{DESK}/purge/", **sent)
            assert done.status_code == 302, done.text[:2000]
            assert [row[0].decode() for row in client.xrange(KEY)] == [before, later]
            await live.until(lambda one: "written after the question" in one.messages)

            # What waited for a slow watcher is not delivered any more, and is counted.
            await asyncio.sleep(3)  # a second is promised; this machine may be loaded
            await slow.ack()
            slow.eager = True  # what was sent before may fill its window to the last byte
            await slow.until(lambda one: "written after the question" in one.messages, within=30)
            shown = sum(SECRET in message for message in slow.messages)
            assert 0 < shown < LINES
            assert [(gap["reason"], gap["missed"]) for gap in slow.gaps] == [
                ("retention", LINES - shown)
            ]
            assert "an operator removed lines here: the key [" in slow.gaps[0]["detail"]
            assert SECRET not in slow.gaps[0]["detail"]

            # 3. Who comes back reads the gap, its number and the reason, and goes on.
            client.xadd(KEY, entry(f"again {SECRET}"))
            back = await dora.poll(lastId=early["lastId"])
            assert [gap["missed"] for gap in back["gaps"]] == [LINES]
            assert "an operator removed lines here" in back["gaps"][0]["detail"]
            assert len(back["events"]) == 2
            assert SECRET not in json.dumps(back)
            await live.until(lambda one: one.messages[-1].startswith("again"))
            assert SECRET not in live.messages[-1]
            assert live.gaps == [], "it was shown all: nothing was lost to it"

            # 4. Who was shown it: dan by both sessions, and not dora.
            stretch = {**TARGET, "first": leaked[0], "last": leaked[-1]}
            page = await olivia.get(f"{DESK}/shown/", **stretch)
            assert "2 sessions of 1 person" in page.text
            assert "dora" not in page.text
            line = await olivia.get(f"{DESK}/shown/", **TARGET, first=leaked[-1], last=leaked[-1])
            assert "may have been shown" in line.text
            table = await admin.post(f"{DESK}/shown/export/", **stretch)
            assert table.status_code == 200
            assert table.text.count('"dan"') == 2

    recorded = AuditRecord.objects.filter(action__startswith="stream.").order_by("seq")
    rows = [(row.action, row.actor_name, row.data) async for row in recorded]
    assert [(action, actor) for action, actor, _ in rows] == [
        ("stream.purge_ordered", "olivia"), ("stream.purged", "olivia"),
    ]  # fmt: skip
    assert rows[0][2]["expected"] == rows[1][2]["removed"] == LINES
    assert (await StreamPurge.objects.aget()).removed == LINES


async def test_a_console_without_the_right_says_what_to_set_and_removes_nothing(
    live_console: Callable[..., Console], redis_server: RedisServer, cast: Cast
) -> None:
    roles = guarded(redis_server)
    console = await sync_to_async(live_console)(redis_url=roles["CONSOLE"])
    with redis_server.client() as client:
        client.xadd(KEY, entry(SECRET))
        async with httpx.AsyncClient(base_url=console.url, timeout=20) as http:
            olivia = await Browser.of(console, http, cast.olivia)
            asked = await olivia.post(f"{DESK}/purge/", **TARGET, reason="a key was printed")
            refused = await olivia.post(f"{DESK}/purge/", **hidden_fields(asked.text))
        assert refused.status_code == 503
        assert "EXT_DEBUG_PURGE_REDIS_URL" in refused.text
        assert client.xlen(KEY) == 1
    failed = await AuditRecord.objects.aget(action="stream.purge_failed")
    assert "ACL" in failed.data["failure"]
    with redis.Redis.from_url(roles["CONSOLE"]) as direct, pytest.raises(redis.ResponseError):
        direct.xtrim(KEY, minid="9")
