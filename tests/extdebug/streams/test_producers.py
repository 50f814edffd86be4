"""A producer is settled while its next number would change nothing but where it stands."""

from __future__ import annotations

import pytest

from extdebug.streams.producers import Producer, Span
from extdebug.wire.positions import EntryId


def test_a_new_producer_and_one_with_credit_are_settled() -> None:
    producer = Producer()
    assert producer.settled
    producer.credit = producer.ahead = producer.taken = 3
    assert producer.settled


@pytest.mark.parametrize("outstanding", ["marked", "untold", "unsure", "late"])
def test_what_the_next_number_ends_is_outstanding(outstanding: str) -> None:
    producer = Producer()
    setattr(producer, outstanding, 1)
    assert not producer.settled


def test_a_loss_that_may_hold_its_next_hole_is_outstanding() -> None:
    producer = Producer()
    producer.excused = Span(EntryId(1, 0), EntryId(2, 0))
    assert not producer.settled


def test_what_is_kept_of_it_comes_back() -> None:
    producer, other = Producer(), Producer()
    producer.ahead, producer.fresh, producer.untold = 4, True, 2
    other.markers = producer.markers
    assert other.markers == producer.markers
    assert (other.ahead, other.fresh, other.untold) == (4, True, 2)
