"""Measures the page on a running console: 5,000 events/s for 60 s in Chromium, 50,000 lines kept.

    python -m tests.bench.bench_page [--seconds 60] [--rate 5000] [--case lines --case find ...]

`manage.py serve`, a redis-server, a publisher and Chromium, all of the run's own. Each case is a
way to read: following, by requests, paused, scrolled up, and so on. A task is one turn of the
page's main thread; its CPU time comes from a trace and hardly depends on what else the machine
does, its wall time does. Exit code 1 when a task took over 50 ms of CPU, when fewer lines are kept
than could be, or when a published event is neither shown nor in a gap.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import redis

from tests.bench.page_lines import BURST, publish
from tests.bench.stage import STREAM, Stage
from tests.fixtures.programs import chromium_program

LONGEST_MS: Final = 50.0
KEPT: Final = 50_000
DRAINED_WITHIN: Final = 120  # s after the last line
FLAGS: Final = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
LONG_TASKS: Final = """() => {
  window.longTasks = [];
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.longTasks.push(task.duration);
  }).observe({ type: 'longtask', buffered: false });
}"""


# --- what it stands on --------------------------------------------------------------------------


@dataclass(frozen=True)
class Console:
    """A running console: its address, a signed-in author's cookie, its Redis."""

    url: str
    cookie: str
    redis_url: str


@contextmanager
def console(folder: Path) -> Iterator[Console]:
    """A console of the run's own."""
    with closing(Stage(folder)) as stage, stage.console() as server:
        yield Console(f"http://127.0.0.1:{server.port}", stage.people[0].cookie, stage.redis_url)


# --- what is measured ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Figures:
    """What one case cost the page, and whether it was whole."""

    published: int
    told: int  # shown or in gaps
    lost: dict[str, int]  # of these, in gaps, by the gap's words
    cpu_ms: list[float]  # of each task of the main thread
    wall_ms: list[float]  # of the tasks over 50 ms of wall time, as the page observed them
    kept: str
    heap_mb: float
    nodes: int
    behind: float  # s after the last line was published until all were told

    @property
    def longest(self) -> float:
        return max(self.cpu_ms, default=0.0)

    @property
    def over(self) -> int:
        return sum(task > LONGEST_MS for task in self.cpu_ms)

    @property
    def lines(self) -> int:
        """Lines kept, as the page says: a row may stand for several."""
        return int(self.kept.split()[0].replace(",", "")) if self.kept else 0

    @property
    def whole(self) -> bool:
        return self.told == self.published

    def __str__(self) -> str:
        ranked = sorted(self.cpu_ms, reverse=True)
        return (
            f"CPU of tasks: longest {', '.join(f'{ms:.0f}' for ms in ranked[:5])} ms, over 50 ms "
            f"{self.over}, over 16 ms {sum(ms > 16 for ms in ranked)}; "
            f"{sum(ranked) / max(self.told, 1) * 1000:.1f} us per event\n  wall: over 50 ms "
            f"{len(self.wall_ms)}, longest {max(self.wall_ms, default=0):.0f} ms; heap "
            f"{self.heap_mb:.0f} MB, {self.nodes} elements; all told {self.behind:.1f} s after the "
            f"last\n  {self.published} published, {self.told} told, of them in gaps {self.lost}; "
            f"{self.kept}"
        )


def cpu_of_tasks(trace: bytes) -> list[float]:
    """CPU milliseconds of every task of the page's main thread."""
    entries = json.loads(trace)["traceEvents"]
    mains = {
        (entry["pid"], entry["tid"])
        for entry in entries
        if entry.get("name") == "thread_name" and entry["args"]["name"] == "CrRendererMain"
    }
    return [
        entry["tdur"] / 1000
        for entry in entries
        if entry.get("name") == "ThreadControllerImpl::RunTask"
        and (entry["pid"], entry["tid"]) in mains
        and "tdur" in entry
    ]


async def account(page: Any) -> dict[str, int]:
    """The page's account: events "shown" and "filtered out", and in gaps by the gap's words."""
    counts: dict[str, int] = {}
    for part in await page.locator("#ledger span").all_inner_texts():
        first, _, what = part.partition(" ")
        counts[what] = 0 if first == "an" else int(first.replace(",", ""))
    return counts


def in_gaps(counts: dict[str, int]) -> dict[str, int]:
    """The part of an account that is in gaps."""
    seen = ("shown", "filtered out", "lost")  # "0 lost"
    return {what: count for what, count in counts.items() if what not in seen}


# --- the ways to read ---------------------------------------------------------------------------

Step = Callable[[Any], Awaitable[None]]


async def nothing(page: Any) -> None:
    """Follow the newest line."""


async def press_pause(page: Any) -> None:
    await page.keyboard.press("p")


async def scroll_up(page: Any) -> None:
    await page.hover("#lines")
    for _ in range(5):
        await page.mouse.wheel(0, -1500)


async def to_newest(page: Any) -> None:
    await page.evaluate("() => document.querySelector('#to-end').click()")


async def find(page: Any) -> None:
    await page.keyboard.press("Control+f")
    await page.keyboard.type("line 7")


async def do_much(page: Any) -> None:
    """What goes over all kept lines: folding, wrapping, another width, an export, the requests."""
    for key in ("x", "x", "w", "w", "t", "v", "v", "g", "G"):
        await page.keyboard.press(key)
        await page.wait_for_timeout(200)
    await page.set_viewport_size({"width": 1100, "height": 800})
    await page.evaluate("() => document.querySelector('[data-export=save-csv]').click()")
    await page.wait_for_timeout(1000)


@dataclass(frozen=True)
class Case:
    """A way to read: the address, what the reader does early, and what near the end."""

    query: str = ""
    early: Step = nothing
    late: Step = nothing


CASES: Final[dict[str, Case]] = {
    "lines": Case(),
    "requests": Case("view=requests"),
    "paused": Case(early=press_pause, late=press_pause),
    "reading": Case(early=scroll_up, late=to_newest),
    "filter": Case("q=lorem"),
    "find": Case(early=find),
    "columns": Case("cols=ms,path,user.id"),
    "busy": Case(early=do_much, late=do_much),
}
EARLY: Final = 0.4  # of the time: then the reader acts, with the lines kept so far
LATE: Final = 0.9


async def opened(browser: Any, at: Console, query: str) -> Any:
    """The page of the console, live, from a new profile that keeps KEPT lines."""
    context = await browser.new_context(viewport={"width": 1400, "height": 900})
    name, _, value = at.cookie.partition("=")
    await context.add_cookies([{"name": name, "value": value, "url": at.url}])
    await context.add_init_script(f"localStorage.setItem('ext-debug.kept', '{KEPT}')")
    page = await context.new_page()
    await page.goto(f"{at.url}/extensions/invoice-sync/debug?tenant=acme&from=now&{query}")
    await page.wait_for_selector("#state[data-state=live]", timeout=60_000)
    return page


async def measure(at: Console, browser: Any, case: Case, seconds: float, rate: int) -> Figures:
    """One case: publish, act, and wait until the page was told of all."""
    with redis.Redis.from_url(at.redis_url) as client:
        client.delete(STREAM)
    count = int(seconds * rate) // BURST * BURST
    page = await opened(browser, at, case.query)
    await page.evaluate(LONG_TASKS)
    await browser.start_tracing(page=page, categories=["toplevel"])
    began = time.monotonic()
    spawn = multiprocessing.get_context("spawn")
    publisher = spawn.Process(target=publish, args=(at.redis_url, count, rate))
    publisher.start()
    for part, act in ((EARLY, case.early), (LATE, case.late)):
        await asyncio.sleep(max(0.0, began + part * seconds - time.monotonic()))
        await act(page)
    await asyncio.to_thread(publisher.join)
    ended = time.monotonic()
    counts: dict[str, int] = {}
    while sum(counts.values()) < count and time.monotonic() - ended < DRAINED_WITHIN:
        await page.wait_for_timeout(500)
        counts = await account(page)
    behind = time.monotonic() - ended
    tasks = cpu_of_tasks(await browser.stop_tracing())
    wall = await page.evaluate("() => window.longTasks")
    kept = await page.inner_text("#kept")
    nodes = await page.evaluate("() => document.querySelectorAll('*').length")
    session = await page.context.new_cdp_session(page)
    await session.send("HeapProfiler.collectGarbage")
    heap = (await session.send("Runtime.getHeapUsage"))["usedSize"] / 1e6
    await page.context.close()
    told, lost = sum(counts.values()), in_gaps(counts)
    return Figures(count, told, lost, tasks, wall, kept, heap, nodes, behind)


async def run(at: Console, names: Sequence[str], seconds: float, rate: int) -> dict[str, Figures]:
    """The cases one after another, each in a browser of its own and printed as it ends."""
    from playwright.async_api import async_playwright

    seen = {}
    async with async_playwright() as playwright:
        for name in names:
            browser = await playwright.chromium.launch(
                executable_path=chromium_program(), args=FLAGS
            )
            seen[name] = await measure(at, browser, CASES[name], seconds, rate)
            await browser.close()
            print(f"{name}: {seen[name]}", flush=True)
    return seen


Line = tuple[str, float, str, bool]


def rows(seen: dict[str, Figures]) -> list[Line]:
    """(what, figure, unit, whether its goal is met) of each case, for a table of all benches."""
    table: list[Line] = []
    for name, each in seen.items():
        shown = min(KEPT, each.told - sum(each.lost.values()))
        full = each.lines >= shown or name == "filter" or bool(each.lost)  # a gap is a row too
        table += [
            (f"page, {name}: longest task, CPU", each.longest, "ms", each.longest <= LONGEST_MS),
            (f"page, {name}: tasks over 50 ms of CPU", each.over, "", each.over == 0),
            (f"page, {name}: lines kept", each.lines, "", full),
            (f"page, {name}: heap", each.heap_mb, "MB", True),
            (f"page, {name}: events shown or in gaps", each.told, "", each.whole),
        ]
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=int, default=5000)
    parser.add_argument("--case", choices=CASES, action="append")
    options = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    names = options.case or tuple(CASES)
    with tempfile.TemporaryDirectory() as folder, console(Path(folder)) as at:
        table = rows(asyncio.run(run(at, names, options.seconds, options.rate)))
    for what, figure, unit, met in table:
        print(f"{what:<56}{figure:>12,.1f} {unit:<3}{'' if met else ' MISSED'}")
    return 0 if all(met for *_, met in table) else 1


if __name__ == "__main__":
    sys.exit(main())
