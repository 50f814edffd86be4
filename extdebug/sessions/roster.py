"""The sessions of a process, kept as the supervisor's rounds ask about them.

A round that looks at each of a thousand sessions, four times a second, costs more by the memory
that it touches than by what it does. A session is looked at when it comes, when it was decided and
when it leaves.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from extdebug.sessions.feed import Feed
from extdebug.sessions.store import Lease
from policies.access import Decision, Viewer


class Asked(NamedTuple):
    """Who is asked about: a viewer of each sign-in, whose sessions stand at the same position, and
    the leases of all."""

    viewers: Sequence[Viewer]
    sessions: Sequence[Sequence[Feed]]
    leases: Sequence[Lease]


class Roster:
    """Owned by the supervisor; times are those of `time.monotonic`. `afresh`: seconds after which
    each is decided again."""

    def __init__(self, *, afresh: float) -> None:
        self._afresh = afresh
        self._decide_at: dict[Feed, float] = {}
        self._asked: Asked | None = None

    def __iter__(self) -> Iterator[Feed]:
        return iter(self._decide_at)

    def __contains__(self, feed: Feed) -> bool:
        return feed in self._decide_at

    def __bool__(self) -> bool:
        return bool(self._decide_at)

    def add(self, feed: Feed) -> None:
        self._decide_at[feed] = time.monotonic() + self._afresh
        self._asked = None

    def remove(self, feed: Feed) -> None:
        self._decide_at.pop(feed, None)
        self._asked = None

    def decided(self, feed: Feed, decision: Decision, *, asked: float) -> None:
        """Until when the answer to a question of the moment `asked` is good enough."""
        at = time.monotonic() + self._afresh
        if decision.until is not None:  # counted from the question, as the session does
            at = min(at, asked + (decision.until - decision.now).total_seconds())
        self._decide_at[feed] = at

    def stale(self, now: float) -> Sequence[Feed]:
        """Those whose last decision was long ago, or holds no more by time alone."""
        return [feed for feed, at in self._decide_at.items() if at <= now]

    @property
    def asked(self) -> Asked:
        """The same until somebody comes or leaves."""
        if self._asked is None:
            by_sign_in: dict[object, list[Feed]] = {}
            for feed in self._decide_at:
                by_sign_in.setdefault(feed.viewer.sign_in, []).append(feed)
            sessions = list(by_sign_in.values())
            viewers = [feeds[0].viewer for feeds in sessions]
            self._asked = Asked(viewers, sessions, [feed.lease for feed in self._decide_at])
        return self._asked
