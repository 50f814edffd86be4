"""The send stage: a thread that writes what is outgoing to one Redis, and keeps its connection."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from extdebug.runner.config import PublisherConfig
from extdebug.runner.publish.commands import Packed, lost_entry, pack
from extdebug.runner.publish.lane import Bounds, LaneLoss, Stream
from extdebug.runner.publish.outgoing import Batch, Outgoing
from extdebug.runner.publish.redis_sink import Uncertain, Unreachable, needs_another_connection
from extdebug.wire.backoff import jittered
from extdebug.wire.keys import Keys, Target
from extdebug.wire.redis_causes import cause

log = logging.getLogger("extdebug.runner")

# After a connection broke with a batch in flight: time for the server to read what is left of it,
# so that older entries cannot come after newer ones.
SETTLE: Final = 0.05  # s
# An outage is said when it begins and then once in so many seconds.
REPEAT: Final = 60.0
# What `stats` counts.
FIGURES: Final = (
    "written", "markers", "uncertain", "batches", "connects", "failures", "connected",
    "refused_streams", "unsent", "unsent_bytes",
)  # fmt: skip
# How long `close` waits for the batch in flight, before and after it ends the connection.
CLOSE: Final = 2.0  # s


class Sink(Protocol):
    """The connection as the sender uses it; RedisSink says what each part does."""

    @property
    def connected(self) -> bool: ...
    def connect(self) -> bool: ...
    def probe(self, key: str) -> None: ...
    def write(self, commands: Sequence[bytes]) -> list[Any]: ...
    def close(self) -> None: ...


def close_all(senders: Sequence[Sender]) -> None:
    """Stop all of them at once, each within twice CLOSE."""
    for sender in senders:
        sender.stop()
    _join(senders)
    for sender in senders:
        sender.cut()
    _join(senders)


def _join(senders: Sequence[Sender]) -> None:
    until = time.monotonic() + CLOSE
    for sender in senders:
        sender.join(max(0.0, until - time.monotonic()))


class Sender:
    """Owns the outgoing lanes, the connection and the thread between them."""

    def __init__(
        self,
        config: PublisherConfig,
        sink: Sink,
        *,
        keys: Keys,
        bounds: Bounds,
        unsettled: Callable[[Stream, int], None],
        bucket: int | None = None,
    ) -> None:
        """`bucket`: of all streams that are put, on a cluster."""
        self._config = config
        self._sink = sink
        self._keys = keys
        self._probe = keys.probe(bucket)
        self._outgoing = Outgoing(bounds, unsettled=unsettled)
        self._lanes = self._outgoing.lanes
        self._thread = threading.Thread(target=self._run, name="publisher-send", daemon=True)
        self._stop = threading.Event()
        self._broke = False
        self._attempt = 0
        self._said: float | None = None  # when the outage that lasts was said
        self.trouble: str | None = None  # the last reason why something was not written
        self.batches = 0
        self.connects = 0
        self.failures = 0
        self.dropped = self._outgoing.dropped
        self.put = self._outgoing.put

    def start(self) -> None:
        self._thread.start()

    def idle(self) -> bool:
        """Whether everything that was put is written or counted."""
        return self._lanes.idle()

    def bound(self, bounds: Bounds) -> None:
        """Other bounds for what waits."""
        self._lanes.bound(bounds)

    def close(self) -> None:
        """Stop the thread. What still waits stays unwritten."""
        close_all([self])

    def stop(self) -> None:
        """Ask the thread to end when it has its answer."""
        self._stop.set()
        self._lanes.close()

    def join(self, timeout: float) -> None:
        self._thread.join(timeout=timeout)

    def cut(self) -> None:
        """Wake a thread that waits for an answer."""
        self._sink.close()

    def stats(self) -> dict[str, Any]:
        outgoing = self._outgoing
        return {
            "written": outgoing.written,
            "markers": outgoing.markers,
            "uncertain": outgoing.uncertain,
            "batches": self.batches,
            "connects": self.connects,
            "failures": self.failures,
            "connected": self._sink.connected,
            "refused_streams": outgoing.held,
            "unsent": self._lanes.total_events,
            "unsent_bytes": self._lanes.total_bytes,
        }

    # --- the thread -----------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.is_set():
            now = time.monotonic()
            self._outgoing.release_due(now)
            if not self._lanes.wait(self._outgoing.pause(now)):
                continue
            try:
                self._step()
            except Exception as error:
                if self._stop.is_set():
                    return  # `close` ended the connection under a write
                # A mistake of ours or of a library: without this thread nothing would ever leave.
                log.exception("the publisher's send thread failed")
                self._sink.close()
                self._broke = True
                self._failed(repr(error))

    def _step(self) -> None:
        if not self._connect():
            return
        batch = self._outgoing.take()
        if batch:
            self._write(batch)

    def _connect(self) -> bool:
        try:
            if not self._sink.connect():
                return True
            self._sink.probe(self._probe)
        except Unreachable as error:
            self._failed(str(error))
            return False
        if self._broke:
            self._stop.wait(SETTLE)
        self.connects += 1
        self._broke = False
        return True

    def _failed(self, reason: str) -> None:
        """Nothing can be written for now: wait, longer each time."""
        self.failures += 1
        self._say(reason)
        pause = jittered(self._attempt)
        self._attempt += 1
        self._stop.wait(pause)

    def _say(self, reason: str) -> None:
        self.trouble = reason
        now = time.monotonic()
        if self._said is None or now - self._said >= REPEAT:
            self._said = now
            log.warning("debug events do not reach Redis (%s); they are queued", reason)

    def _write(self, batch: Batch) -> None:
        now_ms = int(time.time() * 1000)
        commands = [
            item.command if isinstance(item, Packed) else self._marker(stream, item, now_ms)
            for stream, items in batch
            for _, item in items
        ]
        self.batches += 1
        try:
            results = self._sink.write(commands)
        except Unreachable:
            self._outgoing.put_back(batch)
            return
        except Uncertain as error:
            self._broke = True
            self._settle(batch, error.results)
            self._failed(str(error))
            return
        except Exception:
            self._settle(batch, [])
            raise
        refusals = self._settle(batch, results)
        if any(needs_another_connection(refusal) for refusal in refusals):
            self._sink.close()
        self._attempt = 0
        if not refusals and not self._outgoing.held and self._said is not None:
            self._said = None
            log.info("Redis answers again; %d events wait", self._lanes.total_events)

    def _settle(self, batch: Batch, results: list[Any]) -> list[Exception]:
        refusals = self._outgoing.settle(batch, results, now=time.monotonic())
        for refusal in refusals:
            self.failures += 1
            self._say(cause(refusal))
        return refusals

    def _marker(self, stream: Stream, lost: LaneLoss, now_ms: int) -> bytes:
        key = self._keys.of(Target(*stream))
        entry = lost_entry(stream, lost, now_ms=now_ms)
        return pack(key, entry, src=lost.src, maxlen=self._config.maxlen).command
