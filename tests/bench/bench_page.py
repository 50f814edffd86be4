"""Measures the page under load: 5,000 events/s for 60 s in Chromium.

    python -m tests.bench.bench_page [--seconds 60] [--rate 5000]

Prints the longest task of the page's main thread in CPU time (from a trace) and in wall time (from
PerformanceObserver), the frames drawn and the JavaScript heap. Exit code 1 when a task took over
100 ms of CPU (of wall time too, unless the machine is busy with other work), when the heap grew, or
when a line is missing on the page's account.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import time
from typing import Any

LONGEST_MS = 100.0
HEAP_GROWTH_MB = (
    40.0  # between the first quarter and the end; the kept lines alone vary by a few MB
)
FRAME_EVENTS = 100
OBSERVE = """() => {
  window.bench = { tasks: [], frames: 0 };
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.bench.tasks.push([task.startTime, task.duration]);
  }).observe({ type: 'longtask', buffered: false });
  const tick = () => { window.bench.frames += 1; requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
}"""
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--enable-precise-memory-info",
]


def events(fake: Any, count: int) -> list[dict[str, Any]]:
    """Lines of the mix a busy extension prints: about 200 bytes, some with fields."""
    rng = random.Random(1)
    made = []
    for n in range(count):
        kind = rng.random()
        more: dict[str, Any] = {"requestId": f"req-{n % 40:04d}"}
        if kind < 0.3:
            more |= {"stream": "stdout"}
        elif kind < 0.4:
            more |= {"stream": "stderr", "level": "error"}
        elif kind < 0.7:
            more |= {"fields": {"ms": n % 400, "status": 200, "path": "/v1/invoices"}}
        text = f"line {n} " + "lorem ipsum dolor sit amet " * rng.randrange(1, 14)
        made.append(fake.event(text, **more))
    return made


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


async def heap(session: Any) -> float:
    await session.send("HeapProfiler.collectGarbage")
    usage = await session.send("Runtime.getHeapUsage")
    return float(usage["usedSize"]) / 1e6


async def main(seconds: int, rate: int) -> int:
    from playwright.async_api import async_playwright

    from tests.e2e.protocol_server import Fake

    fake = Fake()
    await fake.start()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGS)
        page = await browser.new_page(viewport={"width": 1400, "height": 900})
        await page.goto(fake.url())
        await page.wait_for_selector("#state[data-state=live]")
        session = await page.context.new_cdp_session(page)
        await page.evaluate(OBSERVE)
        await browser.start_tracing(page=page, categories=["toplevel"])
        start = await heap(session)
        peaks: list[float] = []
        sent = 0
        began = time.monotonic()
        next_heap = seconds / 4
        while (elapsed := time.monotonic() - began) < seconds:
            due = int(elapsed * rate) - sent
            while due > 0:
                batch = events(fake, min(FRAME_EVENTS, due))
                await fake.events(*batch)
                sent += len(batch)
                due -= len(batch)
            if elapsed > next_heap:
                next_heap += seconds / 4
                peaks.append(await page.evaluate("performance.memory.usedJSHeapSize / 1e6"))
            await asyncio.sleep(0.02)
        took = time.monotonic() - began
        await page.wait_for_function("document.querySelector('#lines').textContent.length > 0")
        await page.wait_for_timeout(500)
        result = await page.evaluate("window.bench")
        tasks = cpu_of_tasks(await browser.stop_tracing())
        kept = await page.inner_text("#kept")
        end = await heap(session)  # after the tasks were read: a forced collection is none of them
        nodes = await page.evaluate("document.querySelectorAll('*').length")
        await browser.close()
    await fake.stop()
    acked = max((frame["seq"] for frame in fake.of("ack")), default=0)
    longest = max((task[1] for task in result["tasks"]), default=0.0)
    growth = end - start
    print(f"{sent} events in {took:.1f} s = {sent / took:.0f}/s")
    print(
        f"main thread: {sum(tasks) / took / 10:.0f} % of a core; longest task {max(tasks):.0f} ms"
    )
    print(f"wall time: tasks over 50 ms: {len(result['tasks'])}, longest {longest:.0f} ms")
    print(f"frames drawn: {result['frames'] / took:.0f}/s; elements in the page: {nodes}")
    uncollected = ", ".join(f"{mb:.0f}" for mb in peaks)
    print(f"heap MB: {start:.1f} before, {end:.1f} after, uncollected {uncollected}")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; page says: {kept}")
    total = sum(
        int(word.replace(",", "")) for word in kept.replace("+", "").split() if word[0].isdigit()
    )
    problems = []
    if max(tasks) > LONGEST_MS:
        problems.append(f"a task took {max(tasks):.0f} ms of CPU")
    if longest > LONGEST_MS and os.getloadavg()[0] < (os.cpu_count() or 1):
        problems.append(f"a task took {longest:.0f} ms on a machine with time to spare")
    if growth > HEAP_GROWTH_MB:
        problems.append(f"the heap grew by {growth:.0f} MB")
    if total != sent:
        problems.append(f"{sent} sent, {total} on the page's account")
    if acked < sent // FRAME_EVENTS:
        problems.append(f"acknowledged only up to {acked}")
    print("; ".join(problems) or "ok")
    return 1 if problems else 0


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=int, default=5000)
    options = parser.parse_args()
    sys.exit(asyncio.run(main(options.seconds, options.rate)))
