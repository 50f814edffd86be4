"""What a line costs the guest's thread, with Redis up, slow, frozen and gone.

`python -m tests.bench.bench_runner` prints microseconds per call, as the thread's own CPU and as
wall time, beside an XADD per event and `logging.StreamHandler`, and what the same lines cost from
inside a Python guest. Exit code 1 when a mean is over the limits of DESIGN section 4.
"""

from __future__ import annotations

import io
import logging
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from extdebug.runner.config import HostConfig, PublisherConfig
from extdebug.runner.context import RequestFlow
from extdebug.runner.output.capture import Capture
from extdebug.runner.publish.publisher import Publisher
from extdebug.runner.wasm.build import build_guest
from extdebug.runner.wasm.execution import Call, HttpRequest
from extdebug.runner.wasm.host import Host
from extdebug.wire.entries import to_entry
from extdebug.wire.events import Event, Level, Origin, Output, iso
from extdebug.wire.keys import add_args
from tests.fixtures.redis import RedisServer

CALLS: Final = 300  # of one round: a request that prints a lot
ROUNDS: Final = 40
REST: Final = 0.05  # s between rounds, so that a round meets an idle or a busy publisher
LOG_LIMIT: Final = 5.0  # us
LINE_LIMIT: Final = 10.0  # us
TEXT: Final = "an ordinary message of an ordinary guest, with a number 123456 and a word"
LINE: Final = TEXT.encode() + b"\n"
JSON_LINE: Final = b'{"level": "info", "message": "' + TEXT.encode() + b'", "ms": 12}\n'
FLOW: Final = RequestFlow.of("acme", extension="invoice-sync", install="inst-acme", request="r-1")
GUESTS: Final = Path(__file__).parent.parent / "extdebug" / "runner" / "guests"


def measure(call: Callable[[], object]) -> tuple[float, float, float]:
    """CPU and wall microseconds per call (median of the rounds), and the worst round's wall."""
    cpu: list[float] = []
    wall: list[float] = []
    for _ in range(ROUNDS):
        before, started = time.thread_time(), time.perf_counter()
        for _ in range(CALLS):
            call()
        wall.append((time.perf_counter() - started) / CALLS * 1e6)
        cpu.append((time.thread_time() - before) / CALLS * 1e6)
        time.sleep(REST)
    return statistics.median(cpu), statistics.median(wall), max(wall)


def show(name: str, figures: tuple[float, float, float], limit: float | None = None) -> bool:
    cpu, wall, worst = figures
    verdict = "" if limit is None else f"   limit {limit:g}: {'ok' if cpu <= limit else 'OVER'}"
    print(f"{name:<44}{cpu:>8.2f}{wall:>8.2f}{worst:>9.2f}{verdict}", flush=True)
    return limit is None or cpu <= limit


class Slow(threading.Thread):
    """A Redis that stands still for 90 of each 100 ms."""

    def __init__(self, server: RedisServer) -> None:
        super().__init__(daemon=True)
        self._server = server
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.wait(0.01):
            with self._server.paused():
                time.sleep(0.09)


def ours(state: str, publisher: Publisher) -> bool:
    capture = Capture(lambda output, line, cut: publisher.line(FLOW, output, line, cut))

    def fragments() -> None:
        for part in (b"invoice", b" ", b"1234", b" ", b"synced", b"\n"):
            capture.out(part)

    good = show(
        f"log call, Redis {state}",
        measure(lambda: publisher.emit(FLOW, Output.LOG, Level.INFO, TEXT)),
        LOG_LIMIT,
    )
    good &= show(f"line, Redis {state}", measure(lambda: capture.out(LINE)), LINE_LIMIT)
    show(f"line in 6 fragments, Redis {state}", measure(fragments))
    return good


def states(server: RedisServer) -> bool:
    good = True
    for state in ("up", "slow", "stopped (SIGSTOP)", "gone"):
        publisher = Publisher(PublisherConfig(redis_url=server.url, rate=0, mirror=False))
        publisher.emit(FLOW, Output.LOG, Level.INFO, TEXT)
        publisher.flush(5)
        slow = Slow(server)
        if state == "slow":
            slow.start()
        elif state.startswith("stopped"):
            server.pause()
        elif state == "gone":
            server.kill9()
        good &= ours(state, publisher)
        slow.stop.set()
        if state == "slow":
            slow.join()
        elif state.startswith("stopped"):
            server.resume()
        publisher.close(2.0)
    server.start()
    limited = Publisher(PublisherConfig(redis_url=server.url, rate=100, mirror=False))
    good &= show(
        "log call over its rate limit",
        measure(lambda: limited.emit(FLOW, Output.LOG, Level.INFO, TEXT)),
        LOG_LIMIT,
    )
    capture = Capture(lambda output, line, cut: limited.line(FLOW, output, line, cut))
    for name, text in (("line", LINE), ("JSON line", JSON_LINE)):
        good &= show(
            f"{name} over its rate limit",
            measure(lambda text=text: capture.out(text)),  # type: ignore[misc]
            LINE_LIMIT,
        )
    limited.close(2.0)
    return good


def others(server: RedisServer) -> None:
    with server.client() as client:

        def xadd() -> None:
            event = Event(
                ts=iso(int(time.time() * 1000)), level=Level.INFO, stream=Output.LOG, message=TEXT,
                tenant_id="acme", extension_id="invoice-sync", request_id="r-1",
            )  # fmt: skip
            client.execute_command(*add_args("x", to_entry(event, Origin()), maxlen=20_000))

        show("peer: one XADD per event, Redis up", measure(xadd))
    logger = logging.getLogger("bench")
    logger.propagate = False
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    show("peer: logging.StreamHandler to memory", measure(lambda: logger.error(TEXT)))


def guest(server: RedisServer) -> None:
    """The whole way from inside a Python guest: wasm, the call out, our part."""
    publisher = Publisher(PublisherConfig(redis_url=server.url, rate=0, mirror=False))
    host = Host(HostConfig(), publisher)
    loaded = host.components.load(build_guest(GUESTS / "edges.py.txt").read_bytes())

    def run(url: str) -> float:
        times = []
        for _ in range(7):
            started = time.perf_counter()
            host.execute(loaded, Call(flow=FLOW, http=HttpRequest(url=url)))
            times.append(time.perf_counter() - started)
            publisher.flush(5)
        return statistics.median(times)

    empty = run("/")
    for name, url in (("log call", "/log-cost"), ("line (write and flush)", "/line-cost")):
        each = (run(url) - empty) / 2000 * 1e6
        print(f"{'from inside a Python guest: ' + name:<44}{each:>16.2f}")
    publisher.close(2.0)


def main() -> int:
    print(f"{'us per call, ' + str(CALLS) + ' calls a round':<44}{'CPU':>8}{'wall':>8}{'worst':>9}")
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder)).start()
        try:
            good = states(server)
            others(server)
            guest(server)
        finally:
            server.stop()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
