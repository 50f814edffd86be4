"""How long a stream's watchers wait for those of them who read slowly. Pure."""

from __future__ import annotations

from typing import Final

from extdebug.hub.watched_stream import WatchedStream

WAIT: Final = 0.25  # seconds that others wait in all, before whoever reads slowly is asked aside
REST: Final = 2.0  # so many seconds of waiting does one second forgive in which nobody waits
FEW: Final = 4  # who may always be asked at once, or a fourth of a stream's watchers
UNSEEN: Final = 0.1  # seconds between two looks beyond which nobody knows who waited


class Patience:
    """Of one stream, whose reader is held up by a watcher that acknowledges, but slowly.

    Where nobody waits for it there is no hurry: the stream keeps what it did not read. In a flood
    all are slow by turns, and each waits for another only now and then: nobody is asked aside.
    """

    def __init__(self) -> None:
        self._waited = self._looked_at = 0.0
        self._waits = False

    def look(self, watched: WatchedStream, now: float, *, held: bool) -> None:
        """Called often while the stream moves. `held`: it is not read on now, for a watcher."""
        since, self._looked_at = now - self._looked_at, now
        waits = held and any(one.starved for one in watched.subscriptions)
        if waits and self._waits:
            self._waited += min(since, UNSEEN)
        elif not waits:
            self._waited = max(0.0, self._waited - since * REST)
        self._waits = waits
        if self._waited < WAIT:
            return
        self._waited = 0.0
        watchers = watched.subscriptions
        holding = [one for one in watchers if one.crowded]
        # To read for many costs as much for each: 29 of 31 aside took 5 times the CPU. Where so
        # many are slow, the others wait.
        if len(holding) <= max(FEW, len(watchers) // 4):
            for one in holding:
                one.step_aside()
