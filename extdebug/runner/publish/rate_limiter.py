"""The rate limit of one stream: what is too much is one loss, its errors and last lines are kept.

While the limit holds, events are counted, not queued; only the newest few are kept, because how
it ended is what people look for. They follow the marker of the loss when the limit opens again,
when the stream falls silent, or at the end. Errors and the end of an execution have a reserve of
their own and pass at once, after as many of the lines before them as the reserve allows.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from extdebug.runner.publish.json_lines import claims_error
from extdebug.runner.publish.lane import MOST_HINTS, LaneLoss
from extdebug.runner.publish.redacting_encoder import Captured
from extdebug.runner.publish.token_bucket import LineBucket
from extdebug.wire.events import Level, Output

MOST_TAIL: Final = 32  # events kept while the limit holds
TAIL_BYTES: Final = 64 * 1024
SHARE: Final = 20  # the reserve and the tail are at most this part of the rate
FEWEST: Final = 5.0  # events the reserve holds, however low the rate
SILENCE: Final = 0.1  # s without an event after which the stream has fallen silent

Queued = list[tuple[Captured | LaneLoss, int]]  # with its size in bytes


class RateLimiter:
    """Touched under the lock that orders the stream's events. Moments are epoch seconds."""

    __slots__ = ("_bucket", "_hints", "_lost", "_reserve", "_src", "_tail", "_tail_bytes",
                 "_tail_most", "heard")  # fmt: skip

    def __init__(self, rate: float, *, src: str) -> None:
        """`rate` events a second, a second's worth at once; 0 is no limit. `src`: the numbering."""
        self._src = src
        self._bucket = LineBucket(rate, burst=max(1.0, rate))
        self._reserve = LineBucket(rate / SHARE, burst=max(FEWEST, rate / SHARE))
        self._tail: deque[tuple[Captured, int]] = deque()
        self._tail_bytes = 0
        self._tail_most = max(1, min(MOST_TAIL, int(rate / SHARE)))
        self._lost = 0
        self._hints: dict[object, Captured] = {}
        self.heard = 0.0  # when the last event was kept back

    @property
    def holding(self) -> bool:
        """Whether something waits for `release`."""
        return bool(self._tail)

    def admits(self, now: float) -> bool:
        """Whether the event can be queued as it is; otherwise it is for `limit`."""
        return self._bucket.allows(now) and not self._tail

    def limit(self, item: Captured, *, size: int, now: float) -> Queued:
        """What to queue, in order, for an event that was not admitted."""
        if not self._bucket.shut:  # open again, after what was kept
            return [*self.release(), (item, size)]
        if _urgent(item) and self._reserve.allows(now):
            while len(self._tail) > max(0.0, self._reserve.level):
                self._drop_oldest()
            self._reserve.charge(len(self._tail))
            return [*self._empty(), (item, size)]
        self.heard = now
        self._tail.append((item, size))
        self._tail_bytes += size
        while len(self._tail) > self._tail_most or (
            self._tail_bytes > TAIL_BYTES and len(self._tail) > 1
        ):
            self._drop_oldest()
        return []

    def release(self) -> Queued:
        """The loss and the newest events that were kept; they count against the limit."""
        self._bucket.charge(len(self._tail))
        return self._empty()

    def _empty(self) -> Queued:
        queued: Queued = []
        if self._lost:
            lost = LaneLoss(
                causes={"rate_limited": self._lost},
                src=self._src,
                hints=list(self._hints.values()),
            )
            queued.append((lost, 0))
        queued += self._tail
        self._tail.clear()
        self._tail_bytes, self._lost, self._hints = 0, 0, {}
        return queued

    def _drop_oldest(self) -> None:
        item, size = self._tail.popleft()
        self._tail_bytes -= size
        self._lost += 1
        kind = block_line(item)
        if kind is not None:  # the last of each kind decides whether a block is open
            key = (item.flow, item.output, kind)
            self._hints.pop(key, None)
            self._hints[key] = item
            if len(self._hints) > MOST_HINTS:
                del self._hints[next(iter(self._hints))]


def block_line(item: Captured) -> str | None:
    """`begin` or `end` when the line may begin or end a key block, which later lines depend on."""
    message = item.message
    if isinstance(message, str):
        if "-----" not in message:
            return None
        message = message.encode("utf-8", "replace")
    if b"-----" not in message or b"PRIVATE KEY" not in message:
        return None
    return "end" if b"-----END " in message else "begin"


def _urgent(item: Captured) -> bool:
    """An error, however it is said, or the end of an execution as the host tells it."""
    if item.level is Level.ERROR:
        return True
    if item.output is Output.LOG:
        return item.fields is not None and item.fields.get("event") == "end"
    return isinstance(item.message, bytes) and claims_error(item.message)
