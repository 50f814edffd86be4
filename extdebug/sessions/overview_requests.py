"""Answers to `overview`: counts over a stream, for the session's selection, beside its order.

Counting takes longer than a page and must not hold up the session's events, so each request is a
task of its own. What it finds leaves through the feed, which checks authority, like all else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, Protocol

import msgspec
from redis.exceptions import RedisError

from extdebug.filters.filter import FilterError
from extdebug.hub.hub import Hub
from extdebug.hub.overview import CELL_MS, LEVELS, LOST, Cell, Counts, TooBusy
from extdebug.hub.selection import Selection
from extdebug.protocol import server_frames
from extdebug.protocol.client_frames import ErrorCode, Overview, ProtocolError
from extdebug.protocol.server_frame_parts import OverviewBucket
from extdebug.protocol.server_frames import OverviewFrame
from extdebug.sessions.flow_control import FlowControl
from extdebug.sessions.lifetime import LoopClock
from extdebug.sessions.session_frames import ControlFrame
from extdebug.streams.connection import LOST as REDIS_LOST
from extdebug.wire.events import LAST_MS, iso
from extdebug.wire.keys import Target

ASKED: Final = 2  # `overview` requests of one session that may run or wait
MOST_BUCKETS: Final = 600  # of one answer
USUAL_BUCKETS: Final = 120  # of one answer to whoever does not say how long a bucket is
_NICE: Final = (5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400)


class Shown(Protocol):
    """A session's playback, as far as counting goes: what it selects at the moment."""

    flow: FlowControl

    @property
    def selection(self) -> Selection: ...


class OverviewRequests:
    """Owned by a feed; `say` sends a frame."""

    def __init__(
        self, hub: Hub, target: Target, shown: Shown, *, say: Callable[[ControlFrame], None],
        clock: LoopClock, wall: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._hub = hub
        self._target = target
        self._shown = shown
        self._say = say
        self._clock = clock
        self._wall = wall
        self._running: list[asyncio.Task[None]] = []  # an empty set weighs four times as much

    def ask(self, wanted: Overview) -> None:
        """ProtocolError when too many run already."""
        if len(self._running) >= ASKED:
            raise ProtocolError(ErrorCode.TOO_FAST, "wait for the overview you asked for")
        task = asyncio.create_task(self._answer(wanted))
        self._running.append(task)
        task.add_done_callback(self._running.remove)

    def leave(self) -> None:
        """The session is over: nobody waits for an answer."""
        for task in self._running:
            task.cancel()

    async def _answer(self, wanted: Overview) -> None:
        since, _ = wanted.bounds
        error: Exception
        try:
            found = None
            while found is None:
                asked = self._shown.selection, self._hub.redactor
                found = await self._hub.overviews.count(
                    self._hub, self._target, asked[0], since_ms=since or 0
                )
                if asked != (self._shown.selection, self._hub.redactor):
                    found = None  # for another scope, filter or rules: nothing of it is told
        except TooBusy:
            error = ProtocolError(ErrorCode.TOO_FAST, "too many overviews are counted; ask again")
        except FilterError as failed:
            error = failed
        except (RedisError, *REDIS_LOST):
            error = ProtocolError(ErrorCode.UNAVAILABLE, "Redis does not answer; ask again")
        else:
            now, flow = self._clock.time(), self._shown.flow
            self._say(overview(wanted, found, flow, now=now, wall=self._wall()))
            return
        self._say(ControlFrame("error", server_frames.error_frame(error)))


def overview(
    wanted: Overview, found: Counts, flow: FlowControl, *, now: float, wall: float
) -> ControlFrame:
    """The frame, counted against the window like a page."""
    since, until = wanted.bounds
    newest = max(int(wall * 1000), found.last.ms)
    oldest = newest if found.oldest is None else found.oldest.ms
    since = min(max(since or 0, oldest), newest)
    until = max(min(newest + 1 if until is None else until, newest + 1), since + 1)
    seconds = bucket_of(since, until, least=wanted.bucket)
    width = seconds * 1000
    first, end = since // width * width, -(-until // width) * width
    buckets = () if found.oldest is None else tuple(in_buckets(found.cells, first, end, width))
    frame = OverviewFrame(
        id=wanted.id, seq=0, bucket=seconds, since=_iso(first), until=_iso(end),
        counted_since=_iso(max(found.first.ms, since)),
        counted_until=_iso(min(found.last.ms, until)),
        oldest=None if found.oldest is None else _iso(found.oldest.ms), trimmed=found.trimmed,
        buckets=buckets, done=found.done,
    )  # fmt: skip
    seq = flow.number(len(frame.encode()), now)
    frame = msgspec.structs.replace(frame, seq=seq)
    nothing = msgspec.structs.replace(
        frame, buckets=(), counted_since=frame.counted_until, oldest=None, trimmed=0, done=False
    )
    return ControlFrame("overview", frame.encode(), emptied=nothing.encode())


def bucket_of(since: int, until: int, *, least: int | None) -> int:
    """Seconds of a bucket: at least `least`, and so many that an answer has a bounded size."""
    most = USUAL_BUCKETS if least is None else MOST_BUCKETS
    enough = max(least or 0, -(-(until - since) // (most * 1000)))
    days = -(-enough // _NICE[-1])
    return next((nice for nice in _NICE if nice >= enough), days * _NICE[-1])


def in_buckets(cells: dict[int, Cell], since: int, until: int, width: int) -> list[OverviewBucket]:
    """The cells from `since` to `until` added up, both whole multiples of `width` in ms."""
    sums: dict[int, Cell] = {}
    for number, cell in cells.items():
        at = number * CELL_MS
        if since <= at < until:
            total = sums.setdefault((at - since) // width, [0] * len(cell))
            for place, count in enumerate(cell):
                total[place] += count
    return [OverviewBucket(n, _levels(sums[n]), sums[n][LOST]) for n in sorted(sums)]


def _levels(cell: Cell) -> tuple[int, int, int, int, int]:
    trace, debug, info, warn, error = cell[: len(LEVELS)]
    return trace, debug, info, warn, error


def _iso(ms: int) -> str:
    return iso(min(ms, LAST_MS))
