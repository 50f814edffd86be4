"""What is sent next, and what each answer of Redis means for it. No threads, no sockets, no clock.

The order of a stream is never given up:

- A refused entry goes back to the front of its lane, unless a newer one of its stream was written
  or may have been: then it is lost, and the hole in the numbers states it.
- A refused stream is held and tried again with one entry alone, later and later. The entry that
  shows that the refusal is over has nothing behind it that could overtake an older one. The other
  streams go on.
- A new stream begins with one entry alone too: readers take the first number they see for the
  beginning, so a hole before it would not be seen.
- An entry whose answer never came is not sent again: it may have been written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from extdebug.runner.publish.commands import Packed
from extdebug.runner.publish.lane import Bounds, LaneLoss, Stream
from extdebug.runner.publish.lanes import Lanes
from extdebug.runner.publish.redis_sink import passing
from extdebug.wire.backoff import jittered

BATCH_EVENTS: Final = 256
# Small enough that a server which comes back has read all of an abandoned batch before it reads
# the first command of the next connection.
BATCH_BYTES: Final = 128 * 1024
# What an entry costs besides its command: the object and its place in the queue.
OVERHEAD: Final = 64  # bytes

Items = list[tuple[int, Packed | LaneLoss]]
Batch = list[tuple[Stream, Items]]


class SendLanes(Lanes[Packed]):
    """The prepared entries of each stream; a new stream begins with one entry alone."""

    def __init__(self, bounds: Bounds) -> None:
        super().__init__(bounds, single=True)

    def lost(self, item: Packed, *, cause: str) -> LaneLoss:
        return LaneLoss(causes={cause: 1}, src=item.src)


@dataclass(slots=True)
class Held:
    """A stream that Redis refuses: how often in a row, and when it is tried again."""

    attempts: int
    until: float


class Outgoing:
    """`put` may be called from any thread, everything else from the one that sends."""

    def __init__(self, bounds: Bounds, *, unsettled: Callable[[Stream, int], None]) -> None:
        """`unsettled(stream, count)`: `count` events may be lost and nothing is there to show it.

        It should write something to the stream, so that the hole has an end.
        """
        self.lanes = SendLanes(bounds)
        self._unsettled = unsettled
        self._held: dict[Stream, Held] = {}
        self.written = 0  # events
        self.markers = 0
        self.uncertain = 0  # events
        self.dropped = self.lanes.dropped

    def put(self, stream: Stream, items: Sequence[Packed | LaneLoss]) -> None:
        """Queue entries and losses in order."""
        with self.lanes.lock:
            lane = self.lanes.lane(stream)
            for item in items:
                if isinstance(item, LaneLoss):
                    lane.lose(item)  # counted where it happened
                    self.lanes.ready(lane)
                else:
                    self.lanes.put(lane, item, len(item.command) + OVERHEAD)
        self.lanes.ring()

    @property
    def held(self) -> int:
        """How many streams Redis refuses now."""
        return len(self._held)

    def pause(self, now: float) -> float:
        """Seconds until a held stream is due, at most 1."""
        nearest = min((held.until for held in self._held.values()), default=now + 1.0)
        return max(0.0, min(1.0, nearest - now))

    def release_due(self, now: float) -> None:
        """Let the streams be tried again whose time has come."""
        for stream, held in self._held.items():
            if held.until <= now:
                self.lanes.release(stream)

    def take(self) -> Batch:
        """The next batch; each stream stands in it once. `settle` or `put_back` must follow."""
        return self.lanes.take(events=BATCH_EVENTS, size=BATCH_BYTES)

    def put_back(self, batch: Batch) -> None:
        """Nothing of the batch was sent."""
        for stream, items in reversed(batch):
            self.lanes.restore(stream, items)
            self.lanes.release(stream)
        self.lanes.settled()

    def settle(self, batch: Batch, results: Sequence[Any], *, now: float) -> list[Exception]:
        """Book each command's answer; the refusals, one for each stream that has some.

        `results` are the answers in the batch's order, exceptions for refusals. When they are
        fewer than the commands, the fate of the rest is not known.
        """
        refusals: list[Exception] = []
        place = 0
        for stream, items in batch:
            answers = results[place : place + len(items)]
            place += len(items)
            refusal = self._settle_stream(stream, items, answers, now=now)
            if refusal is not None:
                refusals.append(refusal)
        self.lanes.settled()
        return refusals

    def _settle_stream(
        self, stream: Stream, items: Items, answers: Sequence[Any], *, now: float
    ) -> Exception | None:
        refusal: Exception | None = None
        good = [i for i, answer in enumerate(answers) if not isinstance(answer, Exception)]
        last_good = good[-1] if good else -1
        unknown = items[len(answers) :]
        again: Items = []
        for i, ((size, item), answer) in enumerate(zip(items, answers, strict=False)):
            if not isinstance(answer, Exception):
                self.written += isinstance(item, Packed)
                self.markers += isinstance(item, LaneLoss)
                continue
            refusal = answer
            if i < last_good or unknown:
                self._refused(item)  # the hole in the numbers tells
            elif isinstance(item, LaneLoss) or passing(answer):
                again.append((size, item))
            else:
                self._refused(item)
                again.append((0, LaneLoss(causes={"refused": 1}, src=item.src)))
        if again:
            self._hold(stream, again, now=now)
        else:
            self._held.pop(stream, None)
            first = self._first(stream)
            self.lanes.release(stream, accepted=bool(good))
            if unknown:
                self._uncertain(stream, unknown, first=first and not good)
        return refusal

    def _refused(self, item: Packed | LaneLoss) -> None:
        if isinstance(item, Packed):  # what a marker states was counted where it was lost
            self.dropped["refused"] = self.dropped.get("refused", 0) + 1

    def _hold(self, stream: Stream, again: Items, *, now: float) -> None:
        held = self._held.setdefault(stream, Held(0, now))
        self.lanes.restore(stream, again, hold=True)
        held.until = now + jittered(held.attempts)
        held.attempts += 1

    def _first(self, stream: Stream) -> bool:
        """Whether nothing of the stream is known to be written."""
        with self.lanes.lock:
            return self.lanes.lane(stream).single

    def _uncertain(self, stream: Stream, items: Items, *, first: bool) -> None:
        """These may have been written. They are not repeated; the numbers tell who looks."""
        self.uncertain += sum(isinstance(item, Packed) for _, item in items)
        with self.lanes.lock:
            queued = self.lanes.lane(stream).items
            follows = any(isinstance(item, Packed) for _, item in queued)
        if first or not follows:
            count = sum(item.count if isinstance(item, LaneLoss) else 1 for _, item in items)
            self._unsettled(stream, count)
