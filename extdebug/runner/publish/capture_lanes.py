"""The lanes that guests write to: each stream's numbers, its limit and its queue."""

from __future__ import annotations

from extdebug.runner.publish.lane import Bounds, Lane, LaneLoss, Stream
from extdebug.runner.publish.lanes import Lanes
from extdebug.runner.publish.rate_limiter import SILENCE, Queued, RateLimiter, block_line
from extdebug.runner.publish.redacting_encoder import Captured


class Source:
    """One stream as this process numbers it. Touched under the lanes' lock."""

    __slots__ = ("lane", "limiter", "n", "src")

    def __init__(self, src: str, lane: Lane[Captured], *, rate: float, guess: bool) -> None:
        self.src = src
        self.lane = lane
        self.limiter = RateLimiter(rate, src=src, guess=guess)
        self.n = 0


class CaptureLanes(Lanes[Captured]):
    """`sources` are the streams that are known; `open` makes a new one."""

    def __init__(self, bounds: Bounds, *, boot: str, rate: float, guess: bool = True) -> None:
        super().__init__(bounds)
        self._boot = boot
        self._rate = rate
        self._guess = guess
        self._opened = 0
        self._holding: dict[Stream, Source] = {}  # limiters that keep something back
        self.sources: dict[Stream, Source] = {}

    def open(self, stream: Stream) -> Source:
        """Under `lock`. A stream that was forgotten counts anew, under another `src`."""
        self._opened += 1
        source = Source(
            f"{self._boot}.{self._opened:x}", self.lane(stream), rate=self._rate, guess=self._guess
        )
        self.sources[stream] = source
        return source

    def limit(self, source: Source, item: Captured, *, size: int, now: float) -> None:
        """Take an event that the limiter did not admit. Under `lock`."""
        self._queue(source, source.limiter.limit(item, size=size, now=now))
        if source.limiter.holding:
            self._holding[source.lane.stream] = source
        else:
            self._holding.pop(source.lane.stream, None)

    @property
    def holding(self) -> bool:
        """Whether a limiter keeps events back that `release` would queue."""
        return bool(self._holding)

    def release_silent(self, now: float) -> None:
        """Queue what the limiters keep of streams that have fallen silent (epoch seconds)."""
        with self.lock:
            for stream, source in list(self._holding.items()):
                # Also after the clock was set back: waiting for it could take hours.
                if not 0 <= now - source.limiter.heard < SILENCE:
                    del self._holding[stream]
                    self._queue(source, source.limiter.release())

    def release_all(self) -> None:
        """Queue everything that the limiters keep: nothing comes after it."""
        with self.lock:
            for source in self._holding.values():
                self._queue(source, source.limiter.release())
            self._holding.clear()
        self.ring()

    def idle(self) -> bool:
        return not self._holding and super().idle()

    def droppable(self, lane: Lane[Captured]) -> bool:
        return lane.stream not in self._holding and super().droppable(lane)

    def forgotten(self, stream: Stream) -> None:
        self.sources.pop(stream, None)

    def lost(self, item: Captured, *, cause: str) -> LaneLoss:
        """A dropped line that begins or ends a key block still changes what must be masked."""
        return LaneLoss(causes={cause: 1}, src=item.src, hints=[item] if block_line(item) else [])

    def drop(self, item: Captured, *, cause: str) -> LaneLoss:
        """Count the loss of an event that was taken already."""
        with self.lock:
            self.dropped[cause] = self.dropped.get(cause, 0) + 1
        return self.lost(item, cause=cause)

    def _queue(self, source: Source, queued: Queued) -> None:
        for item, size in queued:
            if isinstance(item, LaneLoss):
                self.lose(source.lane, item)
            else:
                self.put(source.lane, item, size)
