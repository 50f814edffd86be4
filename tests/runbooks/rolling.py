"""Rolls consoles as docs/operations.md has it, and holds a watcher to having noticed nothing."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace

import httpx

from tests.faults.stage import Stage
from tests.faults.watcher import Watcher
from tests.faults.writer import Writer
from tests.fixtures.console import Console


async def roll(old: Console, fresh: Console, *watchers: Watcher) -> None:
    """`fresh` is ready, `old` gets SIGTERM, and its watchers come back with their cookie."""
    async with httpx.AsyncClient() as http:
        ready = await http.get(f"{fresh.url}/readyz", timeout=20)
    assert ready.status_code == 200, ready.text
    for one in watchers:
        one.doors = [
            replace(door, url=fresh.ws_url, origin=fresh.origin) if door.url == old.ws_url else door
            for door in one.doors
        ]
    assert await asyncio.to_thread(old.stop) in (0, -signal.SIGTERM)
    for one in watchers:
        await one.live()


def sessions(watcher: Watcher) -> set[str]:
    return {frame["session"] for _, frame in watcher.frames if frame["type"] == "ready"}


async def noticed_nothing(stage: Stage, watcher: Watcher, writer: Writer) -> None:
    """Every line once and in order, no gap, and the session that was opened first."""
    writer.stop()
    await stage.settle(watcher, writer=writer)
    (verdict,) = stage.judge(watcher)
    assert (verdict.doubled, verdict.lost_total, watcher.gaps) == (0, 0, [])
    assert verdict.delivered > 0
    assert len(sessions(watcher)) == 1
