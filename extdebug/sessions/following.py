"""The next lines of a session that was told all there was, and follows the live stream.

While nothing but lines comes, little of what `Turn.step` looks at can change. That is looked at
here, and the line is told; where anything is not as usual, `step` is asked. Of the 6.5 us that a
line takes for one more session, until it is written, this saves 1.7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from extdebug.hub.selection import FRAME_EVENTS
from extdebug.protocol.server_frames import StreamState
from extdebug.sessions.authority import Authority
from extdebug.sessions.flow_control import Events
from extdebug.sessions.lifetime import LoopClock
from extdebug.sessions.paging import Paging
from extdebug.sessions.place import follows
from extdebug.sessions.playback import Playback
from extdebug.sessions.status import StatusTeller

LIVE: Final = StreamState.LIVE  # an enumeration's member takes 50 ns to find


class Following:
    """Owned by a feed. To be asked only while nothing but lines has come since `step` had nothing
    to say. `more`: whether there may be something to say behind the lines that were made last."""

    __slots__ = (
        "_authority", "_catch_up", "_clock", "_flow", "_lifetime", "_paging", "_playback",
        "_status", "more",
    )  # fmt: skip

    def __init__(
        self, authority: Authority, playback: Playback, status: StatusTeller, paging: Paging, *,
        clock: LoopClock,
    ) -> None:  # fmt: skip
        self.more = False
        self._authority = authority
        self._lifetime = authority.lifetime
        self._playback = playback
        self._flow = playback.flow
        self._catch_up = playback.catch_up
        self._status = status
        self._paging = paging
        self._clock = clock

    def lines(self, most: int) -> Sequence[Events]:
        """The messages that `step` would make one after the other, `most` of them, where those are
        runs of live events right behind the session's place and each a frame by itself; none of
        them: `step` has to be asked."""
        now, authority, status, flow = self._clock.time(), self._authority, self._status, self._flow
        if (
            not flow.plain
            or now >= self._lifetime.quiet_until
            or not authority.confirmed
            or authority.ending is not None
            or status.state is not LIVE
            or now >= status.quiet_until
            or self._playback.held
            or self._paging.asked
        ):
            return ()
        ring = self._catch_up.live_ring
        if ring is None:
            ring = self._catch_up.rejoined()
            if ring is None:
                return ()
        made: list[Events] = []
        while len(made) < most:
            piece = ring.whole_frame(FRAME_EVENTS)
            if piece is None or (chunk := piece.chunk) is None or not follows(flow.at, piece):
                break
            if not flow.fits(chunk.size):
                break
            self.more = ring.pop_frame()
            if not flow.admits(chunk, now):
                flow.refuse(piece, now)
                self.more = True  # it has to be told, at its time
                break
            made.append(flow.show_one(piece, chunk, now))
            if not self.more:
                break
        if made:
            status.spoke(now)
        return made
