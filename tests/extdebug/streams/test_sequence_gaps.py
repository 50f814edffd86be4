"""A runner's loss is counted once, by its marker or by the hole in its numbers, and a loss of the
stream is not counted again as one of the runner."""

from hypothesis import given
from hypothesis import strategies as st

from extdebug.streams.producers import NOTHING_MISSING, Missing
from extdebug.streams.sequence_gaps import MOST, SequenceGaps
from extdebug.wire.events import Origin
from extdebug.wire.positions import ZERO_ID, Cursor, EntryId

HERE = EntryId(1_000, 0)


class Book:
    """Feeds entries, numbered from 1 in the stream, and adds up what is stated."""

    def __init__(self) -> None:
        self.producers = SequenceGaps()
        self.marked = 0
        self.holes = 0
        self.at = 0

    def see(self, n: int | None = None, *, lost: int = 0, src: str | None = "a") -> Missing:
        self.at += 1
        origin = Origin(src=src, n=n, lost=lost)
        missing = self.producers.account(origin, at=EntryId(self.at, 0))
        self.marked += missing.stated
        self.holes += missing.hole
        return missing

    def lose(self, missed: int | None) -> None:
        """The stream lost entries between the last one seen and the next one."""
        self.producers.lost(missed, after=EntryId(self.at, 0), until=EntryId(self.at + 1, 0))

    @property
    def stated(self) -> int:
        return self.marked + self.holes


def test_numbers_in_order_state_nothing() -> None:
    book = Book()
    for n in (7, 8, 9):
        book.see(n)
    assert book.stated == 0


def test_a_hole_is_a_loss_before_the_entry_that_shows_it() -> None:
    book = Book()
    book.see(1)
    assert book.producers.shows_loss(Origin("a", 5), at=HERE)
    assert book.see(5) == Missing(0, 3)
    assert not book.producers.shows_loss(Origin("a", 6), at=HERE)


def test_asking_whether_an_entry_shows_a_loss_changes_nothing() -> None:
    book = Book()
    book.see(1)
    for _ in range(3):
        assert book.producers.shows_loss(Origin("a", 4), at=HERE)
    assert book.see(4) == Missing(0, 2)
    assert not book.producers.shows_loss(Origin("b", 9), at=HERE), "nothing is known of that one"
    assert not book.producers.shows_loss(Origin(None, 9), at=HERE)
    assert not book.producers.shows_loss(Origin("a"), at=HERE)


def test_a_marker_explains_the_hole_that_follows_it() -> None:
    book = Book()
    book.see(1)
    book.see(lost=3)
    assert not book.producers.shows_loss(Origin("a", 5), at=HERE)
    book.see(5)
    assert (book.marked, book.holes) == (3, 0)


def test_a_marker_that_comes_after_its_hole_states_nothing_more() -> None:
    book = Book()
    book.see(1)
    book.see(5)
    book.see(lost=3)
    assert (book.marked, book.holes) == (0, 3)


def test_a_hole_larger_than_its_marker_states_the_rest() -> None:
    book = Book()
    book.see(1)
    book.see(lost=2)
    book.see(5)
    assert (book.marked, book.holes) == (2, 1)


def test_a_hole_that_the_stream_explains_is_not_the_runners() -> None:
    book = Book()
    book.see(1)
    book.lose(3)
    book.see(5)
    assert book.stated == 0


def test_of_a_hole_only_what_the_stream_lost_is_excused() -> None:
    book = Book()
    book.see(1)
    book.lose(3)
    book.see(7)  # five numbers are missing, three of them were entries
    assert book.stated == 2


def test_what_the_stream_lost_is_spent_once_over_all_producers() -> None:
    book = Book()
    book.see(1)
    book.see(1, src="b")
    book.lose(3)
    book.see(4)
    book.see(4, src="b")  # four numbers are missing, three entries were lost
    assert book.stated == 1


def test_a_loss_is_not_used_up_by_entries_from_before_its_end() -> None:
    """A loss is told before entries that stood ahead of it in the stream, too."""
    book = Book()
    book.see(1)
    book.producers.lost(3, after=EntryId(1, 0), until=EntryId(4, 0))
    book.see(2)
    book.see(3)
    book.see(7)
    assert book.stated == 0


def test_a_loss_told_ahead_excuses_a_source_that_was_first_seen_after_that() -> None:
    """Of 1, 2 and 3 the stream lost 2, and tells it before any of them is read."""
    book = Book()
    book.producers.lost(1, after=ZERO_ID, until=EntryId(9, 0))
    book.see(1)
    book.see(3)
    assert book.stated == 0
    learnt, earlier = Book(), Book()
    earlier.see(1)
    learnt.at = 1
    learnt.lose(1)
    learnt.producers.learn(earlier.producers)
    learnt.see(3)
    assert learnt.stated == 0


def test_a_loss_excuses_nothing_behind_the_first_number_after_it() -> None:
    book = Book()
    book.see(1)
    book.lose(3)
    book.see(2)
    book.see(6)
    assert book.stated == 3


def test_what_no_hole_was_found_for_does_not_excuse_a_later_losss_producers() -> None:
    book = Book()
    book.see(1)
    book.lose(5)  # of entries without numbers
    book.see(2)
    book.lose(1)
    book.see(6)
    assert book.stated == 2


def test_an_uncounted_loss_excuses_the_next_hole_of_each_and_no_more() -> None:
    book = Book()
    book.see(1)
    book.see(1, src="b")
    book.lose(None)
    book.see(9)
    book.see(4, src="b")
    assert book.stated == 0
    book.see(12)
    assert book.stated == 2


def test_a_cancelled_hole_does_not_swallow_the_next_marker() -> None:
    book = Book()
    book.see(1)
    book.lose(3)
    book.see(5)
    book.see(lost=2)
    book.see(8)
    assert book.stated == 2


def test_what_was_stated_before_a_first_number_does_not_swallow_a_later_hole() -> None:
    book = Book()
    book.see(5, lost=4)
    book.see(8)
    assert (book.marked, book.holes) == (4, 2)
    book.see(lost=1, src="b")
    book.see(2, src="b")
    book.see(4, src="b")
    assert (book.marked, book.holes) == (5, 3)


def test_entries_without_a_source_state_what_they_say() -> None:
    book = Book()
    book.see(lost=4, src=None)
    book.see(9, src=None)
    assert book.stated == 4


def test_an_entry_written_twice_states_nothing() -> None:
    book = Book()
    for n in (1, 2, 2, 1, 3):
        book.see(n)
    assert book.stated == 0


def test_a_source_first_seen_in_the_middle_waits_for_its_earlier_entries() -> None:
    book = Book()
    assert book.producers.unknown(Origin("a", 5), at=HERE)
    assert book.producers.unknown(Origin("a", None, 2), at=HERE)
    assert not book.producers.unknown(Origin("a", 1), at=HERE), "nothing is before it"
    assert not book.producers.unknown(Origin(None, 5), at=HERE)
    earlier = Book()
    earlier.see(2)
    book.producers.learn(earlier.producers)
    assert not book.producers.unknown(Origin("a", 5), at=HERE)
    assert book.see(5) == Missing(0, 2)


def test_what_is_known_here_is_not_overwritten_by_what_was_before() -> None:
    book, earlier = Book(), Book()
    book.see(7)
    earlier.see(2)
    earlier.producers.complete = True
    book.producers.learn(earlier.producers)
    book.see(8)
    assert book.stated == 0
    assert not book.producers.unknown(Origin("b", 5), at=HERE), "all was looked through"


def ahead(book: Book, at: int) -> tuple[int, EntryId]:
    place = book.producers.told(Cursor(EntryId(at, 0), 4, "e"))
    return place.ahead, place.until


def test_a_place_says_what_was_told_of_a_loss_and_not_met_by_a_hole_yet() -> None:
    book = Book()
    book.see(1)
    book.see(1, src="quiet")
    assert ahead(book, 2) == (0, ZERO_ID)
    book.producers.lost(4, after=EntryId(2, 0), until=EntryId(9, 0))
    assert ahead(book, 2) == (4, EntryId(9, 0))
    assert ahead(book, 1) == (0, ZERO_ID), "before it begins"
    book.see(4)  # two of the four
    assert ahead(book, 3) == (2, EntryId(9, 0))
    book.at = 19
    book.see(5)  # this one can meet it no more, but the quiet one may
    assert ahead(book, 20) == (2, EntryId(9, 0))
    book.see(3, src="quiet")
    assert ahead(book, 21) == (0, ZERO_ID)


def test_a_loss_of_unknown_size_says_nothing_of_what_is_ahead() -> None:
    book = Book()
    book.see(1)
    book.producers.lost(None, after=EntryId(1, 0), until=EntryId(9, 0))
    assert ahead(book, 2) == (0, ZERO_ID)


def test_the_loss_of_a_stream_whose_clock_was_ahead_explains_the_holes_in_the_next_one() -> None:
    """Its ids lie above those of the new one: what was lost with it is told once."""
    producers = SequenceGaps()
    producers.account(Origin("a", 3), at=EntryId(9_000, 0))
    producers.lost(None, after=EntryId(9_000, 0), until=EntryId(70, 0))
    assert producers.account(Origin("a", 60), at=EntryId(70, 0)) == NOTHING_MISSING
    assert producers.account(Origin("a", 62), at=EntryId(71, 0)).hole == 1, "only once"


def test_whoever_spoke_behind_a_loss_cannot_have_lost_by_it() -> None:
    """As one learns who comes back behind it: each producer's last number, then the loss."""
    book = Book()
    book.producers.seed(Origin("spoke", 7), at=EntryId(12, 0))
    book.producers.seed(Origin("quiet", 7), at=EntryId(3, 0))
    book.producers.complete = True
    book.producers.lost(2, after=EntryId(8, 0), until=EntryId(9, 0))
    book.at = 20
    assert book.see(10, src="spoke") == Missing(0, 2)
    assert book.see(10, src="quiet") == Missing(0, 0)


def test_a_hole_within_the_span_of_a_loss_may_lie_anywhere_in_it() -> None:
    """Which of its holes are the stream's and which the runner's, no number says."""
    book = Book()
    book.see(1)
    book.at = 4
    book.producers.lost(2, after=EntryId(4, 0), until=EntryId(9, 0))
    assert book.see(4) == Missing(0, 0)
    assert book.see(6) == Missing(0, 1, EntryId(4, 0))
    book.at = 9
    assert book.see(8) == Missing(0, 1, EntryId(4, 0)), "it reaches from within it"
    assert book.see(10) == Missing(0, 1)


def test_a_hole_after_the_span_of_a_loss_is_the_producers() -> None:
    """The loss lies between 4 and 9: what is missing before 4 cannot be it."""
    book = Book()
    book.see(1)
    book.producers.lost(3, after=EntryId(4, 0), until=EntryId(9, 0))
    assert book.see(4) == Missing(0, 2)
    assert book.at == 2
    book.at = 8
    assert book.see(8) == Missing(0, 0), "3 of the stream's"


def test_a_source_first_seen_behind_a_loss_is_not_excused_by_it() -> None:
    book = Book()
    book.producers.lost(2, after=ZERO_ID, until=EntryId(1, 0))
    book.see(1)
    assert book.see(4) == Missing(0, 2)


def test_of_a_seeded_source_only_the_last_number_is_known() -> None:
    book = Book()
    book.producers.seed(Origin("a", 5), at=EntryId(1, 0))
    assert not book.producers.unknown(Origin("a", 6), at=HERE), "in order: nothing to ask"
    assert book.producers.unknown(Origin("a", 8), at=HERE), "a marker may have told of 6 and 7"
    assert book.producers.unknown(Origin("a", None, 2), at=HERE)
    assert book.see(6) == Missing(0, 0)


def test_what_a_marker_among_the_last_entries_stated_is_known() -> None:
    """Right behind it, and should the stream be gone before the rest of it can be read."""
    book = Book()
    book.producers.seed(Origin("a", None, 9), at=EntryId(1, 0))  # of whose numbers none is known
    book.producers.seed(Origin("a", 5), at=EntryId(2, 0))
    book.producers.seed(Origin("a", None, 4), at=EntryId(3, 0))
    assert book.producers.unknown(Origin("a", 12), at=HERE), "earlier markers may have told more"
    assert book.see(12) == Missing(0, 2)


def test_a_marker_whose_hole_lay_before_the_last_entries_excuses_no_later_one() -> None:
    book = Book()
    for origin in (Origin("a", 5), Origin("a", None, 4), Origin("a", 6)):
        book.producers.seed(origin, at=EntryId(1, 0))
    book.producers.complete = True
    assert book.see(9) == Missing(0, 2)


def test_a_seed_takes_the_greatest_number_and_is_replaced_by_what_is_learnt() -> None:
    book, earlier = Book(), Book()
    for n in (5, 4):
        book.producers.seed(Origin("a", n), at=EntryId(n, 0))
    earlier.see(5)
    earlier.see(lost=2)
    book.producers.learn(earlier.producers)
    assert not book.producers.unknown(Origin("a", 8), at=HERE)
    assert book.see(8) == Missing(0, 0), "its marker came before our place"
    assert book.see(10) == Missing(0, 1)


def test_a_hole_across_two_runs_of_the_server_is_the_loss_between_them() -> None:
    book = Book()
    book.producers.run_began = EntryId(2, 0)
    book.see(1)
    assert not book.producers.shows_loss(Origin("a", 9), at=HERE)
    assert book.see(9) == Missing(0, 0)
    assert book.see(12) == Missing(0, 2)


def test_a_marker_behind_a_restart_states_the_hole_across_it_and_no_later_one() -> None:
    book = Book()
    book.see(1)
    book.producers.run_began = EntryId(book.at + 1, 0)
    assert book.see(lost=2) == Missing(2, 0)
    assert book.see(9) == Missing(0, 0), "the rest of it is the loss between the runs"
    assert book.see(12) == Missing(0, 2)
    assert book.see(lost=2) == Missing(0, 0)


def test_the_memory_is_bounded_and_the_longest_silent_source_goes() -> None:
    book = Book()
    for number in range(1000):
        book.see(1, src=f"s{number}")
    assert len(book.producers._known) == MOST == 256
    book.see(5, src="s999")
    book.see(5, src="s0")
    assert book.stated == 3


def test_the_first_marker_of_a_source_seen_in_the_middle_may_be_for_what_came_before() -> None:
    """Whoever begins there and whoever was there before must come to the same: both are asked for
    the next hole by somebody who stands behind it."""
    late, early = Book(), Book()
    late.see(5)
    assert late.see(lost=3) == Missing(3, 0)
    late.see(6)
    assert late.see(9) == Missing(0, 2), "its marker was for a hole before 5"
    assert late.see(lost=2) == Missing(0, 0)
    early.see(5)
    assert early.see(lost=2) == Missing(2, 0)
    assert early.see(8) == Missing(0, 0)
    assert early.see(11) == Missing(0, 2)


def test_a_late_marker_gives_the_streams_loss_back_to_the_hole_that_follows() -> None:
    book = Book()
    for src in "ab":
        book.see(1, src=src)
    book.producers.lost(1, after=EntryId(book.at, 0), until=EntryId(100, 0))
    assert book.see(3, src="a") == Missing(0, 0)
    assert book.see(lost=1, src="a") == Missing(1, 0)
    assert book.see(3, src="b") == Missing(0, 0)


Fate = st.sampled_from(["written", "written", "written", "dropped", "trimmed"])


def test_a_hole_that_was_told_before_is_explained_by_no_loss_of_the_stream() -> None:
    """Who comes back between its notice and the entry behind it meets that loss first."""
    book = Book()
    book.see(1)
    book.producers.lost(3, after=EntryId(1, 0), until=EntryId(100, 0))
    assert book.producers.account(Origin("a", 4), at=EntryId(2, 0), told=True) == NOTHING_MISSING
    assert book.producers.told(Cursor(EntryId(2, 0))).ahead == 3
    book.at = 2
    book.see(lost=2)
    assert book.stated == 0, "its late marker"


def test_a_late_marker_states_nothing_where_anothers_hole_was_told_in_its_place() -> None:
    """Two lines of `b` were deleted by hand, told ahead; a hole of `a` was taken for them."""
    book = Book()
    book.see(1)
    book.see(1, src="b")
    book.producers.lost(2, after=EntryId(book.at, 0), until=EntryId(100, 0))
    book.see(4)
    book.see(4, src="b")
    assert (book.marked, book.holes) == (0, 2)
    book.see(lost=2)
    assert book.stated == 2, "two of the runner's and two of the stream's are all there were"
    book.see(5)
    book.see(lost=3, src="a")
    book.see(9)
    assert book.stated == 5


def test_a_hole_that_reaches_out_of_the_streams_loss_may_be_that_loss_all_the_same() -> None:
    """Three lines of `b` were deleted by hand, the last of them right before what is read next; a
    hole of `a` was taken for one of them."""
    book = Book()
    book.see(1)
    book.see(1, src="b")
    book.producers.lost(3, after=EntryId(book.at, 0), until=EntryId(book.at + 4, 0))
    book.see(3)
    book.see(4, src="b")
    book.see(4)
    assert book.stated == 0
    shown = book.see(6, src="b")
    assert shown == Missing(0, 1, EntryId(2, 0)), "anywhere behind the beginning of that loss"
    book.see(lost=1)
    assert book.stated == 1, "three of the stream's and one of the runner's are all there were"


@given(
    fates=st.lists(st.tuples(st.sampled_from("ab"), Fate), max_size=80),
    marked=st.sampled_from(["no", "before", "late"]),
    told=st.sampled_from(["in time", "ahead"]),
)
def test_every_number_that_never_arrived_is_stated_once(
    fates: list[tuple[str, str]], marked: str, told: str
) -> None:
    """Losses of both kinds, each stream's loss told before what follows it: the sum of all
    statements is the number of numbers missing."""
    book = Book()
    numbers = {"a": 1, "b": 1}
    for src in numbers:
        book.see(1, src=src)
    if told == "ahead":
        ahead = sum(fate == "trimmed" for _, fate in fates)
        book.producers.lost(ahead, after=EntryId(book.at, 0), until=EntryId(10_000, 0))
    dropped = {"a": 0, "b": 0}
    trimmed = missing = stream = 0
    for src, fate in [*fates, ("a", "written"), ("b", "written")]:
        numbers[src] += 1
        if fate == "dropped":
            dropped[src] += 1
            missing += 1
        elif fate == "trimmed":
            trimmed += 1
            missing += 1
        else:
            if trimmed and told == "in time":
                book.lose(trimmed)
                stream, trimmed = stream + trimmed, 0
            if marked == "before" and dropped[src]:
                book.see(lost=dropped[src], src=src)
            book.see(numbers[src], src=src)
            if marked == "late" and dropped[src]:
                book.see(lost=dropped[src], src=src)
            dropped[src] = 0
    assert book.stated + stream + trimmed == missing
