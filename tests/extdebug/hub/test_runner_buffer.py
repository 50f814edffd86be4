"""Lines straight from runners: shown once, in no place of the stream, and never too widely."""

from extdebug.filters.filter import EVERYTHING, Filter
from extdebug.hub.redacting_decoder import Prepared
from extdebug.hub.runner_buffer import Foreign, off_stream
from extdebug.hub.selection import Selection, make_chunk
from extdebug.wire.events import Event, Level, Output, encode_json
from extdebug.wire.events import Origin as From
from extdebug.wire.positions import Cursor, EntryId

ZERO = Cursor(EntryId(0, 0))
PLACE = Cursor(EntryId(1_700_000_000_000, 3), 12)


def line(n: int, install: str = "inst-acme") -> Prepared:
    event = Event(
        ts="2026-01-31T09:30:00.000Z", level=Level.INFO, stream=Output.STDOUT, message=f"line {n}",
        tenant_id="acme", extension_id="invoice-sync", install_id=install,
    )  # fmt: skip
    return Prepared(EntryId(0, 0), event, From(src="boot.1", n=n), encode_json(event))


def fed(*lines: Prepared, streamless: bool = False) -> Foreign:
    foreign = Foreign(limit=1 << 20, streamless=streamless)
    for one in lines:
        foreign.push(make_chunk([one], [0]), [one], ms=1_700_000_000_500)
    return foreign


def shown(foreign: Foreign, position: Cursor) -> list[str]:
    messages: list[str] = []
    while (piece := foreign.take(position)) is not None:
        for prepared in piece.chunk.events if piece.chunk else ():
            assert prepared.event is not None
            messages.append(prepared.event.message)
    return messages


def test_a_session_with_a_place_in_the_stream_keeps_it():
    piece = fed(line(1)).take(PLACE)
    assert piece is not None
    assert piece.through == PLACE


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
    foreign = fed(line(1), line(2))
    assert foreign.again(line(1))
    assert not foreign.again(line(1)), "a second one is another event"
    assert not foreign.again(line(3))


def test_what_waits_is_not_shown_once_the_installs_are_narrowed():
    foreign = fed(line(1), line(2, "inst-other"), line(3))
    foreign.choose(Selection(frozenset({"inst-acme"}), EVERYTHING))
    assert shown(foreign, ZERO) == ["line 1", "line 3"]


def test_what_waits_is_not_shown_under_a_filter_that_refuses_it():
    foreign = fed(line(1), line(2))
    foreign.choose(Selection(None, Filter.parse({"q": '"line 2"'})))
    assert shown(foreign, ZERO) == ["line 2"]
