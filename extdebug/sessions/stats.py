"""What the sessions of this process came to since it started: counters that only grow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from extdebug.protocol.close_codes import CloseCode
from extdebug.sessions import close_reasons
from extdebug.sessions.account import Account
from extdebug.sessions.close_reasons import CloseReason
from extdebug.sessions.store import Lease

# Ends that somebody other than the watcher and the clock brought about.
CUTS: Final = frozenset({CloseCode.UNAUTHENTICATED, CloseCode.REVOKED, CloseCode.ENDED})


class Counted(Protocol):
    """A feed, as far as its figures go."""

    @property
    def account(self) -> Account: ...

    @property
    def lease(self) -> Lease: ...


@dataclass(slots=True)
class Totals:
    """Events shown, left out by filters, and stated lost by reason."""

    shown: int = 0
    filtered: int = 0
    lost: Counter[str] = field(default_factory=Counter)

    def add(self, account: Account, before: Lease) -> None:
        """What a feed showed in this process; a resumed session brings earlier figures along."""
        self.shown += account.shown - before.shown
        self.filtered += account.filtered - before.filtered
        self.lost.update(account.lost)
        self.lost.subtract(before.lost or {})


@dataclass(slots=True)
class SessionStats:
    """Owned by the Node. Labels come from closed vocabularies, never from clients."""

    opened: Counter[str] = field(default_factory=Counter)  # by transport
    resumed: Counter[str] = field(default_factory=Counter)  # by transport
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)  # by code and reason
    ended: Counter[str] = field(default_factory=Counter)  # how: a close code's name, left, lost
    cut: Counter[str] = field(default_factory=Counter)  # by reason
    past: Totals = field(default_factory=Totals)  # of sessions that are over

    def begun(self, lease: Lease, transport: str) -> None:
        (self.resumed if lease.resumed else self.opened)[transport] += 1

    def refuse(self, end: CloseReason) -> None:
        self.refused[end.code.name.lower(), end.reason] += 1

    def over(self, end: CloseReason | None, account: Account, lease: Lease, *, gone: bool) -> None:
        """Once for each feed, when it finishes."""
        if end is None:
            self.ended["lost" if gone else "left"] += 1
        elif end is close_reasons.TAKEN:
            self.ended["taken_over"] += 1
        else:
            self.ended[end.code.name.lower()] += 1
            if end.code in CUTS and end is not close_reasons.END_OF_RANGE:
                self.cut[end.reason] += 1
        self.past.add(account, lease)

    def totals(self, live: Iterable[Counted]) -> Totals:
        """Over all sessions of this process, those that live included."""
        totals = Totals(self.past.shown, self.past.filtered, Counter(self.past.lost))
        for feed in live:
            totals.add(feed.account, feed.lease)
        return totals
