"""A client of `ext-debug.v1`, written from the protocol's description alone.

Acknowledges, keeps its cursor, comes back with it when a connection ends without being final, and
keeps a log for the oracle. Imports nothing of the product.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.faults.oracle import Item, Shown, Stated


@dataclass(frozen=True, slots=True)
class Door:
    """Where a console listens, and the origin and cookie it accepts."""

    url: str
    origin: str
    cookie: str


class Watcher:
    """One person's console page. Use as an async context manager."""

    def __init__(
        self,
        doors: Sequence[Door],
        *,
        target: tuple[str, str] = ("acme", "invoice-sync"),
        start: object = "now",
        filter: dict[str, Any] | None = None,
        resume: bool = True,
        acks: bool = True,
        buffer: int | None = None,
    ) -> None:
        """`buffer`: bytes the kernel may hold for us; small ones make a stall a zero window."""
        self.doors = list(doors)
        self.target = target
        self.start = start
        self.speed: float | None = None  # the stream is played, this many times as fast
        self.filter = filter or {}
        self.resume = resume
        self.acks = acks
        self.buffer = buffer
        self.rev: int | None = None  # of the newest filter asked for, once one was asked for
        self._reading = asyncio.Event()
        self._reading.set()
        self._may_connect = asyncio.Event()
        self._may_connect.set()
        self.log: list[Item] = []
        self.when: list[float] = []  # of each item of the log: when it came
        self.frames: list[tuple[float, dict[str, Any]]] = []  # all but events and gaps
        self.events_at: list[tuple[float, int]] = []  # when, and how many
        self.wrong: list[str] = []
        self.closings: list[dict[str, Any]] = []
        self.connections = 0
        self.lost: list[str] = []  # how each connection ended
        self.cursor: str | None = None
        self.session: str | None = None
        self.state = ""
        self.message = ""
        self.socket: ClientConnection | None = None
        self._seq = 0
        self._door = 0
        self._shown_here = 0
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Watcher:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def open_again(self) -> None:
        """After a final end: as a person who presses "connect" would, from the same place."""
        if self._task is not None:
            await self._task
        self.session = None
        self._task = asyncio.create_task(self._run())

    # --- what tests ask -----------------------------------------------------------------------

    @property
    def shown(self) -> list[Shown]:
        return [item for item in self.log if isinstance(item, Shown)]

    @property
    def gaps(self) -> list[Stated]:
        return [item for item in self.log if isinstance(item, Stated)]

    async def until(
        self, condition: Callable[[], object], *, within: float = 10, what: str = ""
    ) -> float:
        """Wait for a condition over what was received; how long it took."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(within):
                while not condition():
                    self._changed.clear()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._changed.wait(), 0.05)
        except TimeoutError:
            raise AssertionError(
                f"not within {within} s: {what or condition}; state {self.state} ({self.message}), "
                f"{len(self.shown)} shown, gaps {self.gaps[-5:]}, closings {self.closings[-3:]}"
            ) from None
        return time.monotonic() - began

    async def live(self) -> Watcher:
        await self.until(lambda: self.state == "live", what="live")
        return self

    async def send(self, kind: str, **more: Any) -> None:
        assert self.socket is not None
        await self.socket.send(json.dumps({"type": kind, **more}))

    async def pong(self, *, within: float = 5) -> float:
        """How long a ping takes now."""
        known = len(self.frames)
        await self.send("ping")
        kinds = lambda: [frame["type"] for _, frame in self.frames[known:]]  # noqa: E731
        return await self.until(lambda: "pong" in kinds(), within=within, what="pong")

    async def ledger(self) -> dict[str, Any]:
        """The account of this connection, once all was sent that there is."""
        known = len(self.frames)

        def answer() -> list[dict[str, Any]]:
            return [
                frame for _, frame in self.frames[known:]
                if frame["type"] == "status" and frame["state"] == "paused"
            ]  # fmt: skip

        await self.send("pause")
        await self.until(answer, what="a paused status")
        ledger: dict[str, Any] = answer()[-1]["ledger"]
        await self.send("resume")
        return ledger

    def cut(self) -> None:
        """Lose the connection without a goodbye."""
        assert self.socket is not None
        self.socket.transport.abort()

    def leave(self) -> None:
        """Lose the connection and stay away until `come_back`."""
        self._may_connect.clear()
        if self.socket is not None:
            self.cut()

    def come_back(self) -> None:
        self._may_connect.set()

    async def ask_for(self, filter: dict[str, Any]) -> None:
        """Another filter; it is asked for again when the connection is lost meanwhile."""
        self.rev = (self.rev or 0) + 1
        self.filter = {**filter, "rev": self.rev}
        if self.socket is not None:
            with contextlib.suppress(ConnectionClosed):
                await self.send("filter", filter=self.filter)

    async def acknowledge(self) -> None:
        """Everything that came on this connection."""
        if self.socket is not None and self._seq:
            with contextlib.suppress(ConnectionClosed):
                await self.send("ack", seq=self._seq)

    def stall(self) -> None:
        """Stop reading: nothing is acknowledged and the receive window closes."""
        self._reading.clear()

    def go_on(self) -> None:
        self._reading.set()

    # --- the connection -----------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            await self._may_connect.wait()
            retry: float | None = None
            try:
                await self._connect()
            except (OSError, InvalidHandshake, ConnectionClosed, TimeoutError, EOFError) as error:
                self.lost.append(f"{type(error).__name__}: {error}")
            else:
                self.lost.append("closed")
            self.socket = None
            self.state = "away"
            if self.closings and self.closings[-1].get("_of") == self.connections:
                closing = self.closings[-1]
                if closing["final"]:
                    self._changed.set()
                    return
                retry = closing.get("retry")
            self._door = (self._door + 1) % len(self.doors)
            await asyncio.sleep(retry if retry is not None else random.uniform(0.05, 0.2))

    async def _connect(self) -> None:
        door = self.doors[self._door]
        async with connect(
            door.url,
            origin=door.origin,  # type: ignore[arg-type]
            additional_headers={"Cookie": door.cookie},
            open_timeout=5,
            close_timeout=0.5,
            ping_interval=None,
            max_size=None,
            max_queue=2,
            sock=await self._dial(door),
        ) as connection:
            self.connections += 1
            self._seq = self._shown_here = 0
            await connection.send(json.dumps(self._subscribe()))
            self.socket = connection
            async for text in connection:
                await self._take(json.loads(text), connection)
                self._changed.set()
                await self._reading.wait()

    async def _dial(self, door: Door) -> socket.socket:
        parts = urlsplit(door.url)
        sock = socket.socket()
        sock.setblocking(False)
        if self.buffer is not None:  # before connecting: later ones do not shrink the window
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.buffer)
        try:
            async with asyncio.timeout(5):
                await asyncio.get_running_loop().sock_connect(sock, (parts.hostname, parts.port))
        except BaseException:
            sock.close()
            raise
        return sock

    def _subscribe(self) -> dict[str, Any]:
        tenant, extension = self.target
        frame: dict[str, Any] = {
            "type": "subscribe",
            "target": {"tenant": tenant, "extension": extension},
            "from": self.start if self.cursor is None else {"cursor": self.cursor},
            "filter": self.filter,
        }
        if self.resume and self.session is not None:
            frame["resume"] = self.session
        if self.speed is not None:
            frame["speed"] = self.speed
        return frame

    async def _take(self, frame: dict[str, Any], connection: ClientConnection) -> None:
        kind = frame["type"]
        if kind in ("events", "gap", "page") and "seq" in frame:
            if frame["seq"] != self._seq + 1:
                self.wrong.append(f"seq {frame['seq']} after {self._seq}")
            self._seq = frame["seq"]
        if kind == "events":
            self._show(frame)
        elif kind == "gap":
            self._keep(Stated(frame["reason"], frame["missed"], frame["after"], frame["before"]))
            self.cursor = frame["cursor"]
        else:
            self._note(frame)
        if self.acks and "seq" in frame:
            with contextlib.suppress(ConnectionClosed):  # what came before the end is still read
                await connection.send(json.dumps({"type": "ack", "seq": frame["seq"]}))

    def _keep(self, item: Item) -> None:
        self.log.append(item)
        self.when.append(time.monotonic())

    def _show(self, frame: dict[str, Any]) -> None:
        self.events_at.append((time.monotonic(), len(frame["events"])))
        self._shown_here += len(frame["events"])
        for event in frame["events"]:
            src, _, n = event["message"].partition(" ")
            if n.isdigit():
                self._keep(Shown(src, int(n), event["id"]))
        self.cursor = frame["cursor"]

    def _note(self, frame: dict[str, Any]) -> None:
        kind = frame["type"]
        self.frames.append((time.monotonic(), frame))
        if kind == "ready":
            if self.session is not None and self.resume:
                frame["_resumed_same"] = frame["session"] == self.session
            self.session = frame["session"]
        elif kind == "status":
            self.state, self.message = frame["state"], frame["message"]
            if frame["cursor"] is not None:
                self.cursor = frame["cursor"]
        elif kind == "closing":
            self.closings.append({**frame, "_of": self.connections})
