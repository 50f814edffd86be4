"""One part of a stream reaches each ring once, and equal selections share what is made of it."""

from __future__ import annotations

import msgspec

from extdebug.filters.filter import EVERYTHING, Filter
from extdebug.hub.fan_out import Groups, fan_out, fan_out_line
from extdebug.hub.redacting_decoder import DecodedEntry
from extdebug.hub.selection import Selection
from extdebug.wire.events import Event, Level, Origin, Output, encode_json
from extdebug.wire.positions import EntryId
from tests.extdebug.hub.test_watched_stream import at, stream, watch

ALL = Selection(None, EVERYTHING)
EVEN = Selection(None, Filter.parse({"q": "even"}))


def event(n: int) -> Event:
    return Event("t", Level.INFO, Output.LOG, f"{'odd' if n % 2 else 'even'} {n}", id=f"{n}-0")


def part(count: int) -> list[DecodedEntry]:
    events = [event(n) for n in range(1, count + 1)]
    return [
        DecodedEntry(EntryId(n, 0), one, Origin("boot", n), encode_json(one))
        for n, one in enumerate(events, 1)
    ]


def watchers(*selections: Selection) -> Groups:
    watched = stream()
    groups = Groups()
    for selection in selections:
        groups.setdefault(selection, []).append(watch(watched, selection))
    return groups


def test_each_watcher_is_counted_and_all_of_a_part_is_made_once() -> None:
    none = Selection(frozenset({"x"}), Filter.parse({"q": "nothing"}))
    groups = watchers(ALL, ALL, EVEN, none)
    assert fan_out(groups, part(5), at(5)) == 5 + 5 + 2
    one, other, even, nothing = [sub.ring.take() for group in groups.values() for sub in group]
    assert one
    assert other
    assert even
    assert nothing
    assert one.chunk is other.chunk
    assert even.chunk
    assert even.chunk.count == 2
    assert (even.filtered, even.through) == (3, at(5))
    assert (nothing.chunk, nothing.filtered, nothing.through) == (None, 5, at(5))


def test_many_who_look_for_texts_are_given_what_each_looks_for() -> None:
    """From the second part on their texts are looked for together."""
    groups = watchers(*(Selection(None, Filter.parse({"q": f'"{n} "'})) for n in range(30, 60)))
    entries = [one for one in part(100) if one.event is not None]
    long = [
        DecodedEntry(one.id, event, one.origin, encode_json(event))
        for one in entries
        if one.event is not None
        for event in [msgspec.structs.replace(one.event, message=f"{one.event.message} {'x' * 90}")]
    ]
    for _ in range(3):
        assert fan_out(groups, long, at(100)) == 30
        for selection, (subscription,) in groups.items():
            piece = subscription.ring.take()
            assert piece is not None
            assert piece.chunk is not None
            assert piece.chunk.events[0].id == EntryId(int(selection.filter.q.strip('" ')), 0)
    assert groups.searches.of((True, True))._match is not None


def test_a_line_of_a_runner_goes_to_those_who_watch_runners_and_has_no_place() -> None:
    groups = watchers(ALL)
    [subscription] = groups[ALL]
    fan_out_line(groups, event(2), Origin("boot", 2), ms=7)
    assert subscription.runner_buffer is None
    assert not subscription.ring
    watched = stream()
    watched.begin_fallback()
    groups[ALL] = [watch(watched)]
    fan_out_line(groups, event(2), Origin("boot", 2), ms=7)
    buffer = groups[ALL][0].runner_buffer
    assert buffer is not None
    piece = buffer.take(at(1))
    assert piece
    assert piece.chunk
    [line] = piece.chunk.events
    assert line.event is not None
    assert (line.event.id, b'"id"' in line.json) == ("", False)
