"""Bounded queues, a lane for each stream: what is dropped leaves a stated loss in its place.

A lane that is full gives up its own oldest item; when all lanes together are too big, the
fattest one pays, so that a noisy guest does not cost a quiet one. Nothing here waits for
anything but the lock, which is held for microseconds.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from typing import Final, Generic

from extdebug.runner.publish.lane import Bounds, Lane, LaneLoss, Stream, T

# How many evictions one choice of the fattest lane serves: looking for it costs a pass over all.
EVICTIONS_PER_CHOICE: Final = 64
# What a lane may hand over before the next one has its turn.
QUANTUM: Final = 128
# Losses of different numberings at the head of one lane; beyond it the oldest two become one
# without a `src`. Their numberings have ended, so no later hole can count them again.
MOST_HEADS: Final = 8


class Lanes(Generic[T]):
    """All lanes of one stage. `put` never waits for a reader, `wait` waits for writers.

    `single`: new lanes hand over one item alone first (see Lane).
    """

    def __init__(self, bounds: Bounds, *, single: bool = False) -> None:
        self._bounds = bounds
        self._single = single
        self._out = False  # something was taken and is not settled yet
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

    def bound(self, bounds: Bounds) -> None:
        """Other bounds; what is beyond them is lost, and stated."""
        with self.lock:
            self._bounds = bounds
            while self.total_bytes > bounds.total_bytes:
                self._evict(self._fattest())

    def lane(self, stream: Stream) -> Lane[T]:
        """The lane of a stream, made when it is new. Under `lock`."""
        lane = self._lanes.get(stream)
        if lane is None:
            lane = self._lanes[stream] = Lane(stream, single=self._single)
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
        if not lane.ready and not lane.held:
            lane.ready = True
            self._turn.append(lane)

    def restore(
        self, stream: Stream, items: list[tuple[int, T | LaneLoss]], *, hold: bool = False
    ) -> None:
        """Put back what was taken and certainly not used, before everything else of its lane.

        `hold`: nothing of the lane is taken until `release`, and then one item alone.
        """
        with self.lock:
            lane = self.lane(stream)
            for size, item in reversed(items):
                if isinstance(item, LaneLoss):
                    first = lane.items[0][1] if lane.items else None
                    if isinstance(first, LaneLoss) and item.join(first):
                        lane.items.popleft()
                else:
                    lane.events += 1
                    lane.bytes += size
                    self.total_events += 1
                    self.total_bytes += size
                lane.items.appendleft((size, item))
            if hold:
                lane.held = lane.single = True
            elif lane.items and not lane.ready and not lane.held:
                lane.ready = True
                self._turn.appendleft(lane)
            while lane.events > self._bounds.events or lane.bytes > self._bounds.bytes:
                self._evict(lane)
            while self.total_bytes > self._bounds.total_bytes:
                self._evict(self._fattest())

    def release(self, stream: Stream, *, accepted: bool = False) -> None:
        """Let a held lane be taken from again; all of it once its items were `accepted`."""
        with self.lock:
            lane = self._lanes.get(stream)
            if lane is None:
                return
            lane.held = False
            lane.single = lane.single and not accepted
            if lane.items:
                self.ready(lane)

    def settled(self) -> None:
        """Everything that was taken is used, restored or counted."""
        with self.lock:
            self._out = False

    def idle(self) -> bool:
        """Whether nothing is queued and nothing taken is unsettled."""
        with self.lock:
            return not self._out and not any(lane.items for lane in self._lanes.values())

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
        """Up to so many events and about so many bytes, lanes in turn, each in its order.

        A stream stands in the answer once. `settled` says that the answer was dealt with.
        """
        taken: dict[Stream, list[tuple[int, T | LaneLoss]]] = {}
        with self.lock:
            while self._turn and events > 0 and size > 0:
                lane = self._turn.popleft()
                lane.ready = False
                if lane.held or not lane.items:
                    continue
                items = taken.setdefault(lane.stream, [])
                most = 1 if lane.single else QUANTUM
                while lane.items and most > 0 and events > 0 and size > 0:
                    pair = lane.items.popleft()
                    items.append(pair)
                    events -= 1
                    most -= 1
                    if not isinstance(pair[1], LaneLoss):
                        size -= pair[0]
                        lane.events -= 1
                        lane.bytes -= pair[0]
                        self.total_events -= 1
                        self.total_bytes -= pair[0]
                if lane.single:
                    lane.held = True
                elif lane.items:
                    lane.ready = True
                    self._turn.append(lane)
            self._out = self._out or bool(taken)
        return list(taken.items())

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

    def droppable(self, lane: Lane[T]) -> bool:
        """Whether nothing would be lost with the lane. Under `lock`."""
        return not lane.items and not lane.ready and not lane.held

    def forgotten(self, stream: Stream) -> None:
        """An idle lane went to make room for another. Under `lock`."""

    def _evict(self, lane: Lane[T]) -> None:
        """The oldest event of the lane becomes part of the loss at its head."""
        heads: list[LaneLoss] = []
        while lane.items:
            size, item = lane.items.popleft()
            if not isinstance(item, LaneLoss):
                lane.events -= 1
                lane.bytes -= size
                self.total_events -= 1
                self.total_bytes -= size
                self.dropped["queue_full"] = self.dropped.get("queue_full", 0) + 1
            lost = item if isinstance(item, LaneLoss) else self.lost(item, cause="queue_full")
            if not (heads and heads[-1].join(lost)):
                heads.append(lost)
            if item is not lost:
                break
        second = lane.items[0][1] if lane.items else None
        if heads and isinstance(second, LaneLoss) and heads[-1].join(second):
            lane.items.popleft()
        if len(heads) > MOST_HEADS:
            heads[0].src = heads[1].src = None
            heads[0].join(heads.pop(1))
        lane.items.extendleft((0, lost) for lost in reversed(heads))

    def _fattest(self) -> Lane[T]:
        if self._victim is None or self._victim_left <= 0 or not self._victim.events:
            self._victim = max(self._lanes.values(), key=lambda lane: lane.bytes)
            self._victim_left = EVICTIONS_PER_CHOICE
        self._victim_left -= 1
        return self._victim

    def _forget_idle(self) -> None:
        for stream, lane in self._lanes.items():
            if self.droppable(lane):
                del self._lanes[stream]
                if self._victim is lane:
                    self._victim = None
                self.forgotten(stream)
                return
