"""A session is shown its decision's installs, and of these what its filter wants."""

import pytest

from extdebug.filters.filter import EVERYTHING, Filter
from extdebug.hub.redacting_decoder import DecodedEntry
from extdebug.hub.selection import FRAME_BYTES, FRAME_EVENTS, Selection, fitting, make_chunk
from extdebug.wire.events import Event, Level, Origin, Output
from extdebug.wire.positions import EntryId

ERRORS = Filter(level=Level.ERROR)


def event(level: Level, install: str | None) -> Event:
    return Event("t", level, Output.LOG, "m", install_id=install)


EVENTS = [
    event(Level.INFO, "a"), event(Level.ERROR, "b"), event(Level.ERROR, None),
    event(Level.ERROR, "a"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("installs", "wanted", "chosen"),
    [
        (None, EVERYTHING, [0, 1, 2, 3]),
        (None, ERRORS, [1, 2, 3]),
        (frozenset({"a"}), EVERYTHING, [0, 3]),
        (frozenset({"a"}), ERRORS, [3]),
        (frozenset({"a", "b"}), EVERYTHING, [0, 1, 3]),
        (frozenset({"a"}), Filter(installs=frozenset({"b"})), []),
        (frozenset(), EVERYTHING, []),
    ],
)
def test_what_is_shown_passes_scope_and_filter(installs, wanted, chosen):
    assert list(Selection(installs, wanted).choose(EVENTS)) == chosen


@pytest.mark.parametrize("installs", [{"a"}, {"a", "b"}, {"b"}])
def test_where_no_line_has_to_be_left_out_all_are_shown(installs):
    events = [event(Level.INFO, "a")] * 3
    chosen = Selection(frozenset(installs), EVERYTHING).choose(events)
    assert list(chosen) == ([0, 1, 2] if "a" in installs else [])


def test_of_nothing_nothing_is_chosen():
    assert list(Selection(None, EVERYTHING).choose([])) == []


def test_equal_selections_are_one_so_that_they_share_their_work():
    one, other = (Selection(frozenset({"a"}), Filter(level=Level.ERROR)) for _ in range(2))
    assert len({one, other, Selection(None, ERRORS)}) == 2


def part(count: int) -> list[DecodedEntry]:
    return [
        DecodedEntry(EntryId(n, 0), event(Level.INFO, "a"), Origin(), b'{"n":%d}' % n)
        for n in range(count)
    ]


def test_a_run_joins_the_chosen_and_knows_what_lies_behind_each():
    run = make_chunk(part(5), [1, 3])
    assert run.data == b'{"n":1},{"n":3}'
    assert (run.count, run.size, run.first) == (2, len(run.data), EntryId(1, 0))
    assert run.behind == [3, 1]


def test_a_run_of_the_whole_part_is_that_part():
    run = make_chunk(part(2), [0, 1])
    assert (run.data, list(run.behind)) == (b'{"n":0},{"n":1}', [1, 0])


@pytest.mark.parametrize(
    ("installs", "wanted", "hidden"),
    [
        (None, EVERYTHING, {}),
        (None, ERRORS, {0: "level>=error"}),
        (frozenset({"b"}), ERRORS, {}),
        (
            frozenset({"a"}),
            Filter(installs=frozenset({"b"}), q="m"),
            {0: "install:b", 3: "install:b"},
        ),
        (frozenset({"a", "b"}), Filter(q="-m"), {0: "-m", 1: "-m", 3: "-m"}),
    ],
)
def test_what_the_filter_hides_is_of_the_scope_alone_and_has_its_reason(installs, wanted, hidden):
    found = Selection(installs, wanted).hidden(EVENTS)
    assert {place: part.term for place, part in found} == hidden


def sized(*sizes: int | None) -> list[DecodedEntry]:
    """Entries with lines of so many bytes; None: without a line."""
    return [
        DecodedEntry(
            EntryId(n, 0),
            None if size is None else event(Level.INFO, "a"),
            Origin(),
            b"x" * (size or 0),
        )
        for n, size in enumerate(sizes)
    ]


def test_the_entry_that_fills_a_frame_is_its_last():
    assert fitting(sized(*[9] * 200), begun=0, size=0) == FRAME_EVENTS
    assert fitting(sized(*[9] * 200), begun=FRAME_EVENTS - 3, size=0) == 3
    assert fitting(sized(9, FRAME_BYTES, 9), begun=0, size=0) == 2
    assert fitting(sized(9, 9, 9), begun=1, size=FRAME_BYTES - 9) == 1
    assert fitting(sized(9, None, 9), begun=0, size=0) == 1
