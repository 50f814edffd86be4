"""A new redaction rule holds for all that leaves after it, however far behind a session is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async

from extdebug.demo.sample import Cast
from policies.models import RedactionRule
from tests.extdebug.test_live import KEY, entry, receive, watching
from tests.fixtures.console import Console
from tests.fixtures.redis import RedisServer

LINES = 3000  # of 400 bytes: several times the window, so that history, ring and page all wait


async def until_nothing_comes(socket: Any) -> list[dict[str, Any]]:
    """Frames until the window is full; nothing is acknowledged."""
    frames: list[dict[str, Any]] = []
    while True:
        try:
            async with asyncio.timeout(1.0):
                frames.append(json.loads(await socket.recv()))
        except TimeoutError:
            return frames


def messages(frames: list[dict[str, Any]]) -> list[str]:
    return [event["message"] for frame in frames for event in frame.get("events", ())]


async def test_a_session_that_is_behind_gets_the_rest_under_the_new_rule(
    live_console: Callable[..., Console], redis_server: RedisServer, cast: Cast
) -> None:
    """A second watcher, who keeps up, says when this process has the rule."""
    console = await sync_to_async(live_console)(redis_url=redis_server.url)
    with redis_server.client() as client:

        def write(first: int, count: int) -> None:
            with client.pipeline(transaction=False) as several:
                for n in range(first, first + count):
                    several.xadd(KEY, entry(f"line {n} secret-{n} {'x' * 380}"))
                several.execute()

        await asyncio.to_thread(write, 0, LINES)
        async with (
            watching(console, cast.dan, **{"from": {"cursor": "0-0"}}) as behind,
            watching(console, cast.dan, **{"from": "now"}) as keeps_up,
        ):
            await receive(behind, "ready")
            early = await until_nothing_comes(behind)
            assert 0 < len(messages(early)) < LINES
            for number in range(3):  # pages take the window, too: not all of them fit
                await behind.send(json.dumps({"type": "fetch", "id": f"p{number}", "limit": 400}))
            early += await until_nothing_comes(behind)
            await asyncio.to_thread(write, LINES, 200)  # into the ring behind the history
            await RedactionRule.objects.acreate(
                name="own", pattern=r"secret-\d+", example="secret-1"
            )
            await until_masked(keeps_up, client)
            late = await the_rest(behind, early)
        assert any("secret-" in message for message in messages(early))
        assert not [message for message in messages(late) if "secret-" in message]
        assert {frame["type"] for frame in late} >= {"events", "page"}
        told = {message.split()[1] for message in messages([*early, *late]) if message[0] == "l"}
        assert told == {str(n) for n in range(LINES + 200)}, "and nothing is lost over it"


async def until_masked(socket: Any, client: Any) -> None:
    async with asyncio.timeout(10):
        while True:
            await asyncio.to_thread(client.xadd, KEY, entry("probe secret-0"))
            frame = await receive(socket, "events")
            await socket.send(json.dumps({"type": "ack", "seq": frame["seq"]}))
            if any("probe" in m and "secret-0" not in m for m in messages([frame])):
                return


async def the_rest(socket: Any, early: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What comes once the window opens, up to the last line written."""
    seq = max(frame["seq"] for frame in early if "seq" in frame)
    late: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while not any(f"line {LINES + 199} " in message for message in messages(late)):
            await socket.send(json.dumps({"type": "ack", "seq": seq}))
            late.append(json.loads(await socket.recv()))
            seq = late[-1].get("seq", seq)
    return late
