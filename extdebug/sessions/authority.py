"""Whether one session may go on: the decision in force, the time that is left, and its end.

Told from outside by policy and by the clock; every `now` is the loop's time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from extdebug.sessions import close_reasons
from extdebug.sessions.close_reasons import CloseReason
from extdebug.sessions.lifetime import Lifetime
from extdebug.sessions.store import Lease
from extdebug.wire.light_waits import LightEvent
from policies.access import Decision

UNSERVED: Final = 5.0  # seconds after its end, or unasked from its beginning: nobody serves it


class Authority:
    """Owned by a feed; `wake` is called when what the session may do has changed.

    `confirmed` is False until a decision made after the opening arrived; `asked` is set by the
    feed when a transport first asks for a message. `told` is called once, when the session ends.
    """

    def __init__(
        self, decision: Decision, lease: Lease, *, wake: Callable[[], None], now: float
    ) -> None:
        self.decision = decision
        self.confirmed = self.asked = False
        self.ending: CloseReason | None = None
        self.ended = LightEvent()
        self.told: Callable[[CloseReason], None] | None = None
        self.lifetime = Lifetime()
        self.lifetime.until(lease.expires_at, now=now)
        self.lifetime.authority(decision.until, decided=decision.now, now=now)
        self._wake = wake
        self._born = now
        self._ended_at: float | None = None

    def end(self, end: CloseReason, *, now: float) -> None:
        """End now, for this reason; the first reason stands."""
        if self.ending is None:
            self.ending = end
            self._ended_at = now
            self.ended.set()
            self._wake()
            if self.told is not None:
                self.told(end)

    def apply(self, decision: Decision, *, asked_at: float, now: float) -> bool:
        """A decision made afresh: end, or go on under it. Whether the session's scope changed.

        `asked_at` is the loop's time before the question.
        """
        if not decision.allowed:
            self.end(close_reasons.cut(decision), now=now)
            return False
        before, waited = self.decision, not self.confirmed or self.lifetime.due(now)
        self.confirmed = True
        # Counted from the question: an answer that was long on its way prolongs nothing.
        self.lifetime.authority(decision.until, decided=decision.now, now=asked_at)
        if _same(decision, before) and not waited:
            return False  # as nearly always: there is nothing to look at again, and nobody waits
        self.decision = decision
        self._wake()
        return decision.installs != before.installs

    def end_on_time(self, now: float) -> None:
        """End the session when its time is up."""
        if self.lifetime.over(now):
            self.end(close_reasons.TIME_UP, now=now)

    def unserved(self, now: float) -> bool:
        """Whether no transport takes what there is to say any more: stuck, or never begun."""
        if self.asked and self._ended_at is None and now < self.lifetime.quiet_until:
            return False  # as it is for nearly all who are asked about, each half a second
        self.end_on_time(now)  # who is stuck in a send does not ask for the time
        if self._ended_at is not None:
            return now - self._ended_at >= UNSERVED
        if self.asked or now - self._born < UNSERVED:
            return False
        self.end(close_reasons.unavailable("Nobody came for the stream."), now=now)
        return True


def _same(one: Decision, other: Decision) -> bool:
    """Whether nothing but the moment and the version differs."""
    return (
        one == other
        and one.grant_reason == other.grant_reason
        and one.break_glass == other.break_glass
        and one.tenant_admin == other.tenant_admin
    )
