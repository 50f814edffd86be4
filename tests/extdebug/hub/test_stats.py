"""Counts of one stream, added up to those of a process."""

from extdebug.hub.stats import StreamCounts
from extdebug.wire.events import GapReason


def test_counts_of_a_stream_that_ended_stay_in_the_sum():
    total = StreamCounts(entries=1, delivered=2)
    total.lost[GapReason.RESET] += 1
    ended = StreamCounts(entries=10, delivered=20)
    ended.lost.update({GapReason.RESET: 2, GapReason.PRODUCER: 3})

    total.add(ended)

    assert (total.entries, total.delivered) == (11, 22)
    assert total.lost == {GapReason.RESET: 3, GapReason.PRODUCER: 3}
    assert ended.lost == {GapReason.RESET: 2, GapReason.PRODUCER: 3}, "it is not changed"


def test_each_begins_with_counts_of_its_own():
    StreamCounts().lost[GapReason.RESET] += 1
    assert not StreamCounts().lost
