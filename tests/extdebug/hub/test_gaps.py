"""Each kind of loss as a client reads it: reason, number and bounds."""

import pytest

from extdebug.hub.gaps import (
    entry_gaps,
    hole_gap,
    loss_gap,
    off_stream_gap,
    producer_gap,
    unreadable_gap,
)
from extdebug.hub.redacting_decoder import DecodedEntry
from extdebug.streams.continuity import Loss
from extdebug.streams.producers import Missing
from extdebug.wire.events import LAST_MS, Event, Gap, GapReason, Level, Origin, Output
from extdebug.wire.positions import ZERO_ID, Cursor, EntryId

AFTER = EntryId(1_700_000_000_000, 3)
BEFORE = EntryId(1_700_000_001_000, 0)
SINCE = "2023-11-14T22:13:20.000Z"


def entry(id: EntryId = BEFORE, *, why: str = "", problem: str = "") -> DecodedEntry:
    return DecodedEntry(id, None, Origin(why=why), b"", problem)


def test_a_loss_of_the_stream_has_its_number_its_bounds_and_its_moment():
    loss = Loss(GapReason.RETENTION, 7, AFTER, BEFORE, Cursor(BEFORE, 9))
    assert loss_gap(loss) == Gap(GapReason.RETENTION, 7, str(AFTER), str(BEFORE), SINCE)


@pytest.mark.parametrize("after", [ZERO_ID, EntryId(LAST_MS, 0)], ids=["the start", "no time"])
def test_a_place_that_is_no_moment_gives_none(after: EntryId):
    gap = loss_gap(Loss(GapReason.RESET, None, after, None, Cursor(BEFORE, 9)))
    assert (gap.since, gap.missed, gap.before) == (None, None, None)


def test_a_markers_loss_says_why_in_its_runners_words():
    gap = producer_gap(entry(why="rate"), 5, after=AFTER)
    assert gap == Gap(GapReason.PRODUCER, 5, str(AFTER), str(BEFORE), detail="rate")
    assert producer_gap(entry(), 5, after=AFTER).detail is None


def test_a_hole_in_the_numbers_is_the_producers_and_says_so():
    gap = hole_gap(entry(), 2, after=AFTER)
    assert gap.detail is not None
    assert (gap.reason, gap.missed, gap.after, gap.before) == (
        GapReason.PRODUCER, 2, str(AFTER), str(BEFORE),
    )  # fmt: skip
    assert "hole" in gap.detail


def test_a_hole_among_losses_of_the_stream_may_lie_anywhere_behind_their_beginning():
    earlier = EntryId(AFTER.ms - 500, 0)
    here, behind = Cursor(AFTER, 4), Cursor(BEFORE, 5)
    [(gap, through, counted), rest] = entry_gaps(entry(), Missing(0, 2, earlier), here, behind)
    assert gap is not None
    assert (gap.missed, gap.after, gap.before) == (2, str(earlier), str(BEFORE))
    assert (through.id, through.stated, counted) == (AFTER, True, 0)
    assert rest == (None, behind, 1), "the entry itself is a marker that says nothing new"
    [(exact, *_), _] = entry_gaps(entry(), Missing(0, 2), here, behind)
    assert exact is not None
    assert exact.after == str(AFTER)


def test_a_line_that_shows_a_hole_and_a_marker_has_one_gap_before_it():
    """Whoever left between two, with a place that says `stated`, would not be told the second."""
    here, behind = Cursor(AFTER, 4), Cursor(BEFORE, 5)
    earlier = EntryId(AFTER.ms - 500, 0)
    line = Event(ts=SINCE, level=Level.INFO, stream=Output.LOG, message="m")
    event = DecodedEntry(BEFORE, line, Origin(why="rate"), b"{}")
    [(gap, through, counted)] = entry_gaps(event, Missing(5, 2, earlier), here, behind)
    assert gap == Gap(GapReason.PRODUCER, 7, str(earlier), str(BEFORE), detail="rate")
    assert (through.id, through.stated, counted) == (AFTER, True, 0)


def test_an_entry_without_a_line_is_one_entry_whatever_it_tells():
    here, behind = Cursor(AFTER, 4), Cursor(BEFORE, 5)
    [(marker, *rest)] = entry_gaps(entry(why="rate"), Missing(5, 0), here, behind)
    assert marker is not None
    assert (marker.missed, rest) == (5, [behind, 1])
    [(unreadable, *rest)] = entry_gaps(entry(problem="no"), Missing(0, 0), here, behind)
    assert unreadable is not None
    assert (unreadable.reason, rest) == (GapReason.UNREADABLE, [behind, 1])


def test_an_unreadable_entry_is_one_and_lies_behind_its_exclusive_bound():
    gap = unreadable_gap(entry(AFTER, problem="not of this tenant"))
    assert gap == Gap(
        GapReason.UNREADABLE, 1, "1700000000000-2", None, SINCE, detail="not of this tenant"
    )
    assert unreadable_gap(entry(EntryId(LAST_MS, 1))).since is None


def test_the_seam_behind_lines_of_runners_has_no_number_and_no_place():
    gap = off_stream_gap(AFTER.ms)
    assert (gap.reason, gap.missed, gap.after, gap.since) == (
        GapReason.FAILOVER, None, None, SINCE,
    )  # fmt: skip
