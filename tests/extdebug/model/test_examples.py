"""Examples that the model found, by what was wrong; each fails without its mend."""

from __future__ import annotations

from extdebug.wire.events import GapReason
from tests.extdebug.model.test_model import Losses


def begun() -> Losses:
    """A client at the beginning of an empty stream, on a process that reads it."""
    state = Losses()
    state.begin(lines=0, attached=True)
    state.new_client(per_second=0, slow=False, tail=0, which=0)
    state.history(which=0)
    return state


def read_and_told(state: Losses) -> None:
    state.look(count=500, which=0)
    state.deliver(most=6, seconds=0.5, which=0)


def left_behind_a_hole() -> Losses:
    """Its client was told a hole of two, and left."""
    state = begun()
    state.numbered(count=1, src="a")
    state.dropped_by_its_producer(count=2, src="a")
    state.numbered(count=1, src="a")
    read_and_told(state)
    state.leave(which=0, unreceived=0)
    return state


def come_back(state: Losses) -> None:
    state.look(count=500, which=0)
    state.look(count=500, which=0)
    state.come_back(which=0, where=0)
    state.history(which=0)


def told_by_producers(state: Losses) -> int:
    gaps = [told.gap for told in state.clients[0].log if told.gap]
    return sum(gap.missed or 0 for gap in gaps if gap.reason is GapReason.PRODUCER)


def test_a_hole_whose_line_before_was_trimmed_is_told_to_who_comes_back() -> None:
    state = begun()
    state.numbered(count=1, src="a")
    read_and_told(state)
    state.leave(which=0, unreceived=0)
    state.dropped_by_its_producer(count=2, src="a")
    state.numbered(count=1, src="a")
    state.trim(count=1)
    come_back(state)
    state.teardown()
    assert told_by_producers(state) == 2


def test_the_late_marker_of_a_hole_that_was_trimmed_is_not_told_again() -> None:
    state = left_behind_a_hole()
    state.late_marker(src="a")
    state.numbered(count=1, src="a")
    state.trim(count=2)
    come_back(state)
    state.teardown()
    assert told_by_producers(state) == 2


def test_the_late_marker_of_a_hole_in_the_stream_before_is_not_told_again() -> None:
    state = left_behind_a_hole()
    state.replace(lines=0)
    state.late_marker(src="a")
    state.numbered(count=2, src="a")
    come_back(state)
    state.teardown()
    assert told_by_producers(state) == 2


def test_what_a_process_that_had_read_more_showed_is_not_said_to_be_unread() -> None:
    """The first process is far behind the client's place, and the client's ring small."""
    state = Losses()
    state.begin(lines=0, attached=True)
    state.new_client(per_second=0, slow=True, tail=0, which=1)
    state.replace(lines=4)
    state.look(count=2, which=1)
    state.unreadable()
    state.history(which=0)
    state.unnumbered(count=6)
    state.leave(which=0, unreceived=0)
    state.numbered(count=1, src="a")
    state.teardown()


def test_what_of_its_tail_went_with_the_stream_lies_in_a_gap() -> None:
    """Its beginning was found, and the stream replaced before it was read."""
    state = Losses()
    state.begin(lines=0, attached=True)
    state.unnumbered(count=2)
    state.look(count=500, which=0)
    state.new_client(per_second=0, slow=False, tail=3, which=0)
    state.server.soon = 3, lambda: state.replace(1)
    state.history(which=0)
    assert not state.clients[0].log
    state.look(count=500, which=0)
    state.history(which=0)
    state.deliver(which=0, most=6, seconds=0.5)
    state.teardown()
    gaps = [told.gap for told in state.clients[0].log if told.gap]
    assert [(gap.reason, gap.missed) for gap in gaps] == [(GapReason.RESET, None)] * 2
    assert all(gap.after is not None and gap.before is not None for gap in gaps)


def test_a_marker_of_which_only_the_stream_could_say_whether_it_was_told() -> None:
    """It ends while its earlier entries are looked through."""
    state = Losses()
    state.begin(lines=1, attached=True)
    state.dropped_with_a_marker(count=1, src="a")
    state.new_client(per_second=0, slow=False, tail=0, which=0)
    state.read(count=2, which=0)
    state.replace(lines=0)
    state.teardown()
    gaps = [told.gap for told in state.clients[0].log if told.gap]
    assert [(gap.reason, gap.missed) for gap in gaps] == [(GapReason.RESET, None)] * 2


def test_a_hole_across_the_beginning_of_another_stream_is_the_gap_before_it() -> None:
    """For a client that comes back within that stream, too."""
    state = begun()
    state.numbered(count=1, src="a")
    read_and_told(state)
    state.numbered(count=1, src="a")
    state.replace(lines=1)
    for _ in range(2):
        read_and_told(state)
    state.leave(which=0, unreceived=0)
    state.numbered(count=1, src="a")
    come_back(state)
    state.teardown()
    assert told_by_producers(state) == 0
