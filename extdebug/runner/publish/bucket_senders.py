"""The send stage on a cluster: a sender for each bucket that is written to.

Streams of one bucket are always together on one node, and keep their sender wherever it moves: so
the order of a stream is its sender's, and a node that hangs holds up nobody else's streams.
"""

from __future__ import annotations

import dataclasses
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

from extdebug.runner.config import PublisherConfig
from extdebug.runner.publish.commands import Packed
from extdebug.runner.publish.lane import Bounds, LaneLoss, Stream
from extdebug.runner.publish.redis_sink import RedisSink
from extdebug.runner.publish.sender import FIGURES, Sender, close_all
from extdebug.wire.keys import Keys, Target

LEAST: Final = 128 * 1024  # bytes that each of them may hold, however many share the bound


def sender(
    config: PublisherConfig,
    keys: Keys,
    *,
    bounds: Bounds,
    unsettled: Callable[[Stream, int], None],
    bucket: int | None = None,
) -> Sender:
    """One with a connection of its own, not started yet."""
    sink = RedisSink(config.redis_url or "", reply_timeout=config.reply_timeout, bucket=bucket)
    return Sender(config, sink, keys=keys, bounds=bounds, unsettled=unsettled, bucket=bucket)


class BucketSenders:
    """What a publisher needs of a Sender, over all buckets. `put` is called by one thread."""

    def __init__(
        self,
        config: PublisherConfig,
        keys: Keys,
        *,
        bounds: Bounds,
        unsettled: Callable[[Stream, int], None],
    ) -> None:
        self._config = config
        self._keys = keys
        self._bounds = bounds
        self._unsettled = unsettled
        self._senders: dict[int | None, Sender] = {}
        self._lock = threading.Lock()  # over the dict

    def start(self) -> None:
        """Each starts with the first entry of its bucket."""

    def put(self, stream: Stream, items: Sequence[Packed | LaneLoss]) -> None:
        """Queue entries and losses in order."""
        bucket = self._keys.bucket(Target(*stream))
        (self._senders.get(bucket) or self._open(bucket)).put(stream, items)

    def _open(self, bucket: int | None) -> Sender:
        """All share the bytes that may wait, in equal parts."""
        one = sender(
            self._config, self._keys, bounds=self._bounds, unsettled=self._unsettled, bucket=bucket
        )
        with self._lock:
            self._senders[bucket] = one
            share = max(LEAST, self._bounds.total_bytes // len(self._senders))
            for each in self._senders.values():
                each.bound(dataclasses.replace(self._bounds, total_bytes=share))
        one.start()
        return one

    def _all(self) -> list[Sender]:
        with self._lock:
            return list(self._senders.values())

    def idle(self) -> bool:
        """Whether everything that was put is written or counted."""
        return all(each.idle() for each in self._all())

    def close(self) -> None:
        """Stop the threads. What still waits stays unwritten."""
        close_all(self._all())

    @property
    def trouble(self) -> str | None:
        """A reason why something was not written, if there is one."""
        return next((each.trouble for each in self._all() if each.trouble), None)

    @property
    def dropped(self) -> dict[str, int]:
        return dict(sum((Counter(each.dropped) for each in self._all()), Counter()))

    def stats(self) -> dict[str, Any]:
        """Sums; `connected` when all are."""
        found = [each.stats() for each in self._all()]
        sums = dict.fromkeys(FIGURES, 0)
        for one in found:
            for name in FIGURES:
                sums[name] += one[name]
        return {**sums, "connected": bool(found) and sums["connected"] == len(found)}
