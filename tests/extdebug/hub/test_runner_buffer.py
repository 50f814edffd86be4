"""Lines straight from runners: shown once, in no place of the stream, and never too widely."""

import pytest

from extdebug.filters.filter import EVERYTHING, Filter
from extdebug.hub.pieces import NOWHERE, Piece
from extdebug.hub.redacting_decoder import DecodedEntry, RedactingDecoder
from extdebug.hub.runner_buffer import OFF_STREAM, REMEMBERED, RunnerBuffer, of_buffer, off_stream
from extdebug.hub.selection import Selection, make_chunk
from extdebug.wire.events import Event, Gap, GapReason, Level, Output, encode_json
from extdebug.wire.events import Origin as From
from extdebug.wire.keys import Target
from extdebug.wire.positions import Cursor, EntryId
from policies.redaction.redactor import Redactor, Rule

ZERO = Cursor(EntryId(0, 0))
PLACE = Cursor(EntryId(1_700_000_000_000, 3), 12)


def line(n: int, install: str = "inst-acme", *, at: int = 0) -> DecodedEntry:
    event = Event(
        ts="2026-01-31T09:30:00.000Z", level=Level.INFO, stream=Output.STDOUT, message=f"line {n}",
        tenant_id="acme", extension_id="invoice-sync", install_id=install,
    )  # fmt: skip
    return DecodedEntry(EntryId(at, 0), event, From(src="boot.1", n=n), encode_json(event))


def fed(*lines: DecodedEntry, streamless: bool = False) -> RunnerBuffer:
    runner_buffer = RunnerBuffer(limit=1 << 20, streamless=streamless)
    for one in lines:
        runner_buffer.push(make_chunk([one], [0]), [one], ms=1_700_000_000_500)
    return runner_buffer


def shown(runner_buffer: RunnerBuffer, position: Cursor) -> list[str]:
    messages: list[str] = []
    while (piece := runner_buffer.take(position)) is not None:
        for prepared in piece.chunk.events if piece.chunk else ():
            assert prepared.event is not None
            messages.append(prepared.event.message)
    return messages


def test_a_session_with_a_place_in_the_stream_keeps_it():
    piece = fed(line(1)).take(PLACE)
    assert piece is not None
    assert not piece.moves


def test_without_any_redis_a_place_from_before_is_left():
    """Or a later process, with Redis again, would show all this once more."""
    piece = fed(line(1), streamless=True).take(PLACE)
    assert piece is not None
    assert off_stream(piece.through)


def test_a_session_without_a_place_stands_at_a_moment_that_is_no_place():
    piece = fed(line(1)).take(ZERO)
    assert piece is not None
    assert off_stream(piece.through)
    assert piece.through.id.ms == 1_700_000_000_500
    assert Cursor.parse(str(piece.through)) == piece.through
    for place in (ZERO, PLACE, Cursor(EntryId(5, 2**64 - 1), 0)):
        assert not off_stream(place)


def test_what_was_shown_does_not_come_again_from_redis():
    runner_buffer = fed(line(1), line(2))
    assert runner_buffer.again(line(1, at=5))
    assert not runner_buffer.again(line(1, at=6)), "a second one is another event"
    assert not runner_buffer.again(line(3, at=7))


def test_what_was_shown_does_not_come_again_from_redis_where_that_is_read_again():
    runner_buffer = fed(line(1), line(2))
    assert runner_buffer.again(line(1, at=5))
    assert runner_buffer.again(line(2, at=6))
    runner_buffer.stands_at(Cursor(EntryId(5, 0)))
    assert runner_buffer.again(line(2, at=6))
    assert runner_buffer
    runner_buffer.stands_at(Cursor(EntryId(7, OFF_STREAM)))
    assert runner_buffer, "a moment at a runner is behind no place"
    runner_buffer.stands_at(Cursor(EntryId(6, 0)))
    assert not runner_buffer, "nothing is kept of what nobody can read again"


def test_what_waits_is_not_shown_once_the_installs_are_narrowed():
    runner_buffer = fed(line(1), line(2, "inst-other"), line(3))
    runner_buffer.choose(Selection(frozenset({"inst-acme"}), EVERYTHING))
    assert shown(runner_buffer, ZERO) == ["line 1", "line 3"]


def test_what_waits_is_not_shown_under_a_filter_that_refuses_it():
    runner_buffer = fed(line(1), line(2))
    runner_buffer.choose(Selection(None, Filter.parse({"q": '"line 2"'})))
    assert shown(runner_buffer, ZERO) == ["line 2"]


def test_the_numbers_remembered_are_bounded_and_the_oldest_go():
    runner_buffer = RunnerBuffer(limit=1 << 20)
    runner_buffer.push(None, [line(n) for n in range(REMEMBERED + 10)], ms=5)
    assert not runner_buffer.again(line(9))
    assert runner_buffer.again(line(10))
    for n in range(11, REMEMBERED + 10):
        runner_buffer.again(line(n, at=n))
    runner_buffer.push(None, [line(n) for n in range(REMEMBERED + 10, REMEMBERED + 20)], ms=6)
    for n in range(REMEMBERED + 10, REMEMBERED + 20):
        runner_buffer.again(line(n, at=n))
    runner_buffer.push(None, [line(0)], ms=7)
    assert not runner_buffer.again(line(19, at=19))
    assert runner_buffer.again(line(20, at=20))


def test_lines_that_the_session_does_not_want_are_counted_and_remembered():
    runner_buffer = RunnerBuffer(limit=1 << 20, streamless=True)
    assert not runner_buffer
    runner_buffer.push(None, [line(1), line(2)], ms=5)
    assert runner_buffer
    assert runner_buffer.waiting
    piece = runner_buffer.take(ZERO)
    assert piece is not None
    assert (piece.filtered, piece.chunk) == (2, None)


def test_who_comes_back_is_told_that_the_time_between_is_not_shown():
    runner_buffer = RunnerBuffer(limit=1 << 20, streamless=True)
    runner_buffer.passed_over(ms=1_700_000_000_000)
    runner_buffer.push(make_chunk([line(1)], [0]), [line(1)], ms=1_700_000_000_500)
    piece = runner_buffer.take(ZERO)
    assert piece is not None
    assert piece.gap is not None
    assert (piece.gap.reason, piece.gap.missed) == ("failover", None)


def test_a_gap_that_waits_keeps_its_place_when_the_filter_changes():
    runner_buffer = fed(line(1))
    runner_buffer.passed_over(ms=1_700_000_000_600)
    runner_buffer.push(make_chunk([line(2)], [0]), [line(2)], ms=1_700_000_000_700)
    runner_buffer.choose(Selection(None, EVERYTHING))
    order = []
    while (piece := runner_buffer.take(ZERO)) is not None:
        if piece.gap or piece.chunk:
            order.append("gap" if piece.gap else "line")
    assert order == ["line", "gap", "line"]


def test_what_is_put_back_is_redacted_anew():
    rule = Rule(name="line", pattern="line [0-9]", example="line 1")
    decoder = RedactingDecoder(Redactor([rule]), Target("acme", "invoice-sync"))
    runner_buffer = fed(line(1))
    piece = runner_buffer.take(PLACE)
    assert piece is not None
    piece.admitted = True
    runner_buffer.put_back(piece, decoder)
    again = runner_buffer.take(ZERO)
    assert again is not None
    assert (again.through.id.ms, again.admitted) == (1_700_000_000_500, False)
    runner_buffer.put_back(again, decoder)
    assert shown(runner_buffer, ZERO) == ["[redacted:line]"]


@pytest.mark.parametrize("streamless", [False, True])
def test_what_it_dropped_and_what_it_passed_over_is_of_this_buffer(streamless: bool):
    runner_buffer = RunnerBuffer(limit=1, streamless=streamless)
    if streamless:  # nobody else is told so
        runner_buffer.passed_over(ms=1_700_000_000_400)
    for n in (1, 2):
        runner_buffer.push(make_chunk([line(n)], [0]), [line(n)], ms=1_700_000_000_500)
    kinds = []
    while (piece := runner_buffer.take(PLACE)) is not None:
        kinds.append(piece.gap and piece.gap.reason)
        assert of_buffer(piece)
    assert kinds[-2:] == [GapReason.NOT_CONSUMED, None]
    assert len(kinds) == 2 + streamless


def test_lines_and_gaps_of_a_stream_are_of_no_buffer():
    chunk = make_chunk([line(1)], [0])
    for piece in (
        Piece(PLACE, chunk=chunk), Piece(PLACE), Piece(NOWHERE),
        Piece(PLACE, gap=Gap(GapReason.NOT_CONSUMED, 1)),
        Piece(NOWHERE, gap=Gap(GapReason.FAILOVER, None)),
        Piece(NOWHERE, gap=Gap(GapReason.UNREADABLE, 1)),
    ):  # fmt: skip
        assert not of_buffer(piece)
