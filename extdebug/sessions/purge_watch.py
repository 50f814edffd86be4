"""What this process knows of purges: every session names them, and rereads what waits for it.

A purge removes lines from Redis; what was read before and not sent yet still lies in rings here.
Once it is carried out, sessions of its stream drop what waits and go on from their place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from extdebug.db import in_policy_threads
from extdebug.sessions.feed import Feed
from extdebug.sessions.purge_orders import recent
from extdebug.sessions.purged import Purged
from extdebug.wire.keys import Target
from extdebug.wire.ticks import round_after

POLL: Final = 0.75  # seconds between two looks when no hint comes

Found = Sequence[tuple[int, bool, Target, Purged]]  # as `purge_orders.recent` gives it


class PurgeWatch:
    """Owned by the supervisor. `read_again` lets the process' reader of a stream begin anew.

    `due` says that orders may have changed, after a hint; they are looked at every POLL besides.
    """

    def __init__(
        self, *, read_again: Callable[[Target], None], recent: Callable[[], Found] = recent
    ) -> None:
        self.due = True
        self._look_at = 0.0
        self._recent = recent
        self._read_again = read_again
        self._known: dict[Target, tuple[Purged, ...]] = {}
        self._changed = False  # what the last look found was not what was known before
        self._done: set[int] = set()

    def tell(self, feed: Feed) -> None:
        """What is known about its stream, for gaps that it is told from now on."""
        feed.flow.purged = self._known.get(feed.target, ())

    async def look(self, feeds: Sequence[Feed], *, now: float) -> None:
        """Lines that an operator removed are not told any more, wherever they wait here.

        `now` in seconds of any clock that does not go back."""
        if not feeds or not (self.due or now >= self._look_at):
            return
        self.due, self._look_at = False, round_after(now, POLL)
        try:
            found = await in_policy_threads(self._recent)
        except BaseException:
            self.due = True
            raise
        before, late = self._known, self._changed
        gone = self._use(found)
        self._changed = self._known != before
        for target in gone:
            self._read_again(target)
        # Once more at the next look: sessions came while these were read, and knew the earlier.
        for feed in feeds if self._changed or late or gone else ():
            self.tell(feed)
            if feed.target in gone:
                feed.read_again()

    def _use(self, found: Found) -> set[Target]:
        """The targets whose lines went since the last look."""
        known: dict[Target, list[Purged]] = {}
        fresh: set[Target] = set()
        done = {number for number, carried_out, _, _ in found if carried_out}
        for number, _, target, purged in found:
            known.setdefault(target, []).append(purged)
            if number in done - self._done:
                fresh.add(target)
        self._known = {target: tuple(purges) for target, purges in known.items()}
        self._done = done
        return fresh
