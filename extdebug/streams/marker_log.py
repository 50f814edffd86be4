"""How a stream's producers stood at the last places that a reader came by.

Pure. A reader that begins in the middle of the stream cannot find it out: which hole a marker is
for, and whether there is one, may depend on entries that the stream holds no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from extdebug.streams.producers import Markers, Stand
from extdebug.wire.positions import ZERO_ID, EntryId, before

MOST: Final = 256  # changes that are kept at least


class MarkerLog:
    """Of one reader, by boot id (`src`)."""

    def __init__(self) -> None:
        self._since = ZERO_ID  # nothing is known of the places before
        self._at_first: dict[str, Markers] = {}
        # By entry: the producer, how its markers stand behind it, its last number before it.
        self._changes: list[tuple[EntryId, str, Markers, int | None]] = []

    def begin(self, at: EntryId, known: Mapping[str, Markers]) -> None:
        """So they stand at `at`; a producer that is not among them is not known there."""
        self._since, self._changes = at, []
        self._at_first = dict(known)

    def note(self, at: EntryId, src: str, markers: Markers, *, last: int | None) -> None:
        """The entry `at` changed this one; `last` as in a Stand."""
        self._changes.append((at, src, markers, last))
        if len(self._changes) > 2 * MOST:
            old, self._changes = self._changes[:MOST], self._changes[MOST:]
            self._since = max(self._since, old[-1][0])
            self._at_first.update((src, markers) for _, src, markers, _ in old)

    def learnt(self, src: str, markers: Markers) -> None:
        """So this one stood ever since the log began: until now nothing was known of it."""
        self._at_first[src] = markers

    def forget(self, src: str) -> None:
        self._at_first.pop(src, None)

    def as_of(self, at: EntryId) -> Mapping[str, Markers]:
        """Those that are known at a place which the reader has come by."""
        if at < self._since:
            return {}
        found = dict(self._at_first)
        found.update((src, markers) for id, src, markers, _ in self._changes if id <= at)
        return found

    def stand(self, src: str, n: int | None, at: EntryId) -> Stand | None:
        """How this one stood right before its entry `at`, which the reader has come by and which
        has the number `n`; None: not known."""
        markers = self._at_first.get(src) if before(at) >= self._since else None
        last = None if n is None else n - 1  # an entry that changed nothing was the next
        for id, who, behind, number in self._changes:
            if who == src and id < at:
                markers = behind
            elif who == src and id == at:
                last = number
        return None if markers is None else Stand(markers, last)


NOTHING_KNOWN: Final = MarkerLog()
