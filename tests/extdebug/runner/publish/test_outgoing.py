"""The send stage's core against a Redis that refuses as it likes: order, counts, markers."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError

from extdebug.runner.publish.commands import Packed
from extdebug.runner.publish.lane import Bounds, LaneLoss, Stream
from extdebug.runner.publish.outgoing import Batch, Outgoing
from extdebug.wire.backoff import MOST

A, B, C = ("acme", "x"), ("globex", "x"), ("initech", "x")
LATER = MOST * 2  # s; every held stream is due by then
PASSES = OutOfMemoryError("command not allowed")
FOR_GOOD = ResponseError("ERR no such thing")


@dataclass
class World:
    """What was emitted, what Redis has, and an outgoing stage between them."""

    bounds: Bounds = field(default_factory=Bounds)
    now: float = 0.0
    emitted: dict[Stream, int] = field(default_factory=dict)
    stated: dict[Stream, int] = field(default_factory=dict)  # by markers of earlier stages
    wrote: dict[Stream, list[int | tuple[int, str | None]]] = field(default_factory=dict)
    open_ends: list[tuple[Stream, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.outgoing = Outgoing(self.bounds, unsettled=self._unsettled)

    def _unsettled(self, stream: Stream, count: int) -> None:
        self.open_ends.append((stream, count))

    def emit(self, stream: Stream, count: int = 1) -> None:
        """Numbered events; the command is the number."""
        for _ in range(count):
            n = self.emitted[stream] = self.emitted.get(stream, 0) + 1
            self.outgoing.put(stream, [Packed(str(n).encode(), f"src-{stream[0]}")])

    def lose(self, stream: Stream, count: int) -> None:
        """So many numbers are dropped by an earlier stage, which states them."""
        self.emitted[stream] = self.emitted.get(stream, 0) + count
        self.stated[stream] = self.stated.get(stream, 0) + count
        lost = LaneLoss(causes={"rate_limited": count}, src=f"src-{stream[0]}")
        self.outgoing.put(stream, [lost])

    def write(self, batch: Batch, answers: list[Any]) -> None:
        """What Redis does with a batch: None in `answers` is an acceptance."""
        place = 0
        for stream, items in batch:
            for _, item in items:
                if place < len(answers) and answers[place] is None:
                    kept = self.wrote.setdefault(stream, [])
                    if isinstance(item, LaneLoss):
                        kept.append((item.count, item.src))
                    else:
                        kept.append(int(item.command))
                place += 1

    def turn(self, answers: Any, *, answered: int | None = None) -> list[Exception]:
        """One batch; `answers(i)` is the answer to its i-th command, `answered` how many come."""
        self.now += LATER
        self.outgoing.release_due(self.now)
        batch = self.outgoing.take()
        if not batch:
            return []
        size = sum(len(items) for _, items in batch)
        said = [answers(i) for i in range(size)]
        self.write(batch, said)
        results = said if answered is None else said[:answered]
        return self.outgoing.settle(batch, results, now=self.now)

    def drain(self) -> None:
        for _ in range(1000):
            if self.outgoing.lanes.idle():
                return
            self.turn(lambda _: None)
        raise AssertionError("it does not become empty")

    def check(self) -> dict[Stream, int]:
        """Numbers rise; a marker fits into its hole. The holes that no marker states, by stream."""
        silent: dict[Stream, int] = {}
        for stream, kept in self.wrote.items():
            expected, pending = 1, 0
            for each in kept:
                if isinstance(each, tuple):
                    pending += each[0]
                    continue
                hole = each - expected
                assert hole >= pending, f"{stream}: {each} after {expected - 1}, stated {pending}"
                silent[stream] = silent.get(stream, 0) + hole - pending
                expected, pending = each + 1, 0
            rest = self.emitted[stream] - expected + 1
            assert rest >= pending
            silent[stream] = silent.get(stream, 0) + rest - pending
        return silent


def yes(_: int) -> None:
    return None


def test_a_refusal_that_passes_costs_neither_order_nor_an_event():
    world = World()
    for stream in (A, B, C):
        world.emit(stream, 400)
    world.turn(yes)  # each stream's first entry
    for _ in range(5):
        world.turn(lambda _: PASSES)
    for stream in (A, B, C):
        world.lose(stream, 7)
        world.emit(stream, 300)
    world.drain()
    for stream in (A, B, C):
        assert world.wrote[stream] == [
            *range(1, 401), (7, f"src-{stream[0]}"), *range(408, 708)
        ]  # fmt: skip
    assert world.outgoing.dropped == {}


def test_after_a_refusal_one_entry_goes_alone_and_other_streams_in_full():
    world = World()
    world.emit(A, 3)
    world.drain()
    world.emit(A, 10)
    assert [str(e) for e in world.turn(lambda _: PASSES)] == ["command not allowed"]
    world.emit(B, 1)
    world.now += LATER
    world.outgoing.release_due(world.now)
    batch = world.outgoing.take()
    assert {stream: len(items) for stream, items in batch} == {A: 1, B: 1}
    answers = [PASSES if stream == A else None for stream, _ in batch]
    world.outgoing.settle(batch, answers, now=world.now)
    assert world.outgoing.held == 1
    assert 0 < world.outgoing.pause(world.now) <= 1.0
    world.emit(B, 10)
    world.outgoing.release_due(world.now)  # A is not due yet
    assert [stream for stream, _ in world.outgoing.take()] == [B]


def test_a_refused_stream_that_was_overtaken_by_itself_leaves_the_hole_to_the_numbers():
    world = World()
    world.emit(A, 11)
    world.turn(yes)
    world.turn(lambda i: PASSES if i in (3, 4) else None)
    assert world.wrote[A] == [1, 2, 3, 4, 7, 8, 9, 10, 11]
    assert world.outgoing.dropped == {"refused": 2}
    assert world.outgoing.held == 0


def test_a_marker_that_was_overtaken_is_not_counted_a_second_time():
    world = World()
    world.emit(A)
    world.turn(yes)
    world.lose(A, 5)
    world.emit(A, 2)
    world.turn(lambda i: PASSES if i == 0 else None)
    assert world.wrote[A] == [1, 7, 8]
    assert world.outgoing.dropped == {}


def test_a_refusal_for_good_is_stated_in_its_place():
    world = World()
    world.emit(A, 4)
    world.turn(yes)
    world.turn(lambda _: FOR_GOOD)
    world.emit(A)
    world.drain()
    assert world.wrote[A] == [1, (3, "src-acme"), 5]
    assert world.outgoing.dropped == {"refused": 3}


@pytest.mark.parametrize("follows", [True, False])
def test_an_uncertain_batch_is_never_repeated_and_its_end_is_asked_for(follows):
    world = World()
    world.emit(A)
    world.turn(yes)
    world.emit(A, 4)
    batch = world.outgoing.take()
    if follows:
        world.emit(A)
    else:
        world.lose(A, 3)  # a marker ends no hole: it has no number
    world.outgoing.settle(batch, [None], now=world.now)
    assert world.outgoing.uncertain == 3
    assert world.open_ends == ([] if follows else [(A, 3)])


def test_an_uncertain_beginning_is_always_told():
    world = World()
    world.emit(A, 3)
    world.turn(yes, answered=0)
    assert world.open_ends == [(A, 1)]
    assert world.wrote[A] == [1]


def test_nothing_sent_is_nothing_lost():
    world = World()
    world.emit(A, 10)
    world.turn(yes)
    world.emit(B, 10)
    world.outgoing.put_back(world.outgoing.take())
    world.drain()
    assert world.wrote == {A: [*range(1, 11)], B: [*range(1, 11)]}


ANSWERS = st.sampled_from([None, None, PASSES, ReadOnlyError("a replica"), FOR_GOOD])
STEP = st.one_of(
    st.tuples(st.just("emit"), st.sampled_from([A, B, C]), st.integers(1, 150)),
    st.tuples(st.just("lose"), st.sampled_from([A, B, C]), st.integers(1, 5)),
    # a batch that is refused or accepted as a whole, by stream, by entry, or breaks off
    st.tuples(st.just("whole"), ANSWERS, st.none()),
    st.tuples(st.just("entries"), st.lists(ANSWERS, min_size=1, max_size=40), st.none()),
    st.tuples(st.just("broken"), st.lists(ANSWERS, min_size=1, max_size=10), st.integers(0, 200)),
    st.tuples(st.just("unsent"), st.none(), st.none()),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEP, max_size=30), st.sampled_from([40, 300, 10_000]))
def test_whatever_redis_answers_the_stream_is_in_order_and_complements_the_markers(steps, events):
    world = World(Bounds(events=events, total_bytes=40_000))
    for kind, what, how in steps:
        if kind == "emit":
            world.emit(what, how)
        elif kind == "lose":
            world.lose(what, how)
        elif kind == "whole":
            world.turn(lambda _, what=what: what)
        elif kind == "entries":
            world.turn(lambda i, what=what: what[i % len(what)])
        elif kind == "broken":
            world.turn(lambda i, what=what: what[i % len(what)], answered=how)
        else:
            world.outgoing.put_back(world.outgoing.take())
    # The emitter goes on, so every hole has an end; then Redis is well for good.
    for stream in list(world.emitted):
        world.emit(stream)
    world.drain()
    silent = sum(world.check().values())
    outgoing = world.outgoing
    lost = sum(outgoing.dropped.values())
    emitted = sum(world.emitted.values())
    assert emitted == outgoing.written + outgoing.uncertain + lost + sum(world.stated.values())
    if not any(kind in ("entries", "broken") for kind, _, _ in steps):
        assert silent == 0
