"""What one session says next. The order is promise 1: its end, its authority, then all else.

Nothing of the stream leaves before the decision in force was confirmed, or when its time is up.
Synchronous: between the look at the authority and the message there is no await.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from extdebug.protocol.server_frames import StreamState
from extdebug.sessions import close_reasons, session_frames
from extdebug.sessions.authority import Authority
from extdebug.sessions.close_reasons import CloseReason
from extdebug.sessions.flow_control import LIMITED_EVERY, Events, GapNotice
from extdebug.sessions.playback import Playback
from extdebug.sessions.presence import Presence
from extdebug.sessions.session_frames import ControlFrame
from extdebug.sessions.status import StatusTeller

FRAMES_KEPT: Final = 64  # small frames that may wait for a slow client

Spoken = Events | GapNotice | ControlFrame
Message = Spoken | CloseReason


class Turn:
    """Owned by a feed. `decide_soon` asks the supervisor, when the authority has run out."""

    def __init__(
        self,
        authority: Authority,
        playback: Playback,
        presence: Presence,
        status: StatusTeller,
        *,
        decide_soon: Callable[[], None],
    ) -> None:
        self._authority = authority
        self._lifetime = authority.lifetime
        self._playback = playback
        self._flow = playback.flow
        self._presence = presence
        self._status = status
        self._decide_soon = decide_soon
        self._control_frames: list[ControlFrame] = []
        self._stepped_at = 0.0

    def say(self, frame: ControlFrame) -> None:
        """A small frame to send when its turn comes; the oldest of too many goes."""
        if len(self._control_frames) >= FRAMES_KEPT:
            del self._control_frames[0]
        self._control_frames.append(frame)

    def empty(self) -> None:
        """What waits was found for another scope: it says so without what was found."""
        self._control_frames = [session_frames.emptied(frame) for frame in self._control_frames]

    def step(self, now: float) -> Message | None:
        """The next message, if there is one at this moment of the loop's clock."""
        self._stepped_at = now
        if not self.calm(now):
            message = self._before_the_stream(now)
            if message is not None or not self._may_show(now):
                return message
        return (
            self._playback.deliver(now)
            or self._flow.limited(now, before=None)
            or self._status.frame(now)
        )

    def calm(self, now: float) -> bool:
        """Whether nothing comes before the stream: what `_before_the_stream` would find, as it is
        for nearly every message, in a third of the time."""
        authority = self._authority
        return (
            now < self._lifetime.quiet_until
            and authority.confirmed
            and authority.ending is None
            and not self._control_frames
            and not self._status.account_due(now)
            and self._presence.settled(authority.decision)
            and self._playback.failed is None
        )

    def _may_show(self, now: float) -> bool:
        authority = self._authority
        return authority.ending is None and authority.confirmed and not self._lifetime.due(now)

    def _before_the_stream(self, now: float) -> Message | None:
        authority, lifetime = self._authority, self._lifetime
        authority.end_on_time(now)
        failed = self._playback.failed
        if failed is not None:  # it selects nothing any more: the account would not be true
            authority.end(close_reasons.bad_request(str(failed), reason=failed.code), now=now)
        if authority.ending is not None:
            return authority.ending
        if not authority.confirmed:
            return None  # a change while we opened counts: the supervisor decides first
        if lifetime.due(now):
            # Nothing more under an authority that ended: the supervisor decides afresh.
            self._decide_soon()
            return None
        if self._control_frames:
            return self._control_frames.pop(0)
        if lifetime.warn(now):
            return session_frames.expiring(lifetime, now=now)
        if self._status.account_due(now):
            return self._status.frame(now, always=True)
        return self._presence.frame(authority.decision)

    def next_at(self, now: float) -> float:
        """When there may be something to say by time alone."""
        at = min(self._lifetime.next(now), self._status.next_at, self._playback.next_at)
        refused = self._flow.refused_since
        return at if refused is None else min(at, refused + LIMITED_EVERY)

    def told_all(self, message: Spoken) -> bool:
        """Whether another `step` would find nothing behind this message, if nothing but lines came
        since a `step` found nothing: it told them, and they change nothing else."""
        flow, status = self._flow, self._status
        return (
            type(message) is Events
            and status.state is StreamState.LIVE
            and not status.account_due(self._stepped_at)
            and flow.refused_since is None
            and not (flow.open and self._playback.catch_up.waiting)
        )

    @property
    def timed(self) -> bool:
        """Whether what was delivered may have brought that moment nearer."""
        return self._flow.refused_since is not None or self._playback.timed
