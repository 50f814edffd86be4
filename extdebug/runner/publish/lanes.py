"""Bounded queues, one lane per stream: what is dropped leaves a stated loss in its place.

A lane that is full gives up its own oldest item; when all lanes together are too big, the
fattest one pays, so that a noisy guest does not cost a quiet one. Nothing here waits for
anything but the lock, which is held for microseconds.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import msgspec

T = TypeVar("T")
Stream = tuple[str, str]

# How many evictions one choice of the fattest lane serves: looking for it costs a pass over all.
EVICTIONS_PER_CHOICE: Final = 64
# What a lane may hand over before the next one has its turn.
QUANTUM: Final = 128


class LaneLoss(msgspec.Struct):
    """Consecutive events that are gone, in the place where they were. Counted by cause.

    `src` is the numbering they belong to; `hints` carries what later stages must still know of
    the dropped events.
    """

    causes: dict[str, int]
    src: str | None = None
    hints: list[object] = []

    @property
    def count(self) -> int:
        return sum(self.causes.values())

    def absorb(self, other: LaneLoss) -> None:
        for cause, count in other.causes.items():
            self.causes[cause] = self.causes.get(cause, 0) + count
        if other.hints:
            self.hints = [*self.hints, *other.hints]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Events and bytes one lane may hold, and all lanes together; the number of lanes kept."""

    events: int = 10_000
    bytes: int = 4 * 1024 * 1024
    total_bytes: int = 32 * 1024 * 1024
    lanes: int = 4096


class Lane(Generic[T]):
    """The queue of one stream: items and losses in order. Touched under the lanes' lock only."""

    __slots__ = ("bytes", "events", "items", "ready", "stream")

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.items: deque[tuple[int, T | LaneLoss]] = deque()
        self.events = 0
        self.bytes = 0
        self.ready = False

    def lose(self, lost: LaneLoss) -> None:
        """State a loss after what is queued; merges with a loss that is already there."""
        if self.items and isinstance(last := self.items[-1][1], LaneLoss):
            last.absorb(lost)
        else:
            self.items.append((0, lost))


class Lanes(Generic[T]):
    """All lanes of one stage. `put` never waits for a reader, `take` waits for writers."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._lanes: OrderedDict[Stream, Lane[T]] = OrderedDict()
        self._turn: deque[Lane[T]] = deque()
        self._victim: Lane[T] | None = None
        self._victim_left = 0
        self._bell = threading.Lock()  # held = nothing to hear; released by a writer once
        self._bell.acquire()
        self._asleep = False
        self._closed = False
        self.lock = threading.Lock()
        self.total_bytes = 0
        self.total_events = 0
        self.dropped: dict[str, int] = {}

    def lane(self, stream: Stream) -> Lane[T]:
        """The lane of a stream, made when it is new. Under `lock`."""
        lane = self._lanes.get(stream)
        if lane is None:
            lane = self._lanes[stream] = Lane(stream)
            if len(self._lanes) > self._bounds.lanes:
                self._forget_idle()
        return lane

    def put(self, lane: Lane[T], item: T, size: int) -> None:
        """Append under `lock`; evicts when full. The caller rings after it let the lock go."""
        lane.items.append((size, item))
        lane.events += 1
        lane.bytes += size
        self.total_events += 1
        self.total_bytes += size
        self.ready(lane)
        bounds = self._bounds
        while lane.events > bounds.events or lane.bytes > bounds.bytes:
            self._evict(lane)
        while self.total_bytes > bounds.total_bytes:
            self._evict(self._fattest())

    def lose(self, lane: Lane[T], lost: LaneLoss) -> None:
        """State a loss in the lane's order, under `lock`."""
        for cause, count in lost.causes.items():
            self.dropped[cause] = self.dropped.get(cause, 0) + count
        lane.lose(lost)
        self.ready(lane)

    def ready(self, lane: Lane[T]) -> None:
        """The lane has something to take. Under `lock`."""
        if not lane.ready:
            lane.ready = True
            self._turn.append(lane)

    def restore(self, stream: Stream, items: list[tuple[int, T | LaneLoss]]) -> None:
        """Put back what was taken and certainly not used, before everything else of its lane."""
        with self.lock:
            lane = self.lane(stream)
            for size, item in reversed(items):
                if isinstance(item, LaneLoss):
                    if lane.items and isinstance(first := lane.items[0][1], LaneLoss):
                        first.absorb(item)
                        continue
                else:
                    lane.events += 1
                    lane.bytes += size
                    self.total_events += 1
                    self.total_bytes += size
                lane.items.appendleft((size, item))
            if lane.items and not lane.ready:
                lane.ready = True
                self._turn.appendleft(lane)
            while lane.events > self._bounds.events or lane.bytes > self._bounds.bytes:
                self._evict(lane)
            while self.total_bytes > self._bounds.total_bytes:
                self._evict(self._fattest())

    def ring(self) -> None:
        """Wake the reader if it sleeps. Call it without the lock, after `put` or `lose`."""
        if self._asleep:
            with self.lock:
                if not self._asleep:
                    return
                self._asleep = False
            self._bell.release()

    def wait(self, timeout: float) -> bool:
        """Sleep until something is queued or this is closed; False after `timeout` seconds."""
        with self.lock:
            if self._turn or self._closed:
                return True
            self._asleep = True
        if self._bell.acquire(timeout=timeout):
            return True
        with self.lock:
            if self._asleep:
                self._asleep = False
                return bool(self._turn)
        self._bell.acquire()  # a writer was between its check and its release
        return True

    def take(
        self, *, events: int, size: int
    ) -> list[tuple[Stream, list[tuple[int, T | LaneLoss]]]]:
        """Up to so many events and about so many bytes, lanes in turn, each in its order."""
        taken: list[tuple[Stream, list[tuple[int, T | LaneLoss]]]] = []
        with self.lock:
            while self._turn and events > 0 and size > 0:
                lane = self._turn.popleft()
                items: list[tuple[int, T | LaneLoss]] = []
                while lane.items and len(items) < QUANTUM and events > 0 and size > 0:
                    pair = lane.items.popleft()
                    items.append(pair)
                    events -= 1
                    if not isinstance(pair[1], LaneLoss):
                        size -= pair[0]
                        lane.events -= 1
                        lane.bytes -= pair[0]
                        self.total_events -= 1
                        self.total_bytes -= pair[0]
                if lane.items:
                    self._turn.append(lane)
                else:
                    lane.ready = False
                if items:
                    taken.append((lane.stream, items))
        return taken

    def close(self) -> None:
        """Wake the reader for good; what is queued can still be taken."""
        with self.lock:
            self._closed = True
        self.ring()

    def sizes(self) -> dict[Stream, tuple[int, int]]:
        """Events and bytes waiting in each lane that holds something."""
        with self.lock:
            return {s: (lane.events, lane.bytes) for s, lane in self._lanes.items() if lane.items}

    def lost(self, item: T, *, cause: str) -> LaneLoss:
        """The loss of one item, with what later stages must still learn of it."""
        return LaneLoss(causes={cause: 1})

    def forgotten(self, stream: Stream) -> None:
        """An idle lane went to make room for another. Under `lock`."""

    def _evict(self, lane: Lane[T]) -> None:
        head: LaneLoss | None = None
        while lane.items:
            size, item = lane.items.popleft()
            if isinstance(item, LaneLoss):
                if head is None:
                    head = item
                else:
                    head.absorb(item)
                continue
            lane.events -= 1
            lane.bytes -= size
            self.total_events -= 1
            self.total_bytes -= size
            lost = self.lost(item, cause="queue_full")
            self.dropped["queue_full"] = self.dropped.get("queue_full", 0) + 1
            if head is None:
                head = lost
            else:
                head.absorb(lost)
            break
        if head is not None:
            if lane.items and isinstance(second := lane.items[0][1], LaneLoss):
                head.absorb(second)
                lane.items.popleft()
            lane.items.appendleft((0, head))

    def _fattest(self) -> Lane[T]:
        if self._victim is None or self._victim_left <= 0 or not self._victim.events:
            self._victim = max(self._lanes.values(), key=lambda lane: lane.bytes)
            self._victim_left = EVICTIONS_PER_CHOICE
        self._victim_left -= 1
        return self._victim

    def _forget_idle(self) -> None:
        for stream, lane in self._lanes.items():
            if not lane.items and not lane.ready:
                del self._lanes[stream]
                if self._victim is lane:
                    self._victim = None
                self.forgotten(stream)
                return
