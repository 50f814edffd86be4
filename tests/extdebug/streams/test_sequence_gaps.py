"""A runner's loss is counted once, by its marker or by the hole in its numbers, and a loss of the
stream is not counted again as one of the runner."""

from hypothesis import given
from hypothesis import strategies as st

from extdebug.streams.sequence_gaps import SequenceGaps
from extdebug.wire.events import Origin
from extdebug.wire.positions import Cursor, EntryId


class Book:
    """Feeds entries and adds up what is stated."""

    def __init__(self) -> None:
        self.producers = SequenceGaps()
        self.marked = 0
        self.holes = 0
        self._at = 0

    def see(self, n: int | None = None, *, lost: int = 0, src: str | None = "a") -> None:
        after = Cursor(EntryId(self._at, 0))
        self._at += 1
        origin = Origin(src=src, n=n, lost=lost)
        self.marked += self.producers.account(origin, after=after, at=EntryId(self._at, 0))

    def settle(self) -> "Book":
        self.holes += sum(hole.count for hole in self.producers.settle())
        return self

    @property
    def stated(self) -> int:
        return self.marked + self.holes


def test_numbers_in_order_state_nothing() -> None:
    book = Book()
    for n in (7, 8, 9):
        book.see(n)
    assert book.settle().stated == 0


def test_a_hole_is_a_loss_once_the_stream_is_settled() -> None:
    book = Book()
    book.see(1)
    book.see(5)
    assert book.stated == 0
    assert book.producers.open
    [hole] = book.producers.settle()
    assert (hole.count, hole.after, hole.before) == (3, Cursor(EntryId(1, 0)), EntryId(2, 0))
    assert not book.producers.open


def test_a_marker_explains_the_hole_that_follows_it() -> None:
    book = Book()
    book.see(1)
    book.see(lost=3)
    book.see(5)
    assert (book.marked, book.settle().holes) == (3, 0)


def test_a_marker_that_comes_after_its_hole_states_nothing_more() -> None:
    book = Book()
    book.see(1)
    book.see(5)
    book.see(lost=3)
    assert (book.marked, book.settle().holes) == (0, 3)


def test_a_hole_larger_than_its_marker_states_the_rest() -> None:
    book = Book()
    book.see(1)
    book.see(lost=2)
    book.see(5)
    assert (book.marked, book.settle().holes) == (2, 1)


def test_a_hole_that_the_stream_explains_is_not_the_runners() -> None:
    book = Book()
    book.see(1)
    book.see(5)
    book.producers.lost(3)
    assert book.settle().stated == 0


def test_of_a_hole_only_what_the_stream_lost_is_excused() -> None:
    before, after = Book(), Book()
    before.see(1)
    before.producers.lost(3)
    before.see(7)  # five numbers are missing, three of them were entries
    assert before.settle().stated == 2
    after.see(1)
    after.see(7)
    after.producers.lost(3)
    assert after.settle().stated == 2


def test_an_uncounted_loss_excuses_the_next_hole_of_each_and_no_more() -> None:
    book = Book()
    book.see(1)
    book.see(1, src="b")
    book.producers.lost(None)
    book.see(9)
    book.see(4, src="b")
    assert book.settle().stated == 0
    book.see(12)
    assert book.settle().stated == 2


def test_a_cancelled_hole_does_not_swallow_the_next_marker() -> None:
    book = Book()
    book.see(1)
    book.see(5)
    book.producers.lost(3)
    book.settle()
    book.see(lost=2)
    book.see(8)
    assert book.settle().stated == 2


def test_entries_without_a_source_state_what_they_say() -> None:
    book = Book()
    book.see(lost=4, src=None)
    book.see(9, src=None)
    assert book.settle().stated == 4


def test_an_entry_written_twice_states_nothing() -> None:
    book = Book()
    for n in (1, 2, 2, 1, 3):
        book.see(n)
    assert book.settle().stated == 0


def test_the_memory_is_bounded_and_the_longest_silent_source_goes() -> None:
    book = Book()
    for number in range(1000):
        book.see(1, src=f"s{number}")
    assert len(book.producers._known) == 256
    book.see(5, src="s999")
    book.see(5, src="s0")
    assert book.settle().stated == 3


Fate = st.sampled_from(["written", "written", "written", "dropped", "trimmed"])


@given(
    fates=st.lists(st.tuples(st.sampled_from("ab"), Fate), max_size=80),
    marked=st.booleans(),
    early=st.booleans(),
)
def test_every_number_that_never_arrived_is_stated_once(
    fates: list[tuple[str, str]], marked: bool, early: bool
) -> None:
    """Runs of losses of both kinds: the sum of all statements is the number of numbers missing.

    `early`: the stream's loss is known before what follows it is read (a read with its snapshot);
    else after (a read at the tip, settled by the next probe).
    """
    book = Book()
    numbers = {"a": 1, "b": 1}
    for src in numbers:
        book.see(1, src=src)
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
            if trimmed and early:
                book.producers.lost(trimmed)
                stream, trimmed = stream + trimmed, 0
            if marked and dropped[src]:
                book.see(lost=dropped[src], src=src)
            dropped[src] = 0
            book.see(numbers[src], src=src)
            if trimmed and not early and all(not count for count in dropped.values()):
                other = "b" if src == "a" else "a"  # both were heard of again before the probe
                numbers[other] += 1
                book.see(numbers[other], src=other)
                book.producers.lost(trimmed)
                stream, trimmed = stream + trimmed, 0
                book.settle()
    if trimmed:
        book.producers.lost(trimmed)
        stream += trimmed
    assert book.settle().stated + stream == missing
