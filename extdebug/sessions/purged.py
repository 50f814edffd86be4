"""What operators removed of a stream, and how a gap that meets it says so. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from extdebug.streams.purge import Stretch
from extdebug.wire.events import Gap, GapReason
from extdebug.wire.positions import EntryId, before, behind


@dataclass(frozen=True, slots=True)
class Purged:
    """A stretch of one stream that an operator removes, and why, in words for its watchers."""

    stretch: Stretch
    reason: str


def named(gap: Gap, purged: Sequence[Purged]) -> Gap:
    """The gap, with the operator's reason where it reaches into what one removed.

    Count and place stay as they are: age may have taken lines of the same gap.
    """
    if gap.reason is not GapReason.RETENTION or gap.detail or not purged or gap.after is None:
        return gap
    first = behind(EntryId.parse(gap.after))
    last = before(EntryId.parse(gap.before)) if gap.before else first
    reasons = [one.reason for one in purged if one.stretch.overlaps(first, max(first, last))]
    if not reasons:
        return gap
    said = "; ".join(dict.fromkeys(reasons))
    return msgspec.structs.replace(gap, detail=f"an operator removed lines here: {said}")
