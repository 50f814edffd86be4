"""Events from guest threads to Redis: never blocks, never raises, counts whatever is lost.

Two stages with a thread each. *Prepare* decodes, redacts, mirrors to the local log and feeds the
internal stream, whether or not Redis answers. *Send* (sender.py) writes what was prepared. Each
takes from bounded lanes, and what overflows leaves a stated loss in its place.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from extdebug.runner.config import PublisherConfig
from extdebug.runner.context import RequestFlow
from extdebug.runner.publish.bucket_senders import BucketSenders, sender
from extdebug.runner.publish.capture_lanes import CaptureLanes
from extdebug.runner.publish.commands import Packed, lost_entry, pack
from extdebug.runner.publish.lane import Bounds, LaneLoss, Stream
from extdebug.runner.publish.local_log import mirror
from extdebug.runner.publish.rate_limiter import SILENCE
from extdebug.runner.publish.redacting_encoder import Captured, Redaction, prepare, text_of
from extdebug.runner.publish.redaction import load_redaction
from extdebug.runner.publish.sender import Sender
from extdebug.wire.entries import to_entry
from extdebug.wire.events import Level, Origin, Output
from extdebug.wire.executions import Execution
from extdebug.wire.keys import stream_key
from extdebug.wire.redis_clients import keys

log = logging.getLogger("extdebug.runner")

# Text of one event that is kept for the prepare stage; more than any message may be.
MOST_TEXT: Final = 64 * 1024
# What an event costs besides its text: objects, ids, queue.
OVERHEAD: Final = 300
# A short nap before each turn: lines that come together travel together, and the guest's thread
# does not fight for the interpreter with this one after every line.
LINGER: Final = 0.001  # s
TURN_EVENTS: Final = 512
TURN_BYTES: Final = 1024 * 1024

# Receives (stream, install, flat entry) of every prepared event and stated loss; must not block.
Tap = Callable[[Stream, str | None, list[str | bytes]], None]


class Publisher:
    """What a process that runs guests needs one of. `close` flushes within a bound."""

    def __init__(self, config: PublisherConfig, *, redaction: Redaction | None = None) -> None:
        self._config = config
        self.boot = secrets.token_hex(6)
        bounds = Bounds(
            events=config.lane_events, bytes=config.lane_bytes, total_bytes=config.total_bytes
        )
        self._captured = CaptureLanes(
            bounds, boot=self.boot, rate=config.rate, guess=config.guess_levels
        )
        self._sources = self._captured.sources
        self._redaction = redaction or load_redaction(config.redaction_key)
        # Bytes that lines joined to one event may have: masks make some of them longer.
        self.most_joined = config.max_event_bytes * 7 // 8
        self._taps: tuple[Tap, ...] = ()
        self._closing = False
        self.emitted = 0
        self.prepared = 0
        self.failed = 0
        self._keys = keys(config.redis_url or "", prefix=config.prefix)
        self._sender: Sender | BucketSenders | None = None
        if config.redis_url is not None:
            make = BucketSenders if self._keys.bucketed else sender
            self._sender = make(config, self._keys, bounds=bounds, unsettled=self._unsettled)
            self._sender.start()
        self._thread = threading.Thread(target=self._run, name="publisher-prepare", daemon=True)
        self._thread.start()

    # --- the guest's thread ---------------------------------------------------------------

    def emit(
        self,
        flow: RequestFlow,
        output: Output,
        level: Level,
        message: bytes | str,
        *,
        fields: Mapping[str, Any] | None = None,
        cut: bool = False,
        structured: bool = False,
        told: bool = False,
        weight: int = 0,
        execution: Execution | None = None,
    ) -> None:
        """Take one event. Returns at once, raises nothing; `fields` must not change afterwards.

        `told`: by the host, of an execution; no guest may set it. `weight`: bytes of memory that
        the fields take, where they are more than a few. `execution`: for hosts, the beginning or
        the end of the flow's execution.
        """
        size = len(message)
        if size > MOST_TEXT:
            message, size, cut = message[:MOST_TEXT], MOST_TEXT, True
        size += OVERHEAD + weight
        captured = self._captured
        now = time.time()
        with captured.lock:
            source = self._sources.get(flow.stream) or captured.open(flow.stream)
            source.n += 1
            self.emitted += 1
            item = Captured(
                source.src, source.n, int(now * 1000), flow, output, level, message, fields, cut,
                structured, told or execution is not None, execution,
            )  # fmt: skip
            if source.limiter.admits(now):
                captured.put(source.lane, item, size)
            else:
                captured.limit(source, item, size=size, now=now)
        captured.ring()

    def line(self, flow: RequestFlow, output: Output, line: bytes, cut: bool) -> None:  # noqa: FBT001
        """One captured line of a guest's stdout or stderr."""
        level = Level.INFO if output is Output.STDOUT else Level.ERROR
        self.emit(flow, output, level, line, cut=cut, structured=True)

    # --- everything else ------------------------------------------------------------------

    def tap(self, tap: Tap) -> Callable[[], None]:
        """Hand every prepared entry (redacted, before Redis) to `tap`; returns the undo."""
        self._taps = (*self._taps, tap)

        def undo() -> None:
            self._taps = tuple(other for other in self._taps if other is not tap)

        return undo

    def flush(self, timeout: float) -> bool:
        """Wait until all that was taken is written or counted as lost; for exits and tests."""
        self._captured.release_all()
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            # In this order: what leaves the first is in the second before the first is idle.
            if self._captured.idle() and (self._sender is None or self._sender.idle()):
                return True
            time.sleep(0.002)
        return False

    def close(self, timeout: float | None = None) -> int:
        """Flush within the bound and stop; how many events were left, which is also logged.

        The bound is `timeout` or the configured one (s), and 5 s more when Redis does not answer.
        """
        if self._closing:
            return 0
        self.flush(self._config.flush_timeout if timeout is None else timeout)
        self._closing = True
        self._captured.release_all()
        self._captured.close()
        self._thread.join(timeout=1.0)
        if self._sender is None:
            return 0
        self._sender.close()
        left = self.unpublished().get("unsent", 0)
        if left:
            log.warning("publisher stopped with %d events not written to Redis", left)
        return left

    @property
    def trouble(self) -> str | None:
        """The last reason why something could not be written to Redis; fit for a log."""
        return None if self._sender is None else self._sender.trouble

    def unpublished(self) -> dict[str, int]:
        """How many of the emitted events Redis has not acknowledged, by cause; exact once closed.

        The causes of `lost`, `uncertain` (the connection broke over them; some may be written)
        and `unsent` (still waiting).
        """
        if self._sender is None:
            return {}
        stats = self.stats()
        causes: dict[str, int] = {**stats["lost"], "uncertain": stats["uncertain"]}
        causes["unsent"] = stats["emitted"] - stats["written"] - sum(causes.values())
        return {cause: count for cause, count in causes.items() if count > 0}

    def stats(self) -> dict[str, Any]:
        """Counters and gauges by name, for /metrics and the ledger."""
        lost: dict[str, int] = dict(self._captured.dropped)
        stats: dict[str, Any] = {
            "emitted": self.emitted,
            "prepared": self.prepared,
            "failed": self.failed,
            "queued": self._captured.total_events,
            "queued_bytes": self._captured.total_bytes,
            "streams": len(self._sources),
        }
        if self._sender is not None:
            stats.update(self._sender.stats())
            for cause, count in self._sender.dropped.items():
                lost[cause] = lost.get(cause, 0) + count
        stats["lost"] = lost
        return stats

    # --- the prepare thread ---------------------------------------------------------------

    def _run(self) -> None:
        captured = self._captured
        while True:
            heard = captured.wait(SILENCE / 2 if captured.holding else 1.0)
            if captured.holding:
                captured.release_silent(time.time())
            if not heard:
                continue
            time.sleep(LINGER)
            taken = captured.take(events=TURN_EVENTS, size=TURN_BYTES)
            for stream, items in taken:
                self._turn(stream, [item for _, item in items])
            captured.settled()
            if not taken and self._closing:
                return

    def _turn(self, stream: Stream, items: list[Captured | LaneLoss]) -> None:
        packed: list[Packed | LaneLoss] = []
        for item in items:
            if isinstance(item, LaneLoss):
                for hint in item.hints:
                    self._skip(hint)
                packed.append(LaneLoss(causes=item.causes, src=item.src))
                if self._taps:
                    entry = lost_entry(stream, item, now_ms=int(time.time() * 1000))
                    for tap in self._taps:
                        tap(stream, None, entry)
                continue
            try:
                ready = self._prepare(item)
            except Exception:
                # One line that breaks a rule or a codec must not end the others.
                self.failed += 1
                log.exception("an event of %s:%s could not be prepared", *stream)
                packed.append(self._captured.drop(item, cause="unprepared"))
                continue
            self.prepared += 1
            if ready is not None:
                packed.append(ready)
        if self._sender is not None and packed:
            self._sender.put(stream, packed)

    def _prepare(self, item: Captured) -> Packed | None:
        event = prepare(
            item,
            self._redaction,
            max_bytes=self._config.max_event_bytes,
            guess_levels=self._config.guess_levels,
        )
        origin = Origin(src=item.src, n=item.n)
        if self._config.mirror:
            mirror(event)
        if self._sender is None and not self._taps:
            return None
        entry = to_entry(event, origin)
        for tap in self._taps:
            tap(item.flow.stream, item.flow.install, entry)
        if self._sender is None:
            return None
        flow = item.flow
        key = stream_key(
            self._keys.prefix, flow.tenant, flow.extension, bucketed=self._keys.bucketed
        )
        return pack(key, entry, src=item.src, maxlen=self._config.maxlen)

    def _skip(self, hint: object) -> None:
        if isinstance(hint, Captured):
            self._redaction.skip(hint.flow, hint.output, text_of(hint.message))

    # --- the send thread ------------------------------------------------------------------

    def _unsettled(self, stream: Stream, count: int) -> None:
        """The connection broke over `count` entries and nothing follows them: let something."""
        self.emit(
            RequestFlow(tenant=stream[0], extension=stream[1]),
            Output.LOG,
            Level.WARN,
            f"the runner lost its connection to Redis while writing {count} events; "
            "if some of them are missing, a gap says how many",
        )
