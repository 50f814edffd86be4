"""Why lines are missing, in the few words that a table has room for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from extdebug.wire.events import GapReason

WORDS: Final[dict[str, str]] = {
    GapReason.NOT_CONSUMED: "skipped (slow watcher)",
    GapReason.RATE_LIMITED: "over the rate limit",
    GapReason.RETENTION: "expired before they were read",
    GapReason.RESET: "lost with the stream",
    GapReason.PRODUCER: "lost at the runner",
    GapReason.FAILOVER: "lost in a failover",
    GapReason.UNREADABLE: "unreadable",
}


def in_words(lost: Mapping[str, int | None]) -> list[str]:
    """ "3 lost at the runner" for each reason that lost any; an unknown number is said to be so."""
    return [
        f"{'an unknown number' if count is None else count} {WORDS.get(reason, reason)}"
        for reason, count in lost.items()
        if count != 0
    ]
