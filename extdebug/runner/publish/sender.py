"""The send stage: packed entries to Redis in batches, with backoff, and markers for losses."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import hiredis
import msgspec
from redis.exceptions import RedisError

from extdebug.runner.config import PublisherConfig
from extdebug.runner.publish.lanes import Bounds, LaneLoss, Lanes, Stream
from extdebug.runner.publish.redis_sink import RedisSink, Uncertain, Unreachable, passing
from extdebug.wire.backoff import jittered
from extdebug.wire.entries import to_entry
from extdebug.wire.events import Event, Level, Origin, Output, iso
from extdebug.wire.keys import add_args, stream_key

log = logging.getLogger("extdebug.runner")

BATCH_EVENTS: Final = 256
# Small enough that a server which comes back has read all of an abandoned batch before it reads
# the first command of the next connection.
BATCH_BYTES: Final = 128 * 1024
# After a connection broke with a batch in flight: time for the server to read what is left of it,
# so that older entries cannot come after newer ones.
SETTLE: Final = 0.05  # s

Batch = list[tuple[Stream, list[tuple[int, "Packed | LaneLoss"]]]]


class Packed(msgspec.Struct, gc=False):
    """One XADD, ready for the socket."""

    command: bytes
    src: str | None


def pack(key: str, entry: Sequence[str | bytes], *, src: str | None, maxlen: int) -> Packed:
    args: Any = add_args(key, entry, maxlen=maxlen)  # hiredis' stub knows no variadic tuple
    return Packed(hiredis.pack_command(args), src)


class SendLanes(Lanes[Packed]):
    def lost(self, item: Packed, *, cause: str) -> LaneLoss:
        return LaneLoss(causes={cause: 1}, src=item.src)


def lost_entry(stream: Stream, lost: LaneLoss, *, now_ms: int) -> list[str | bytes]:
    """The marker of a loss: no number of its own, it explains the hole in the numbers."""
    why = ",".join(f"{cause}:{count}" for cause, count in sorted(lost.causes.items()))
    event = Event(
        ts=iso(now_ms),
        level=Level.WARN,
        stream=Output.LOG,
        message=f"{lost.count} events dropped by the runner: {why}",
        tenant_id=stream[0],
        extension_id=stream[1],
    )
    return to_entry(event, Origin(src=lost.src, lost=lost.count, why=why[:128]))


class Sender:
    """Owns the outgoing lanes, the connection and the thread between them."""

    def __init__(
        self,
        config: PublisherConfig,
        *,
        bounds: Bounds,
        unsettled: Callable[[Stream, int], None],
    ) -> None:
        self._config = config
        self._lanes = SendLanes(bounds)
        self._sink = RedisSink(config.redis_url or "", reply_timeout=config.reply_timeout)
        self._unsettled = unsettled
        self._thread = threading.Thread(target=self._run, name="publisher-send", daemon=True)
        self._stop = threading.Event()
        self._in_flight = 0
        self._broke = False
        self._attempt = 0
        self.written = 0
        self.markers = 0
        self.uncertain = 0
        self.batches = 0
        self.connects = 0
        self.failures = 0
        self.dropped = self._lanes.dropped

    def start(self) -> None:
        self._thread.start()

    def put(self, stream: Stream, items: Sequence[Packed | LaneLoss]) -> None:
        """Queue prepared entries and losses in order (prepare thread)."""
        with self._lanes.lock:
            lane = self._lanes.lane(stream)
            for item in items:
                if isinstance(item, LaneLoss):
                    lane.lose(item)  # counted where it happened
                    self._lanes.ready(lane)
                else:
                    self._lanes.put(lane, item, len(item.command) + 64)
        self._lanes.ring()

    def idle(self) -> bool:
        return not self._in_flight and not self._lanes.sizes()

    def close(self) -> int:
        """Stop the thread; events and losses that were not written."""
        self._stop.set()
        self._lanes.close()
        self._thread.join(timeout=2.0)
        self._sink.close()
        return self._lanes.total_events + self._in_flight

    def stats(self) -> dict[str, Any]:
        return {
            "written": self.written,
            "markers": self.markers,
            "uncertain": self.uncertain,
            "batches": self.batches,
            "connects": self.connects,
            "failures": self.failures,
            "connected": self._sink.connected,
            "unsent": self._lanes.total_events,
            "unsent_bytes": self._lanes.total_bytes,
        }

    # --- the thread -----------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.is_set():
            if not self._lanes.wait(1.0):
                continue
            try:
                self._step()
            except Exception as error:
                # A mistake of ours or of a library: without this thread nothing would ever leave.
                log.exception("the publisher's send thread failed")
                self._sink.close()
                self._broke = True
                self._failed(repr(error))

    def _step(self) -> None:
        if not self._connect():
            return
        batch = self._lanes.take(events=BATCH_EVENTS, size=BATCH_BYTES)
        self._in_flight = sum(len(items) for _, items in batch)
        try:
            if batch:
                self._write(batch)
        finally:
            self._in_flight = 0

    def _connect(self) -> bool:
        try:
            if not self._sink.connect():
                return True
            if self._broke:
                self._sink.probe(f"{self._config.prefix}probe")
                self._stop.wait(SETTLE)
        except Unreachable as error:
            self._failed(str(error))
            return False
        self.connects += 1
        self._broke = False
        if self._attempt:
            log.info("Redis answers again; %d events wait", self._lanes.total_events)
        self._attempt = 0
        return True

    def _failed(self, reason: str) -> None:
        """Back off with jitter; says so once per outage and then each minute or so."""
        self.failures += 1
        if self._attempt % 32 == 0:
            log.warning("debug events do not reach Redis (%s); they are queued", reason)
        self._stop.wait(jittered(self._attempt))
        self._attempt += 1

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
            for stream, items in reversed(batch):
                self._lanes.restore(stream, items)
            return
        except Uncertain as error:
            self._broke = True
            self._settle(batch, error.results)
            self._failed(str(error))
            return
        refused = self._settle(batch, results)
        if refused is not None:
            self._failed(refused)

    def _marker(self, stream: Stream, lost: LaneLoss, now_ms: int) -> bytes:
        key = stream_key(self._config.prefix, *stream)
        entry = lost_entry(stream, lost, now_ms=now_ms)
        return pack(key, entry, src=lost.src, maxlen=self._config.maxlen).command

    def _settle(self, batch: Batch, results: list[Any]) -> str | None:
        """Book each command's verdict; a reason to back off when Redis refused for a while."""
        reason: str | None = None
        place = 0
        for stream, items in batch:
            verdicts = results[place : place + len(items)]
            place += len(items)
            reason = self._settle_stream(stream, items, verdicts) or reason
        return reason

    def _settle_stream(
        self, stream: Stream, items: list[tuple[int, Packed | LaneLoss]], verdicts: list[Any]
    ) -> str | None:
        reason: str | None = None
        last_good = max(
            (i for i, verdict in enumerate(verdicts) if not isinstance(verdict, Exception)),
            default=-1,
        )
        again: list[tuple[int, Packed | LaneLoss]] = []
        refused = 0
        for i, (size, item) in enumerate(items[: len(verdicts)]):
            verdict = verdicts[i]
            if not isinstance(verdict, RedisError):
                self.written += isinstance(item, Packed)
                self.markers += isinstance(item, LaneLoss)
                continue
            reason = str(verdict)
            if i > last_good and (passing(verdict) or isinstance(item, LaneLoss)):
                again.append((size, item))
            elif i > last_good:
                src = item.src
                again.append((0, LaneLoss(causes={"refused": 1}, src=src)))
                refused += 1
            else:
                refused += 1  # newer entries were written: the hole in the numbers tells
        unknown = len(items) - len(verdicts)
        if unknown:  # the fate of newer ones is open, so these cannot come after them
            refused += sum(isinstance(item, Packed) for _, item in again)
        elif again:
            self._lanes.restore(stream, again)
        if refused:
            self.dropped["refused"] = self.dropped.get("refused", 0) + refused
        if unknown:
            self._uncertain(stream, items[len(verdicts) :])
        return reason

    def _uncertain(self, stream: Stream, items: list[tuple[int, Packed | LaneLoss]]) -> None:
        """These may have been written. They are not repeated; the numbers tell who looks."""
        count = sum(item.count if isinstance(item, LaneLoss) else 1 for _, item in items)
        self.uncertain += count
        with self._lanes.lock:
            follows = bool(self._lanes.lane(stream).items)
        if not follows:
            self._unsettled(stream, count)
