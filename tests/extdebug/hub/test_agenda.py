"""Who rests is not asked before its time, and whoever has a reason is asked in the next cycle."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from extdebug.hub.agenda import Agenda


class Reader:
    """As much of a StreamReader as the agenda asks."""

    def __init__(self, look_at: float = 0.0, *, rests: bool = True) -> None:
        self.look_at = look_at
        self.rests = rests


def asleep(*readers: Any, now: float = 0.0) -> Agenda:
    agenda = Agenda()
    for reader in readers:
        agenda.wake(reader)
    agenda.settle(readers, now)
    return agenda


def test_who_rests_is_asked_at_its_time_and_not_before() -> None:
    soon, late = Reader(5.0), Reader(9.0)
    agenda = asleep(soon, late)
    assert (agenda.due(4.9), agenda.next_at) == ([], 5.0)
    assert agenda.due(5.0) == [soon]
    assert agenda.due(9.0) == [soon, late]


def test_who_does_not_rest_or_is_overdue_is_asked_in_each_cycle() -> None:
    restless, overdue = Reader(5.0, rests=False), Reader(0.0)
    agenda = asleep(restless, overdue)
    assert agenda.due(0.0) == [restless, overdue]


def test_a_stream_that_moved_is_due_earlier_and_awake_where_it_rests_no_more() -> None:
    moved, filled = Reader(5.0), Reader(5.0)
    agenda = asleep(moved, filled)
    moved.look_at, filled.rests = 0.2, False
    for reader in (moved, filled):
        agenda.moved(reader)  # type: ignore[arg-type]
    assert agenda.due(0.1) == [filled]
    assert agenda.due(0.2) == [filled, moved]


def test_nothing_is_left_of_who_was_forgotten() -> None:
    awake, resting = Reader(rests=False), Reader(5.0)
    agenda = asleep(awake, resting)
    for reader in (awake, resting):
        agenda.forget(reader)  # type: ignore[arg-type]
    agenda.settle([awake, resting], 6.0)  # type: ignore[list-item]  # of a cycle under way
    assert agenda.due(100.0) == []


class AllAsked:
    """The plain way: each cycle asks every reader."""

    def __init__(self, readers: list[Reader]) -> None:
        self.readers = readers

    def due(self, now: float) -> set[int]:
        return {
            n for n, reader in enumerate(self.readers) if not reader.rests or reader.look_at <= now
        }


STEP = st.tuples(
    st.sampled_from(["moved", "wake", "pass"]), st.integers(0, 3), st.integers(0, 6), st.booleans()
)


@given(st.lists(STEP, max_size=40))
def test_it_finds_whom_a_cycle_over_all_readers_would_find(steps: list[Any]) -> None:
    readers = [Reader(float(n)) for n in range(4)]
    agenda: Any = asleep(*readers)
    plain = AllAsked(readers)
    now = 0.0
    for what, which, by, rests in steps:
        reader = readers[which]
        if what == "moved":
            reader.rests = rests
            reader.look_at = min(reader.look_at, now + by)
            agenda.moved(reader)
        elif what == "wake":  # a call from outside: a look at once
            reader.rests, reader.look_at = False, 0.0
            agenda.wake(reader)
        else:
            now += by / 2
            asked = agenda.due(now)
            assert {readers.index(one) for one in asked} >= plain.due(now)
            for one in asked:  # each is looked at
                one.rests, one.look_at = rests, now + by
            agenda.settle(asked, now)
            assert {readers.index(one) for one in agenda.due(now)} == plain.due(now)
