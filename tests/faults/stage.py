"""What every row of the fault suite is played on: processes, people, and the verdict."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final

from asgiref.sync import sync_to_async

from extdebug.demo.sample import Cast
from tests.faults.oracle import Verdict, judge
from tests.faults.proxy import Proxy
from tests.faults.watcher import Door, Watcher
from tests.faults.writer import Writer
from tests.fixtures.console import Console

LONG: Final = os.environ.get("FAULTS_LONG", "") not in ("", "0")
COLUMNS: Final = ("fault", "expected", "seen", "lost", "doubled", "recovered")
STEADY: Final = 10.0 if LONG else 0.5  # seconds of traffic before and after a fault


class Stage:
    """Starts what a row needs and ends it; `judge` holds every watcher against every writer."""

    def __init__(self, live_console: Callable[..., Console], cast: Cast) -> None:
        self.cast = cast
        self.rows: list[tuple[str, ...]] = []
        self.watchers: list[Watcher] = []
        self.writers: list[Writer] = []
        self._live_console = live_console
        self._stack = AsyncExitStack()

    async def close(self) -> None:
        for writer in self.writers:
            await asyncio.to_thread(writer.close)
        await self._stack.aclose()

    # --- actors -------------------------------------------------------------------------------

    async def console(self, url: str, server: str = "uvicorn", **environment: str) -> Console:
        return await sync_to_async(self._live_console)(server, redis_url=url, **environment)

    async def proxy(self, target: int) -> Proxy:
        return await self._stack.enter_async_context(Proxy(target))

    async def door(self, console: Console, user: Any, *, through: Proxy | None = None) -> Door:
        headers = await sync_to_async(console.headers)(user)
        url = console.ws_url
        if through is not None:
            url = url.replace(str(console.port), str(through.port))
        return Door(url, headers["Origin"], headers.get("Cookie", ""))

    async def watcher(
        self,
        *consoles: Console,
        user: Any = None,
        live: bool = True,
        through: Proxy | None = None,
        **options: Any,
    ) -> Watcher:
        """A watcher of acme's invoice-sync (or `target`), live unless told otherwise."""
        user = user or self.cast.dan
        doors = [await self.door(console, user, through=through) for console in consoles]
        watcher = await self._stack.enter_async_context(Watcher(doors, **options))
        self.watchers.append(watcher)
        return await watcher.live() if live else watcher

    def writer(self, port: int, **options: Any) -> Writer:
        writer = Writer(port, **options)
        self.writers.append(writer)
        return writer

    # --- acts ---------------------------------------------------------------------------------

    async def steady(self, seconds: float = STEADY) -> None:
        """Traffic without fault. Nothing is waited for: this is how long a row is."""
        await asyncio.sleep(seconds)

    async def settle(self, *watchers: Watcher, writer: Writer, within: float = 15) -> None:
        """Until each watcher was shown the newest number that was surely written."""
        for watcher in watchers or self.watchers:
            last = writer.last
            await watcher.until(
                lambda: any(i.src == writer.src and i.n >= last for i in reversed(watcher.shown)),  # noqa: B023
                within=within, what=f"{writer.src} {last} is shown",
            )  # fmt: skip

    async def recovery(self, watcher: Watcher, *, within: float = 10) -> float:
        """Seconds until the next event is shown from now on."""
        known = len(watcher.events_at)
        return await watcher.until(
            lambda: len(watcher.events_at) > known, within=within, what="events flow again"
        )

    # --- the verdict --------------------------------------------------------------------------

    def judge(
        self,
        *watchers: Watcher,
        reasons: Mapping[str, Collection[str]] | Collection[str] = (),
        writers: Collection[Writer] = (),
        first: Mapping[str, int] | None = None,
    ) -> list[Verdict]:
        """One verdict for each watcher; fails with what the oracle found wrong."""
        written = [one for writer in writers or self.writers for one in writer.written]
        verdicts = []
        for watcher in watchers or self.watchers:
            since = first
            if since is not None and watcher.shown:  # a later one answers from its first event on
                item = watcher.shown[0]
                since = {item.src: item.n}
            verdict = judge(watcher.log, written, reasons=reasons, first=since)
            verdict.wrong += watcher.wrong
            assert not verdict.wrong, (verdict.wrong[:10], watcher.gaps, len(written))
            verdicts.append(verdict)
        return verdicts

    def row(
        self,
        fault: str,
        *,
        expected: str,
        verdicts: Collection[Verdict],
        seen: str = "",
        recovered: float | None = None,
    ) -> None:
        """One line of the table."""
        lost: Counter[str] = sum((verdict.lost for verdict in verdicts), Counter())
        said = ", ".join(f"{count} {reason}" for reason, count in sorted(lost.items())) or "0"
        doubled = sum(verdict.doubled for verdict in verdicts)
        delivered = sum(verdict.delivered for verdict in verdicts)
        self.rows.append(
            (
                fault,
                expected,
                seen or f"{delivered} delivered to {len(verdicts)}",
                said,
                str(doubled),
                "-" if recovered is None else f"{recovered:.2f} s",
            )
        )


async def poll(condition: Callable[[], Any], *, within: float, what: str) -> float:
    """Ask `condition` (synchronous, may use the database) until it is true; how long it took."""
    began = time.monotonic()
    ask = sync_to_async(condition)
    while not await ask():
        if time.monotonic() - began > within:
            raise AssertionError(f"not within {within} s: {what}")
        await asyncio.sleep(0.02)
    return time.monotonic() - began


def memory(pid: int) -> int:
    """Resident bytes of a process."""
    with contextlib.closing(open(f"/proc/{pid}/status")) as status:  # noqa: PTH123
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    raise AssertionError(f"process {pid} has no memory")
