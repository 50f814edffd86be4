"""The rate limit of one stream: what is too much is one loss, its errors and last lines are kept.

While the limit holds, events are counted, not queued; only the newest few are kept, because how
it ended is what people look for. They follow the marker of the loss when the limit opens again,
when the stream falls silent, or at the end. Three kinds pass at once, each out of a reserve of its
own, so that a flood of one cannot cost another: errors that say they are errors; lines that are
errors only by where they were written or how they begin; what the host tells of its executions.
The first of a burst brings some of the lines before it along.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Final

from extdebug.runner.publish.json_lines import claims_error
from extdebug.runner.publish.lane import MOST_HINTS, LaneLoss
from extdebug.runner.publish.redacting_encoder import Captured
from extdebug.runner.publish.text_levels import LOOKED_AT, guess_level
from extdebug.runner.publish.token_bucket import LineBucket
from extdebug.wire.events import Level, Output

MOST_TAIL: Final = 32  # events kept while the limit holds
TAIL_BYTES: Final = 64 * 1024
SHARE: Final = 20  # the errors' reserve and the tail are at most this part of the rate
LESSER: Final = 2  # the two other reserves are this part of the errors'
FEWEST: Final = 5.0  # events a reserve holds, however low the rate
# What a prefix of level error has in it: a cheap look before the guess.
_ALARMING: Final = re.compile(
    rb"err|eror|fatal|crit|panic|severe|emerg|alert|fail|ftl|^[EF]\d|^<\d|[=\[]\s*[ef]",
    re.IGNORECASE,
)
SILENCE: Final = 0.25  # s without an event after which the stream has fallen silent

Queued = list[tuple[Captured | LaneLoss, int]]  # with its size in bytes


class RateLimiter:
    """Touched under the lock that orders the stream's events. Moments are epoch seconds."""

    __slots__ = ("_bucket", "_errors", "_guess", "_hints", "_lost", "_presumed", "_src", "_tail",
                 "_tail_bytes", "_tail_most", "_told", "heard")  # fmt: skip

    def __init__(self, rate: float, *, src: str, guess: bool = True) -> None:
        """`rate` events a second, a second's worth at once; 0 is no limit. `src`: the numbering.
        `guess`: whether a plain line's level is guessed from how it begins."""
        self._src = src
        self._guess = guess
        self._bucket = LineBucket(rate, burst=max(1.0, rate))
        self._errors = _reserve(rate / SHARE)
        self._presumed = _reserve(rate / SHARE / LESSER)
        self._told = _reserve(rate / SHARE / LESSER)
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
        reserve = self._reserve_of(item, now)
        if reserve is not None:
            # Lines before it, out of the first half: the other is for more of its kind.
            while len(self._tail) > max(0.0, reserve.level - reserve.burst / 2):
                self._drop_oldest()
            reserve.charge(len(self._tail))
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

    def _reserve_of(self, item: Captured, now: float) -> LineBucket | None:
        """The reserve out of which the event passes, one token taken; None when it has none."""
        if item.told:
            return self._told if self._told.allows(now) else None
        if _says_error(item):
            return self._errors if self._errors.allows(now) else None
        if item.output is Output.LOG or not self._presumed.allows(now):
            return None  # asked first: the guess costs the guest's thread more
        if presumed_error(item, guess=self._guess):
            return self._presumed
        self._presumed.charge(-1)
        return None

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


def _reserve(rate: float) -> LineBucket:
    return LineBucket(rate, burst=max(FEWEST, rate))


def _says_error(item: Captured) -> bool:
    """A log call of level error, or a line of JSON that claims it."""
    if item.output is Output.LOG:
        return item.level is Level.ERROR
    return isinstance(item.message, bytes) and claims_error(item.message)


def presumed_error(item: Captured, *, guess: bool) -> bool:
    """A plain line that will be shown as an error, though nothing but its output or its beginning
    says so. Called for lines of stdout and stderr that do not say it."""
    message = item.message
    if isinstance(message, str):
        message = message.encode("utf-8", "replace")
    begin = message[:LOOKED_AT]
    if b"{" in begin[:16]:
        return False  # JSON says its own level
    if not guess:
        return item.level is Level.ERROR
    on_stderr = item.level is Level.ERROR
    if not on_stderr and b"\n" not in message and not _ALARMING.search(begin):
        return False
    guessed = guess_level(begin.decode("utf-8", "replace"))
    return guessed is Level.ERROR or (guessed is None and (on_stderr or b"\n" in message))
