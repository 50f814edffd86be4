"""A producer of numbered lines, as a runner writes them. Imports nothing of the product.

`written` is the truth for the oracle: which numbers reached the stream and as which entry, which
did not, and which nobody can know because the answer was lost.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.faults.oracle import Written


class Writer:
    """Numbers 1, 2, 3 ... of one source on one stream; by hand, or at a rate in a thread."""

    def __init__(
        self,
        port: int,
        *,
        src: str = "w",
        tenant: str = "acme",
        extension: str = "invoice-sync",
        install: str = "inst-acme",
        maxlen: int = 100_000,
        padding: int = 0,
    ) -> None:
        self.src, self.port = src, port
        self.key = f"ext-debug:{tenant}:{extension}"
        self.written: list[Written] = []
        self.maxlen = maxlen
        self._entry = {
            "level": "info", "stream": "stdout", "tenant": tenant, "extension": extension,
            "install": install, "request": "req-1", "src": src,
        }  # fmt: skip
        self._padding = "." * padding
        self.stamp = ""  # instead of the present time
        self._n = 0
        self._client: redis.Redis | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._up = False

    def entry(self, n: int, *, level: str = "info") -> dict[str, str]:
        now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        more = {"fields": f'{{"pad":"{self._padding}"}}'} if self._padding else {}
        message = f"{self.src} {n}"
        return {
            **self._entry,
            "ts": self.stamp or now,
            "level": level,
            "message": message,
            "n": str(n),
            **more,
        }

    def write(self, count: int = 1, *, ids: list[str] | None = None, level: str = "info") -> None:
        """`count` entries in one pipeline; `ids` instead of Redis' own."""
        numbers = range(self._n + 1, self._n + count + 1)
        self._n += count
        try:
            client = self._connected()
        except redis.RedisError:
            self.written += [Written(self.src, n, None) for n in numbers]
            return
        try:
            pipe = client.pipeline(transaction=False)
            for place, n in enumerate(numbers):
                id: Any = "*" if ids is None else ids[place]
                entry: Any = self.entry(n, level=level)
                pipe.xadd(self.key, entry, id=id, maxlen=self.maxlen)
            replies = pipe.execute(raise_on_error=False)
        except (redis.ConnectionError, redis.TimeoutError, OSError):
            self._up = False
            self.written += [Written(self.src, n, None, sure=False) for n in numbers]
            return
        for n, reply in zip(numbers, replies, strict=True):
            refused = isinstance(reply, Exception)
            self.written.append(Written(self.src, n, None if refused else reply.decode()))

    def drop(self, count: int = 1) -> None:
        """Numbers that are given out and never written."""
        for _ in range(count):
            self._n += 1
            self.written.append(Written(self.src, self._n, None))

    def _connected(self) -> redis.Redis:
        if self._client is None:
            self._client = redis.Redis(
                host="127.0.0.1", port=self.port, socket_timeout=15, socket_connect_timeout=0.5,
                retry=Retry(NoBackoff(), 0),
            )  # fmt: skip
        if not self._up:
            self._client.ping()
            self._up = True
        return self._client

    # --- at a rate ----------------------------------------------------------------------------

    def start(self, rate: float = 300, *, batch: int = 3) -> Writer:
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, args=(rate, batch), daemon=True)
        self._thread.start()
        return self

    def _run(self, rate: float, batch: int) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            self.write(batch)
            due = max(due + batch / rate, time.monotonic() - 0.5)
            self._stop.wait(max(0.0, due - time.monotonic()))

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(20)
            self._thread = None

    def close(self) -> None:
        self.stop()
        if self._client is not None:
            self._client.close()

    @property
    def last(self) -> int:
        """The newest number that surely reached the stream."""
        return max((one.n for one in self.written if one.id is not None), default=0)
