"""The producers of a play: several sources on one stream, with holes and markers, and their truth.

Imports nothing of the product; entries are made from docs/wire-contract.md.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import random
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.faults.session_oracle import Line

KEY: Final = "ext-debug:acme:invoice-sync"
BUCKET: Final = 62  # of it on a cluster
CLUSTER_KEY: Final = "ext-debug:{b62}:acme:invoice-sync"
LEVELS: Final = ("error", "error", "error", "warn", "info")
MAXLEN: Final = 100_000
WRITE_AND_DELETE: Final = """
local ids = {}
for i = 2, #ARGV do ids[i - 1] = redis.call('XADD', KEYS[1], '*', unpack(cjson.decode(ARGV[i]))) end
for _, at in ipairs(cjson.decode(ARGV[1])) do redis.call('XDEL', KEYS[1], ids[at + 1]) end
return ids
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """One source: lines a second, whether numbered, and how it loses numbers before Redis.

    `holes`: the chance of a hole before a batch. `marker`: "none", "before" the next entry,
    "late" (a batch later), or "mixed".
    """

    src: str
    rate: float = 250
    numbered: bool = True
    holes: float = 0.0
    marker: str = "none"
    batch: int = 3


MIXES: Final[dict[str, tuple[Kind, ...]]] = {
    "numbered": (Kind("n"),),
    "unnumbered": (Kind("u", numbered=False),),
    "holes": (Kind("h", holes=0.06, marker="mixed"),),
    "several": (
        Kind("s1", rate=90, batch=2), Kind("s2", rate=90, holes=0.05, marker="mixed"),
        Kind("s3", rate=60, numbered=False, batch=1),
    ),
    "quiet": (Kind("loud", rate=240, batch=4), Kind("quiet", rate=3, batch=1, holes=0.3)),
}  # fmt: skip


class Producer:
    """Writes numbered lines of one source in a thread; `lines` is what it did with each number."""

    def __init__(self, port: int, kind: Kind, *, seed: int, padding: int, key: str = KEY) -> None:
        self.port, self.kind, self.key = port, kind, key
        self.lines: list[Line] = []
        self.lock = threading.RLock()  # held by one batch, or by a fault that needs a clean cut
        self._chance = random.Random(f"{seed}/{kind.src}")
        self._padding = "." * padding
        self._n = 0
        self._late = 0  # numbers whose marker is still to be written
        self._client: redis.Redis | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    # --- writing ------------------------------------------------------------------------------

    def write(
        self, count: int, *, maxlen: int = MAXLEN, after: Sequence[tuple[Any, ...]] = ()
    ) -> None:
        """`count` entries in one pipeline. With commands `after` them all of it is one
        transaction, so that no reader sees the stream in between."""
        with self.lock:
            lines = [self._line() for _ in range(count)]
            try:
                client = self._connected()
                pipe = client.pipeline(transaction=bool(after))
                for line in lines:
                    self._add(pipe, line, maxlen)
                for command in after:
                    pipe.execute_command(*command)
                replies = pipe.execute(raise_on_error=False)
            except redis.exceptions.ExecAbortError:
                self.lines += lines
                return
            except (redis.ConnectionError, redis.TimeoutError, OSError):
                self._client = None
                self.lines += [replace(line, sure=False) for line in lines]
                return
            now = time.monotonic()
            done = [
                line if isinstance(reply, Exception) else replace(line, id=reply.decode(), at=now)
                for line, reply in zip(lines, replies, strict=False)
            ]
            self.lines += done

    def write_and_delete(self, count: int, doomed: Sequence[int]) -> None:
        """`count` entries of which those at `doomed` are deleted before anybody can read them."""
        with self.lock:
            lines = [self._line() for _ in range(count)]
            flat = [
                [part for pair in self._fields(line).items() for part in pair] for line in lines
            ]
            reply: Any = self._connected().eval(
                WRITE_AND_DELETE, 1, self.key, json.dumps(list(doomed)), *map(json.dumps, flat)
            )
            now = time.monotonic()
            self.lines += [
                replace(line, id=id.decode(), at=now) for line, id in zip(lines, reply, strict=True)
            ]

    def drop(self, count: int) -> None:
        """Numbers that are given out and never written."""
        with self.lock:
            for _ in range(count):
                self.lines.append(self._line())

    def mark(self, lost: int) -> None:
        """The marker for `lost` dropped numbers. One that does not arrive is simply missing."""
        with self.lock:
            line = Line(self.kind.src, 0, None, lost=lost, numbered=True)
            try:
                pipe = self._connected().pipeline(transaction=False)
                self._add(pipe, line, MAXLEN)
                reply = pipe.execute(raise_on_error=False)[0]
            except (redis.ConnectionError, redis.TimeoutError, OSError):
                self._client = None
                return
            if not isinstance(reply, Exception):
                self.lines.append(replace(line, id=reply.decode()))

    def _line(self) -> Line:
        self._n += 1
        level = self._chance.choice(LEVELS)
        return Line(self.kind.src, self._n, None, numbered=self.kind.numbered, level=level)

    def _fields(self, line: Line) -> dict[str, str]:
        now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entry = {
            "ts": now, "level": line.level, "stream": "stdout", "message": f"{line.src} {line.n}",
            "tenant": "acme", "extension": "invoice-sync", "install": "inst-acme",
            "request": "req-1",
        }  # fmt: skip
        if self._padding:
            entry["fields"] = f'{{"pad":"{self._padding}"}}'
        if line.lost:
            entry |= {"src": line.src, "lost": str(line.lost), "why": "queue_full"}
            entry["message"] = f"{line.lost} events were dropped"
        elif line.numbered:
            entry |= {"src": line.src, "n": str(line.n)}
        return entry

    def _add(self, pipe: Any, line: Line, maxlen: int) -> None:
        pipe.xadd(self.key, self._fields(line), maxlen=maxlen, approximate=True)

    def move(self, port: int) -> None:
        self.port, self._client = port, None

    def _connected(self) -> redis.Redis:
        if self._client is None:
            self._client = redis.Redis(
                host="127.0.0.1", port=self.port, socket_timeout=15, socket_connect_timeout=0.5,
                retry=Retry(NoBackoff(), 0),
            )  # fmt: skip
        return self._client

    # --- at a rate ----------------------------------------------------------------------------

    def start(self) -> None:
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            self._batch()
            due = max(due + self.kind.batch / self.kind.rate, time.monotonic() - 0.3)
            self._stop.wait(max(0.0, due - time.monotonic()))

    def finish(self) -> None:
        """The marker that is still due, and three lines more."""
        if self._late:
            self.mark(self._late)
            self._late = 0
        self.write(3)

    def _batch(self) -> None:
        if self._late:
            self.mark(self._late)
            self._late = 0
        if self._chance.random() < self.kind.holes:
            count = self._chance.randint(1, 4)
            self.drop(count)
            marker = self.kind.marker
            if marker == "mixed":
                marker = self._chance.choice(("none", "before", "late"))
            if marker == "before":
                self.mark(count)
            elif marker == "late":
                self._late = count
        self.write(self.kind.batch)

    def ask_to_stop(self) -> None:
        self._stop.set()

    def stop(self) -> None:
        self.ask_to_stop()
        if self._thread is not None:
            self._thread.join(20)
            self._thread = None


class Traffic:
    """All producers of a play. `held` stops them between two batches, for faults that need it."""

    def __init__(self, port: int, mix: str, *, seed: int, padding: int, key: str = KEY) -> None:
        self.key = key
        self.producers = [
            Producer(port, kind, seed=seed, padding=padding, key=key) for kind in MIXES[mix]
        ]

    @property
    def loud(self) -> Producer:
        return self.producers[0]

    def start(self) -> None:
        for producer in self.producers:
            producer.start()

    def stop(self) -> None:
        for producer in self.producers:
            producer.ask_to_stop()
        for producer in self.producers:
            producer.stop()

    def move(self, port: int) -> None:
        """Go on writing to another server. Call it while `held`."""
        for producer in self.producers:
            producer.move(port)

    def seed(self, count: int) -> None:
        for producer in self.producers:
            producer.write(count)

    def finish(self) -> None:
        """The last lines of each source, so that every hole has an end."""
        for producer in self.producers:
            producer.finish()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """No batch is under way, and ids before and after differ by the clock."""
        with contextlib.ExitStack() as stack:
            for producer in self.producers:
                stack.enter_context(producer.lock)
            time.sleep(0.003)
            yield
            time.sleep(0.003)

    @property
    def lines(self) -> list[Line]:
        return [line for producer in self.producers for line in producer.lines]

    def found(self, rows: Sequence[tuple[bytes, dict[bytes, bytes]]]) -> None:
        """Which of the writes without an answer are in the stream after all."""
        unsure = {
            (line.src, line.n): (producer, at)
            for producer in self.producers
            for at, line in enumerate(producer.lines)
            if line.id is None and not line.sure
        }
        for id, fields in rows:
            src, _, n = fields.get(b"message", b"").decode().partition(" ")
            if n.isdigit() and (src, int(n)) in unsure:
                producer, at = unsure[src, int(n)]
                producer.lines[at] = replace(producer.lines[at], id=id.decode(), sure=True)
