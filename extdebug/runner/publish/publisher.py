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
from extdebug.runner.publish.lanes import Bounds, Lane, LaneLoss, Lanes, Stream
from extdebug.runner.publish.local_log import mirror
from extdebug.runner.publish.redacting_encoder import Captured, Redaction, prepare, text_of
from extdebug.runner.publish.redaction import load_redaction
from extdebug.runner.publish.sender import Packed, Sender, lost_entry, pack
from extdebug.runner.publish.token_bucket import LineBucket
from extdebug.wire.entries import to_entry
from extdebug.wire.events import Level, Origin, Output
from extdebug.wire.keys import stream_key

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


class Source:
    """One stream as this process numbers it. Touched under the lanes' lock."""

    __slots__ = ("bucket", "lane", "n", "src")

    def __init__(self, src: str, lane: Lane[Captured], bucket: LineBucket) -> None:
        self.src = src
        self.lane = lane
        self.bucket = bucket
        self.n = 0


class CaptureLanes(Lanes[Captured]):
    """The lanes that guests write to, with each stream's numbering."""

    def __init__(self, bounds: Bounds, *, boot: str, rate: float) -> None:
        super().__init__(bounds)
        self._boot = boot
        self._rate = rate
        self._opened = 0
        self.sources: dict[Stream, Source] = {}

    def open(self, stream: Stream) -> Source:
        """Under `lock`. A stream that was forgotten counts anew, under another `src`."""
        self._opened += 1
        bucket = LineBucket(self._rate, burst=self._rate)
        source = Source(f"{self._boot}.{self._opened:x}", self.lane(stream), bucket)
        self.sources[stream] = source
        return source

    def forgotten(self, stream: Stream) -> None:
        self.sources.pop(stream, None)

    def lost(self, item: Captured, *, cause: str) -> LaneLoss:
        """A dropped line that begins or ends a key block still changes what must be masked."""
        message = item.message
        marked = b"-----" in message if isinstance(message, bytes) else "-----" in message
        return LaneLoss(causes={cause: 1}, src=item.src, hints=[item] if marked else [])


class Publisher:
    """What a process that runs guests needs one of. `close` flushes within a bound."""

    def __init__(self, config: PublisherConfig, *, redaction: Redaction | None = None) -> None:
        self._config = config
        self.boot = secrets.token_hex(6)
        bounds = Bounds(
            events=config.lane_events, bytes=config.lane_bytes, total_bytes=config.total_bytes
        )
        self._catch_up = CaptureLanes(bounds, boot=self.boot, rate=config.rate)
        self._sources = self._catch_up.sources
        self._redaction = redaction or load_redaction(config.redaction_key)
        self._taps: tuple[Tap, ...] = ()
        self._closing = False
        self._busy = False
        self.emitted = 0
        self.prepared = 0
        self.failed = 0
        self._sender: Sender | None = None
        if config.redis_url is not None:
            self._sender = Sender(config, bounds=bounds, unsettled=self._unsettled)
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
    ) -> None:
        """Take one event. Returns at once, raises nothing; `fields` must not change afterwards."""
        size = len(message)
        if size > MOST_TEXT:
            message, size, cut = message[:MOST_TEXT], MOST_TEXT, True
        catch_up = self._catch_up
        now = time.time()
        with catch_up.lock:
            source = self._sources.get(flow.stream) or catch_up.open(flow.stream)
            source.n += 1
            self.emitted += 1
            item = Captured(
                source.src, source.n, int(now * 1000), flow, output, level, message, fields, cut,
                structured,
            )  # fmt: skip
            if source.bucket.allows(now):
                catch_up.put(source.lane, item, size + OVERHEAD)
            else:
                catch_up.lose(source.lane, catch_up.lost(item, cause="rate_limited"))
        catch_up.ring()

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
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            idle = not self._busy and not self._catch_up.total_events and not self._catch_up.sizes()
            if idle and (self._sender is None or self._sender.idle()):
                return True
            time.sleep(0.002)
        return False

    def close(self, timeout: float | None = None) -> int:
        """Flush within the bound and stop; how many events were left, which is also logged."""
        if self._closing:
            return 0
        self.flush(self._config.flush_timeout if timeout is None else timeout)
        self._closing = True
        self._catch_up.close()
        self._thread.join(timeout=1.0)
        left = self._catch_up.total_events
        if self._sender is not None:
            left += self._sender.close()
        if left:
            log.warning("publisher stopped with %d events not written to Redis", left)
        return left

    def stats(self) -> dict[str, Any]:
        """Counters and gauges by name, for /metrics and the ledger."""
        lost: dict[str, int] = dict(self._catch_up.dropped)
        stats: dict[str, Any] = {
            "emitted": self.emitted,
            "prepared": self.prepared,
            "failed": self.failed,
            "queued": self._catch_up.total_events,
            "queued_bytes": self._catch_up.total_bytes,
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
        while True:
            if not self._catch_up.wait(1.0):
                continue
            time.sleep(LINGER)
            self._busy = True
            taken = self._catch_up.take(events=TURN_EVENTS, size=TURN_BYTES)
            for stream, items in taken:
                self._turn(stream, [item for _, item in items])
            self._busy = False
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
                packed.append(self._catch_up.lost(item, cause="unprepared"))
                continue
            self.prepared += 1
            if ready is not None:
                packed.append(ready)
        if self._sender is not None and packed:
            self._sender.put(stream, packed)

    def _prepare(self, item: Captured) -> Packed | None:
        event = prepare(item, self._redaction, max_bytes=self._config.max_event_bytes)
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
        key = stream_key(self._config.prefix, item.flow.tenant, item.flow.extension)
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
