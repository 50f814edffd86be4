"""A range of time through a running server: counted, told to its end, played, and gone on from."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
from asgiref.sync import sync_to_async

from extdebug.demo.sample import Cast
from extdebug.wire.events import iso
from policies.models import Install
from tests.extdebug.test_live import KEY, entry, receive, watching
from tests.fixtures.console import Console
from tests.fixtures.redis import RedisServer

MINUTE = 60_000
STREAM = "/api/ext-debug/stream"
QUERY = {"extensionId": "invoice-sync", "tenantId": "acme"}


def write(client: Any, *, now: int) -> Counter[int]:
    """Ten minutes of lines, her install's and others'; hers by minute and level."""
    hers: Counter[int] = Counter()
    for number in range(120):
        at = now - 10 * MINUTE + number * 5000
        level = "error" if number % 4 == 0 else "info"
        client.xadd(KEY, entry(f"line {number}", level=level), id=f"{at}-1")
        client.xadd(KEY, entry("theirs", install="inst-hidden"), id=f"{at}-2")
        client.xadd("ext-debug:globex:invoice-sync", entry("x", tenant="globex"), id=f"{at}-1")
        hers[at // MINUTE] += 1
    return hers


async def told(socket: Any, state: str) -> list[str]:
    """Messages up to a status of this state."""
    messages: list[str] = []
    while True:
        frame = await receive(socket, "", within=20)
        if "seq" in frame:
            await socket.send(json.dumps({"type": "ack", "seq": frame["seq"]}))
        if frame["type"] == "events":
            messages += [event["message"] for event in frame["events"]]
        if frame["type"] == "status" and frame["state"] == state:
            return messages


async def test_a_range_is_counted_told_to_its_end_played_and_gone_on_from(
    live_console: Callable[..., Console], redis_server: RedisServer, cast: Cast
) -> None:
    await Install.objects.acreate(
        key="inst-hidden", name="Hidden", tenant=cast.acme, extension=cast.invoice_sync
    )
    console = await sync_to_async(live_console)(redis_url=redis_server.url)
    now = int(time.time() * 1000)
    with redis_server.client() as client:
        hers = write(client, now=now)
    begin, end = now - 4 * MINUTE, now - 4 * MINUTE + 30_000
    expected = [f"line {n}" for n in range(72, 78)]

    async with watching(
        console, cast.dora, **{"from": {"time": iso(begin)}, "until": iso(end)}
    ) as socket:
        assert await told(socket, "end_of_range") == expected
        # Counted over all that is kept, for what she may see and nothing else.
        await socket.send(json.dumps({"type": "overview", "id": "o", "bucket": 60}))
        answer = await receive(socket, "overview")
        first = _ms(answer["since"]) // MINUTE
        found = {first + bucket["n"]: sum(bucket["levels"]) for bucket in answer["buckets"]}
        assert answer["done"]
        assert found == dict(hers)
        assert sum(bucket["levels"][4] for bucket in answer["buckets"]) == 30
        # The same again in a quarter of the time; silences of 5 s become 1.25 s.
        began = time.monotonic()
        again = {"from": {"time": iso(begin)}, "until": iso(begin + 10_001), "speed": 4}
        await socket.send(json.dumps({"type": "filter", "filter": {"rev": 2}, **again}))
        assert await told(socket, "playing") == []
        assert await told(socket, "end_of_range") == expected[:3]
        assert 2.4 <= time.monotonic() - began < 9, "10 s of lines, four times as fast"
        # Back to live, from where it stands: nothing twice, nothing left out.
        await socket.send(json.dumps({"type": "filter", "filter": {"rev": 3}}))
        assert await told(socket, "live") == [f"line {n}" for n in range(75, 120)]
        await socket.send(json.dumps({"type": "filter", "filter": {}, "until": "14:03"}))
        refused = await receive(socket, "error")
        assert refused["code"] == "bad_message"
        assert "until: expected ISO 8601" in refused["message"]

    headers = await sync_to_async(console.headers)(cast.dora)
    async with httpx.AsyncClient(base_url=console.url, headers=headers, timeout=20) as http:
        query = {**QUERY, "since": iso(begin), "until": iso(end)}
        body = (await http.get(STREAM, params=query)).text
        lines = [json.loads(line[6:]) for line in body.splitlines() if line.startswith("data: ")]
        assert [line["message"] for line in lines if "stream" in line] == expected
        assert (lines[-1]["reason"], lines[-1]["final"]) == ("end_of_range", True)
        last = [line[4:] for line in body.splitlines() if line.startswith("id: ")][-1]
        back = await http.get(STREAM, params=query, headers={"Last-Event-ID": last})
        assert (back.status_code, back.json()["reason"]) == (410, "end_of_range")
        wrong = await http.get(STREAM, params={**query, "until": iso(begin)})
        assert wrong.status_code == 400
        assert "until: expected a time after since" in wrong.json()["message"]


def _ms(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)
