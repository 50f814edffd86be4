"""Where one session's pieces come from: history, then the live ring, or straight from runners.

The subscription is made before history is read, so that what is written meanwhile waits in the
ring: joined without hole or double, and begun anew from any place without losing what was queued.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from redis.exceptions import RedisError

from extdebug.hub.history import History
from extdebug.hub.hub import Hub
from extdebug.hub.pieces import Piece
from extdebug.hub.ring_buffer import RingBuffer
from extdebug.hub.runner_buffer import of_buffer
from extdebug.hub.selection import FRAME_EVENTS, Selection
from extdebug.hub.subscription import Subscription
from extdebug.streams.connection import LOST
from extdebug.wire.keys import Target
from extdebug.wire.positions import ZERO_ID, Cursor, Start

log = logging.getLogger(__name__)

ReadPast = Callable[[Hub, Subscription, Start], History]  # makes what reads a session's past


class CatchUp:
    """One session's subscription and its reading of the past. `wake` is called as they move or,
    where it is given, `lines_came` as the ring got lines and nothing else has changed."""

    def __init__(
        self,
        hub: Hub,
        target: Target,
        *,
        wake: Callable[[], None],
        lines_came: Callable[[], None] | None = None,
        ring_bytes: int,
        keeps_up: Callable[[], bool],
        step_aside: Callable[[], None],
        history: ReadPast = History,
    ) -> None:
        self._hub = hub
        self._keeps_up = keeps_up
        self._step_aside = step_aside
        self._make_history = history
        self._target = target
        self._wake = wake
        self._lines_came = lines_came or wake
        self._ring_bytes = ring_bytes
        self._sub: Subscription | None = None
        self._history: History | None = None
        self._begun = self._was_here = self._rounds = False
        self._found: Cursor | None = None  # where the history begins, until a page of it came
        self._pieces: list[Piece] = []  # a page's at the most
        self._problem = ""

    def begin(self, selection: Selection, start: Start, *, rounds: bool = False) -> Start:
        """Join live first, then read history up to where live began: no hole, no double.

        `rounds`: stop there instead of going on live, `exhausted`, for whoever reads slowly: the
        stream keeps what comes meanwhile, not the ring, and it is begun again from the last place.
        Returns the start to begin anew from before its place is found: "now" stays this moment.
        """
        self._rounds = rounds
        if self._sub is None:
            self._sub = self._hub.subscribe(
                self._target, selection, self._wake, ring_bytes=self._ring_bytes
            )
            self._sub.keeps_up = self._keeps_up
            self._sub.step_aside = self._step_aside
            self._sub.lines_came = self._lines_came
            was_here = self._was_here or start.cursor is not None
            if was_here and self._sub.runner_buffer is not None and self._sub.watched.streamless:
                self._sub.runner_buffer.passed_over(ms=int(time.time() * 1000))
            self._was_here = True
        else:
            if (buffer := self._sub.runner_buffer) is not None:
                for piece in self._pieces:
                    if of_buffer(piece):
                        buffer.put_back(piece, self._sub.watched.decoder)
            self._sub.restart(selection, taken=self._pieces)
        self._pieces.clear()
        again = start
        if start.tail == 0 and self._sub.boundary is not None:
            again = Start(cursor=self._sub.boundary)
        elif start.tail == 0:
            # "Now" is this moment, not the one at which the stream can be read.
            again = start = Start(since_ms=int(time.time() * 1000))
        self._history = self._make_history(self._hub, self._sub, start)
        self._begun, self._found = False, None
        self._wake()
        return again

    def leave(self) -> None:
        """Hold nothing any more. What was queued can be read again from Redis."""
        if self._sub is not None:
            self._hub.unsubscribe(self._sub)
        self._sub = self._history = None
        self._pieces.clear()

    def take(self, position: Cursor) -> Piece | None:
        """The next piece for a session that stands at `position`."""
        if self._pieces:
            return self._pieces.pop(0)
        sub = self._sub
        if sub is None:
            return None
        if (buffer := sub.runner_buffer) is not None:
            buffer.stands_at(position)
            if buffer.waiting:
                return buffer.take(position)
        return None if self._history is not None or self._rounds else sub.ring.take()

    def whole_frame(self) -> Piece | None:
        """What `take` would give, left where it is, if it is of the live stream and its lines make
        a frame by themselves."""
        if self._pieces and self._sub is not None and not self.reading and not self._rounds:
            first = self._pieces[0]
            full = first.chunk is not None and first.chunk.count >= FRAME_EVENTS
            return first if full and not (first.history or first.admitted) else None
        ring = self.live_ring
        return None if ring is None else ring.whole_frame(FRAME_EVENTS)

    @property
    def live_ring(self) -> RingBuffer | None:
        """What `take` takes from, if that is the live stream alone: nothing waits before it, and
        runners told nothing that may come again."""
        sub = self._sub
        if sub is None or self._pieces or self._rounds or self._history is not None:
            return None
        buffer = sub.runner_buffer
        return None if buffer is not None and (buffer or buffer.waiting) else sub.ring

    def rejoined(self) -> RingBuffer | None:
        """`live_ring`, with a line of it that was put back in it again, where that is all that
        waits before it, and nothing behind it was dropped."""
        sub = self._sub
        alone = len(self._pieces) == 1 and not (self.reading or self._rounds)
        plain = sub is not None and sub.runner_buffer is None and sub.ring.dropped_upto is None
        if alone and sub is not None and plain:
            piece = self._pieces[0]
            if piece.chunk is not None and not (piece.history or piece.admitted):
                self._pieces.clear()
                sub.ring.put_back(piece)
        return self.live_ring

    def put_back(self, piece: Piece) -> None:
        """It does not fit now: the next `take` gives it again."""
        self._pieces.insert(0, piece)

    @property
    def readable(self) -> bool:
        """Whether history is left to read, and nothing read is left to send."""
        ready = self._sub is not None and self._sub.boundary is not None
        return self._history is not None and ready and not self._pieces

    async def read(self) -> Cursor | None:
        """Read on. Returns the place of the start when this found it; LOST or RedisError if not."""
        history = self._history
        if history is None or self._sub is None:
            return None
        try:
            if not self._begun:
                place = await history.begin()
                if self._history is not history:
                    return None  # begun anew while we read
                self._begun, self._found = True, place
            pieces = await history.page()
        except (RedisError, *LOST) as error:
            self._problem = f"Redis does not answer ({type(error).__name__})"
            log.info("history of %s: %s", self._target, error)
            raise
        self._problem = ""
        if self._history is not history:
            return None
        self._pieces.extend(pieces)
        if history.done:
            self._history = None
            if not self._rounds:
                self._sub.ring.release()
        found, self._found = self._found, None
        return found

    @property
    def attached(self) -> bool:
        return self._sub is not None and self._sub.boundary is not None

    @property
    def reading(self) -> bool:
        return self._history is not None

    @property
    def exhausted(self) -> bool:
        """Whether a round is over: all is told that the stream held when it was begun."""
        return self._rounds and self.attached and self._history is None and not self._pieces

    @property
    def newest(self) -> Cursor:
        """The stream's last place, once it is attached."""
        return Cursor(ZERO_ID) if self._sub is None else self._sub.watched.cursor

    def better_read(self, place: Cursor) -> bool:
        """Whether a session at `place` loses nothing if it gives up what waits here, and reads it
        from Redis: of the same life, all that follows is there, and will be for a while or is more
        than the ring has."""
        sub = self._sub
        if sub is None or (snapshot := sub.watched.snapshot) is None or self.problem:
            return False
        if place.epoch != self.newest.epoch or place.index is None or snapshot.deleted > place.id:
            return False
        account = sub.watched.account
        if account is None or account.explained or sub.ring.told_once:
            return False  # what was told of it already, nobody knows who reads it anew
        if snapshot.first is None or any(piece.told_once for piece in self._pieces):
            return False
        if (dropped := sub.ring.dropped_upto) is not None:
            return snapshot.first <= (place if self._pieces else dropped).id
        return not snapshot.soon_gone(place.index)

    @property
    def waiting(self) -> bool:
        """Whether something is queued that the session was not sent yet."""
        return bool(self._pieces) or (self._sub is not None and bool(self._sub.ring))

    @property
    def problem(self) -> str:
        """Why nothing new comes, in a person's words."""
        if self._sub is None:
            return ""
        return self._problem or self._hub.problem(self._target)

    @property
    def on_runners(self) -> str:
        """What to say when lines come straight from runners now; else empty."""
        return self._hub.fallback(self._target) if self._sub is not None else ""
