"""Watchers by SSE and by polling, from docs/protocol.md alone. Import nothing of the product.

Both keep the log that `watcher.Watcher` keeps, roam the same way, and never give up.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from tests.faults.oracle import Item, Shown, Stated
from tests.faults.session_oracle import place

TARGET: Final = {"extensionId": "invoice-sync", "tenantId": "acme"}
WAIT: Final = 0.5  # seconds a poll may wait for its first event


@dataclass(frozen=True, slots=True)
class HttpDoor:
    """Where a console listens, and the bearer token it accepts."""

    url: str
    token: str

    @property
    def stream(self) -> str:
        return f"{self.url}/api/ext-debug/stream"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


class HttpWatcher:
    """What SSE and polling have in common. Use as an async context manager."""

    def __init__(self, doors: Sequence[HttpDoor], *, seed: int) -> None:
        self.doors = list(doors)
        self.log: list[Item] = []
        self.when: list[float] = []
        self.closings: list[dict[str, Any]] = []
        self.wrong: list[str] = []
        self.last_id: str | None = None
        self.connected = asyncio.Event()
        self._chance = random.Random(seed)
        self._door = 0
        self._may_connect = asyncio.Event()
        self._may_connect.set()
        self._ended = False
        self._work: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> HttpWatcher:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ended = True
        for task in (self._task, self._work):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, httpx.HTTPError):
                    await task

    def leave(self) -> None:
        """Lose the connection and stay away until `come_back`."""
        self._may_connect.clear()
        if self._work is not None:
            self._work.cancel()

    def come_back(self) -> None:
        self._may_connect.set()

    async def _run(self) -> None:
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(timeout=httpx.Timeout(30, connect=3), limits=limits) as http:
            while True:
                await self._may_connect.wait()
                door = self.doors[self._door % len(self.doors)]
                self._work = asyncio.create_task(self._connect(http, door))
                try:
                    await asyncio.shield(self._work)
                except httpx.HTTPError:
                    pass
                except asyncio.CancelledError:
                    if self._ended or not self._work.cancelled():  # else: only the connection
                        raise
                self._door += 1
                await asyncio.sleep(self._pause())

    def _pause(self) -> float:
        closing = self.closings[-1] if self.closings else {}
        if "_used" not in closing:
            closing["_used"] = True
            if closing.get("retry"):
                return float(closing["retry"])
        return self._chance.uniform(0.05, 0.3)

    async def _connect(self, http: httpx.AsyncClient, door: HttpDoor) -> None:
        raise NotImplementedError

    def _keep(self, item: Item) -> None:
        self.log.append(item)
        self.when.append(time.monotonic())

    def _refused(self, response: httpx.Response) -> None:
        """A refusal is the `closing` object; anything else is no answer of the protocol."""
        try:
            closing = response.json()
        except ValueError:
            self.wrong.append(f"answered {response.status_code} {response.text[:200]!r}")
        else:
            self._close(closing)

    def _close(self, closing: dict[str, Any]) -> None:
        self.closings.append(closing)


def shown(event: dict[str, Any]) -> Shown | None:
    src, _, n = event["message"].partition(" ")
    return Shown(src, int(n), event["id"]) if n.isdigit() else None


def stated(frame: dict[str, Any]) -> Stated:
    return Stated(frame["reason"], frame["missed"], frame["after"], frame["before"])


class SseWatcher(HttpWatcher):
    """An EventSource: comes back with the id of the last event it was given."""

    async def _connect(self, http: httpx.AsyncClient, door: HttpDoor) -> None:
        headers = dict(door.headers)
        if self.last_id is not None:
            headers["Last-Event-ID"] = self.last_id
        params = {**TARGET, "tail": "0"}
        async with http.stream("GET", door.stream, params=params, headers=headers) as response:
            if response.status_code != 200:
                await response.aread()
                self._refused(response)
                return
            event: dict[str, str] = {}
            async for line in response.aiter_lines():
                if not line:
                    self._take(event)
                    event = {}
                elif not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    event[name] = value

    def _take(self, event: dict[str, str]) -> None:
        kind = event.get("event", "message")
        data = json.loads(event["data"]) if "data" in event else {}
        if kind == "message" and data:
            item = shown(data)
            if item is not None:
                self._keep(item)
        elif kind == "gap":
            self._keep(stated(data))
        elif kind == "closing":
            self._close(data)
        elif kind == "status" and data.get("state") == "live":
            self.connected.set()
        if "id" in event:  # an EventSource keeps it whatever the event is
            self.last_id = event["id"]


class PollingWatcher(HttpWatcher):
    """Asks, reads, thinks and asks again with the `lastId` of the answer before."""

    async def _connect(self, http: httpx.AsyncClient, door: HttpDoor) -> None:
        body = {**TARGET, "wait": WAIT}
        body |= {"lastId": self.last_id} if self.last_id else {"tail": 0}
        response = await http.post(door.stream, json=body, headers=door.headers)
        if response.status_code != 200:
            self._refused(response)
            return
        answer = response.json()
        for item in merged(answer["events"], answer["gaps"]):
            self._keep(item)
        self.last_id = answer["lastId"]
        if answer["closing"]:
            self._close(answer["closing"])
        self.connected.set()


def merged(events: Sequence[dict[str, Any]], gaps: Sequence[dict[str, Any]]) -> list[Item]:
    """An answer's events and gaps as one log: each gap before the first event that follows it."""
    waiting = [stated(gap) for gap in gaps]
    log: list[Item] = []
    for event in events:
        while waiting and _precedes(waiting[0], event["id"]):
            log.append(waiting.pop(0))
        item = shown(event)
        if item is not None:
            log.append(item)
    return [*log, *waiting]


def _precedes(gap: Stated, id: str) -> bool:
    if gap.before is not None:
        return place(id) >= place(gap.before)
    return gap.after is None or place(id) > place(gap.after)
