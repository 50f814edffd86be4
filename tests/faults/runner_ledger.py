"""A JavaScript and a Python guest under load while Redis is stopped, killed, frozen and slowed.

`python -m tests.faults.runner_ledger [--scale 1.0]` ends with a ledger: every event the runner
numbered was delivered once or lies in a stated gap, to the unit; and with the guests' own p50 and
p99 in calm and in trouble. Exit code 1 if a single event is unaccounted for.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import redis

from extdebug.runner.config import HostConfig, PublisherConfig
from extdebug.runner.context import RequestFlow
from extdebug.runner.publish.publisher import Publisher
from extdebug.runner.wasm.build import build_guest
from extdebug.runner.wasm.components import LoadedComponent
from extdebug.runner.wasm.execution import Call, HttpRequest
from extdebug.runner.wasm.host import Host
from extdebug.wire.keys import stream_key
from extdebug.wire.positions import EntryId
from tests.extdebug.runner.javascript import build_javascript
from tests.extdebug.runner.ledger import decode
from tests.fixtures.programs import wait_until
from tests.fixtures.redis import RedisServer

RATE: Final = 50.0  # requests a second, both guests together
LINES: Final = 12  # of one request; start and end are events of the host on top
# Small enough that an outage of some seconds overflows it: the ledger must have gaps to state.
QUEUE: Final = 1_000
GUESTS: Final = Path(__file__).parent.parent / "extdebug" / "runner" / "guests"
STREAMS: Final = {"python": ("acme", "invoice-sync"), "javascript": ("globex", "invoice-sync")}


@dataclass
class Book:
    """What the watcher of one stream can tell, by the arithmetic of the wire contract alone."""

    last: dict[str | None, int] = field(default_factory=dict)
    delivered: int = 0
    guest_lines: int = 0
    repeated: int = 0
    gaps: int = 0
    in_gaps: int = 0
    stated: int = 0
    numbers: set[int] = field(default_factory=set)
    lines: set[str] = field(default_factory=set)

    def read(self, row: Any, stream: tuple[str, str]) -> None:
        event, origin = decode(row, tenant=stream[0], extension=stream[1])
        self.stated += origin.lost
        if origin.lost or origin.n is None:
            return
        last = self.last.get(origin.src, 0)
        self.last[origin.src] = max(last, origin.n)
        if origin.n > last + 1:
            self.gaps += 1
            self.in_gaps += origin.n - last - 1
        if origin.n in self.numbers:
            self.repeated += 1
            return
        self.numbers.add(origin.n)
        self.delivered += 1
        if not (event.fields or {}).get("event") and event.request_id:
            self.guest_lines += 1
            self.lines.add(event.message)


class Watcher(threading.Thread):
    """Tails both streams the way a console does, across restarts of the server."""

    def __init__(self, server: RedisServer) -> None:
        super().__init__(name="watcher", daemon=True)
        self._server = server
        self.books = {stream: Book() for stream in STREAMS.values()}
        self._keys = {stream_key("ext-debug:", *s).encode(): s for s in self.books}
        self._at = dict.fromkeys(self._keys, b"0-0")
        self._run_id = b""
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                client = redis.Redis(
                    port=self._server.port, socket_timeout=20, socket_connect_timeout=1, protocol=2,
                    retry=redis.retry.Retry(redis.backoff.NoBackoff(), 0),
                )  # fmt: skip
                with client:
                    self._tail(client)
            except (redis.RedisError, OSError):
                time.sleep(0.02)

    def _tail(self, client: Any) -> None:
        run_id = client.info("server")["run_id"]
        if run_id != self._run_id:  # another life of the server, which remembers nothing
            self._run_id = run_id
            self._at = dict.fromkeys(self._keys, b"0-0")
        while not self.stop.is_set():
            reply = client.execute_command(
                "XREAD", "COUNT", 500, "BLOCK", 200, "STREAMS", *self._at, *self._at.values()
            )
            pairs = reply.items() if isinstance(reply, dict) else reply or ()
            for key, rows in pairs:
                stream = self._keys[key]
                for row in rows:
                    self.books[stream].read(row, stream)
                    self._at[key] = bytes(str(EntryId.parse(row[0])), "ascii")


class Load:
    """Requests at a steady rate, their durations by guest and by calm or trouble."""

    def __init__(self, host: Host, guests: dict[str, LoadedComponent]) -> None:
        self._host = host
        self._guests = guests
        self.trouble = False
        self.durations: dict[tuple[str, bool], list[float]] = {}
        self.failed = 0
        self.requests = 0

    def run(self, stop: threading.Event) -> None:
        names = itertools.cycle(self._guests)
        due = time.perf_counter()
        with ThreadPoolExecutor(8, thread_name_prefix="guest") as pool:
            while not stop.is_set():
                self.requests += 1
                pool.submit(self._one, next(names), self.requests)
                due += 1 / RATE
                time.sleep(max(0.0, due - time.perf_counter()))

    def _one(self, name: str, number: int) -> None:
        tenant, extension = STREAMS[name]
        flow = RequestFlow.of(tenant, extension=extension, install="inst-1", request=f"r{number}")
        trouble = self.trouble
        started = time.perf_counter()
        try:
            self._host.execute(
                self._guests[name], Call(flow=flow, http=HttpRequest(url=f"/lines/{LINES}"))
            )
        except Exception as error:  # noqa: BLE001 - counted, and the ledger is not closed
            self.failed += 1
            sys.stderr.write(f"{name} {number}: {error}\n")
        took = time.perf_counter() - started
        self.durations.setdefault((name, trouble), []).append(took)


def troubles(server: RedisServer, load: Load, scale: float) -> None:
    """Calm, then one trouble after the other, then calm."""

    def during(what: str, seconds: float) -> None:
        print(f"  {what:<44} {seconds * scale:5.1f} s", flush=True)
        time.sleep(seconds * scale)

    during("calm", 8)
    load.trouble = True
    server.stop()
    during("Redis stopped", 6)
    server.start()
    during("Redis started again, empty", 3)
    server.pause()
    during("Redis frozen (SIGSTOP)", 5)
    server.resume()
    during("Redis goes on", 2)
    server.kill9()
    during("Redis killed (SIGKILL)", 1)
    server.start()
    during("Redis started again, empty", 2)
    print(f"  {'Redis slowed: 90 ms of each 100 it stands':<44} {6 * scale:5.1f} s", flush=True)
    until = time.monotonic() + 6 * scale
    while time.monotonic() < until:
        with server.paused():
            time.sleep(0.09)
        time.sleep(0.01)
    load.trouble = False
    during("calm", 8)


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else 0.0


def report(load: Load, publisher: Publisher, watcher: Watcher) -> bool:
    """Print the ledger; whether it is closed."""
    stats = publisher.stats()
    books = watcher.books.values()
    delivered = sum(book.delivered for book in books)
    in_gaps = sum(book.in_gaps for book in books)
    guest_lines = sum(book.guest_lines for book in books)
    printed = load.requests * LINES
    other = stats["emitted"] - printed
    print(f"\nrequests {load.requests}, failed {load.failed}; {LINES} lines each")
    print(f"{'lines printed by the guests':<36}{printed:>9}")
    print(f"{'events of the host':<36}{other:>9}")
    print(f"{'= numbered by the runner':<36}{stats['emitted']:>9}")
    print(f"{'delivered, once each':<36}{delivered:>9}   ({guest_lines} guest lines)")
    print(
        f"{'in stated gaps':<36}{in_gaps:>9}   ({sum(b.gaps for b in books)} gaps,"
        f" {sum(b.stated for b in books)} explained by markers)"
    )
    print(f"{'shown twice':<36}{sum(b.repeated for b in books):>9}")
    unaccounted = stats["emitted"] - delivered - in_gaps
    print(f"{'unaccounted':<36}{unaccounted:>9}")
    print(f"lost in the runner's queues {stats['lost']}, in flight at a break {stats['uncertain']}")
    print(f"\n{'guest time, ms':<14}{'calm p50':>10}{'p99':>8}{'trouble p50':>13}{'p99':>8}")
    for name in STREAMS:
        calm = load.durations.get((name, False), [])
        rough = load.durations.get((name, True), [])
        print(
            f"{name:<14}{percentile(calm, 0.5):>10.1f}{percentile(calm, 0.99):>8.1f}"
            f"{percentile(rough, 0.5):>13.1f}{percentile(rough, 0.99):>8.1f}"
        )
    distinct = sum(len(book.lines) for book in books)
    closed = unaccounted == 0 and distinct == guest_lines and not load.failed
    closed = closed and not any(book.repeated for book in books)
    print("\nthe ledger is closed" if closed else "\nTHE LEDGER IS NOT CLOSED")
    return closed


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="stretch or shrink every phase")
    options = parser.parse_args(argv)
    print("building the guests (cached)", flush=True)
    paths = {
        "python": build_guest(GUESTS / "edges.py.txt"),
        "javascript": build_javascript(GUESTS / "every_import.js"),
    }
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder)).start()
        config = PublisherConfig(redis_url=server.url, mirror=False, lane_events=QUEUE)
        publisher = Publisher(config)
        host = Host(HostConfig(), publisher)
        guests = {name: host.components.load(path.read_bytes()) for name, path in paths.items()}
        load, watcher, stop = Load(host, guests), Watcher(server), threading.Event()
        for name in guests:  # compiled and linked before anything is measured
            load._one(name, 0)
        load.requests += len(guests)
        load.durations.clear()
        watcher.start()
        driver = threading.Thread(target=load.run, args=(stop,), name="load")
        driver.start()
        try:
            troubles(server, load, options.scale)
        finally:
            stop.set()
            driver.join()
        publisher.flush(20)
        expected = publisher.stats()["emitted"]
        books = watcher.books.values()
        try:
            wait_until(
                lambda: sum(b.delivered + b.in_gaps for b in books) >= expected,
                seconds=10,
                what="the watcher to have read everything",
            )
        except AssertionError as error:
            print(error)
        closed = report(load, publisher, watcher)
        watcher.stop.set()
        publisher.close()
        server.stop()
    return 0 if closed else 1


if __name__ == "__main__":
    sys.exit(main())
