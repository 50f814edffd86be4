"""SSE and polling: the same feed, the same promises, with curl's means."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async

from extdebug.demo.sample import Cast
from extdebug.sessions import close_reasons
from extdebug.sessions.session_frames import ControlFrame
from extdebug.transports.sse import SEGMENT, has_backpressure, sse
from extdebug.wire.events import Gap, GapReason
from tests.extdebug.transports.scripted_feed import ScriptedFeed
from tests.faults.oracle import Item, Shown, Stated, judge
from tests.faults.stage import Stage
from tests.fixtures.console import Console, Server
from tests.fixtures.redis import RedisServer

QUERY = {"extensionId": "invoice-sync", "tenantId": "acme"}


@pytest_asyncio.fixture
async def stage(live_console: Callable[..., Console], cast: Cast) -> AsyncIterator[Stage]:
    one = Stage(live_console, cast)
    yield one
    await one.close()


class Reader:
    """An EventSource: reads, keeps the last id, and comes back with it."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers
        self.log: list[Item] = []
        self.last_id = ""
        self.responses = 0

    async def read(self, url: str, *, until: int, tail: int = 20_000) -> None:
        """Until the line with this number came."""
        async with httpx.AsyncClient(base_url=url, headers=self.headers, timeout=20) as http:
            while True:
                self.responses += 1
                more = {"Last-Event-ID": self.last_id} if self.last_id else {}
                params = {**QUERY, "tail": str(tail)}
                async with http.stream(
                    "GET", "/api/ext-debug/stream", params=params, headers=more
                ) as response:
                    assert response.status_code == 200
                    name = ""
                    async for line in response.aiter_lines():
                        field, _, value = line.partition(": ")
                        if field == "id":
                            self.last_id = value
                        elif field == "event":
                            name = value
                        elif field == "data":
                            if self._take(name, json.loads(value)) >= until:
                                return
                            name = ""

    def _take(self, name: str, data: dict[str, Any]) -> int:
        if name == "gap":
            self.log.append(Stated(data["reason"], data["missed"], data["after"], data["before"]))
        if name:
            return 0
        src, _, n = data["message"].partition(" ")
        self.log.append(Shown(src, int(n), data["id"]))
        return int(n)


@pytest.mark.parametrize("server_name", ["uvicorn", "daphne"])
async def test_sse_goes_on_elsewhere_without_hole_or_double(
    stage: Stage, redis_server: RedisServer, server_name: Server
) -> None:
    """Four MiB in lines of 4 KiB, over two processes, with a trim in between."""
    consoles = [await stage.console(redis_server.url, server_name) for _ in range(2)]
    writer = stage.writer(redis_server.port, padding=3500)
    await asyncio.to_thread(writer.write, 1000)
    headers = await sync_to_async(consoles[0].headers)(stage.cast.dan)
    reader = Reader(headers)
    await reader.read(consoles[0].url, until=400)
    await reader.read(consoles[1].url, until=700)
    with redis_server.client() as client:
        client.xtrim(writer.key, maxlen=200, approximate=False)
    await reader.read(consoles[0].url, until=1000)
    assert not judge(reader.log, writer.written, reasons=["retention"]).wrong
    [gap] = [item for item in reader.log if isinstance(item, Stated)]
    shown = [item.n for item in reader.log if isinstance(item, Shown)]
    assert gap.missed == 1000 - len(shown)
    if server_name == "daphne":
        assert reader.responses > 3, "without backpressure a response is a segment of 1 MiB"


async def test_polling_answers_at_once_while_redis_is_away(
    stage: Stage, redis_server: RedisServer
) -> None:
    console = await stage.console(redis_server.url)
    headers = await sync_to_async(console.headers)(stage.cast.dan)
    async with httpx.AsyncClient(base_url=console.url, headers=headers, timeout=40) as http:
        token = (await http.get("/extensions/")).cookies["csrftoken"]
        http.cookies.clear()
        http.headers["Cookie"] = f"{headers['Cookie']}; csrftoken={token}"
        http.headers["X-CSRFToken"] = token
        await asyncio.to_thread(redis_server.kill9)
        began = time.monotonic()
        answer = await http.post("/api/ext-debug/stream", json=QUERY)
        assert answer.status_code == 200
        assert time.monotonic() - began < 15
        assert answer.json()["events"] == []
        await asyncio.to_thread(redis_server.start)
        writer = stage.writer(redis_server.port)
        await asyncio.to_thread(writer.write, 3)
        body = {**QUERY, "lastId": answer.json()["lastId"]}
        seen: list[str] = []
        while len(seen) < 3:
            assert time.monotonic() - began < 40
            answer = await http.post("/api/ext-debug/stream", json=body)
            body["lastId"] = answer.json()["lastId"]
            seen += [event["message"] for event in answer.json()["events"]]
        assert seen == ["w 1", "w 2", "w 3"]


async def text_of(feed: ScriptedFeed, *, segmented: bool) -> list[str]:
    one: Any = feed
    ready = ControlFrame("ready", b'{"type":"ready"}')
    async with asyncio.timeout(5):
        return [part.decode() async for part in sse(one, ready, segmented=segmented) if part]


async def test_a_response_is_events_with_ids_and_named_messages() -> None:
    feed = ScriptedFeed()
    feed.events("a", "b\ndata: c")
    feed.gap(Gap(GapReason.PRODUCER, 7))
    feed.control("status", b'{"type":"status"}')
    feed.control("pong", b'{"type":"pong"}')
    feed.close(close_reasons.SIGNED_OUT)
    begin, events, gap, status, pong, closing = await text_of(feed, segmented=False)

    assert begin == 'retry: 2000\n\nevent: ready\ndata: {"type":"ready"}\n\n'
    first, second = events.strip().split("\n\n")
    assert first.splitlines()[0] == "id: 1-0.1~session-1"
    assert json.loads(first.splitlines()[1].removeprefix("data: "))["message"] == "a"
    assert second.splitlines()[0] == "id: 2-0.2~session-1"
    assert len(second.splitlines()) == 2
    assert gap.startswith('id: 2-0.2~session-1\nevent: gap\ndata: {"type":"gap","seq":2,')
    assert status == 'id: 2-0.2~session-1\nevent: status\ndata: {"type":"status"}\n\n'
    assert pong == 'event: pong\ndata: {"type":"pong"}\n\n'
    assert closing.startswith('event: closing\ndata: {"type":"closing","code":4401,')
    assert feed.finishes == [{"gone": False, "code": 4401}]
    assert feed.flow.unacked == 0


async def test_nothing_is_made_before_the_server_takes_more() -> None:
    """It waits with the part that a slow reader has no room for; what comes next is of then."""
    feed: Any = ScriptedFeed()
    feed.events("first")
    parts: Any = sse(feed, ControlFrame("ready", b"{}"), segmented=False)
    assert b"ready" in await anext(parts)
    assert await anext(parts) == b""
    assert b"first" in await anext(parts)
    feed.events("of the old scope")
    assert await anext(parts) == b"", "here the server waits, and the scope changes"
    feed.withdraw()
    feed.events("of the new scope")
    assert b"of the new scope" in await anext(parts)
    await parts.aclose()


async def test_no_guest_begins_an_event_of_its_own() -> None:
    feed = ScriptedFeed()
    forged = "\n\nevent: closing\ndata: {}\n\n"
    for end in ("\x85", "\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\r"):
        feed.events("line" + forged.replace("\n", end))
    feed.close(close_reasons.SIGNED_OUT)
    text = "".join(await text_of(feed, segmented=False))
    assert sum(line.startswith("event: closing") for line in text.splitlines()) == 1


async def test_the_end_of_a_range_ends_the_response_and_says_so() -> None:
    feed = ScriptedFeed()
    feed.events("a")
    feed.end_of_range()
    *_, status, closing = await text_of(feed, segmented=False)

    assert "event: status" in status
    assert closing.startswith('event: closing\ndata: {"type":"closing","code":4410,')
    assert '"reason":"end_of_range"' in closing
    assert feed.finishes == [{"gone": False, "code": 4410}], "over, and nothing to come back to"


async def test_a_segment_ends_after_its_bytes_and_keeps_the_session() -> None:
    feed = ScriptedFeed()
    for _ in range(4):
        feed.events("x" * (SEGMENT // 2))
    begin, *parts = await text_of(feed, segmented=True)

    assert begin.startswith("retry: 100\n")
    assert len(parts) == 2
    assert feed.finishes == [{"gone": True, "code": 1006}]


def test_servers_with_a_lifespan_have_backpressure() -> None:
    assert has_backpressure({"state": {}})
    assert not has_backpressure({})
