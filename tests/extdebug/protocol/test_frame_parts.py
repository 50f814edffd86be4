"""A range is what `from`, `until` and `speed` say together; what contradicts itself is refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from extdebug.protocol.client_frames import SetFilter, Subscribe
from extdebug.protocol.frame_parts import FASTEST, SLOWEST, From, moment_of, start_at
from extdebug.wire.positions import ENDLESS, EntryId, Span, Start

AT = "2026-01-01T14:03:00Z"
AT_MS = 1_767_276_180_000


def read(kind: str, **parts: Any) -> Subscribe | SetFilter:
    said: dict[str, Any] = {"type": kind, "filter": {}, **parts}
    if kind == "subscribe":
        said["target"] = {"extension": "x"}
    found: Subscribe | SetFilter = msgspec.json.decode(
        msgspec.json.encode(said), type=Subscribe | SetFilter
    )
    return found


@pytest.mark.parametrize("kind", ["subscribe", "filter"])
@pytest.mark.parametrize(
    ("parts", "span"),
    [
        ({}, ENDLESS),
        ({"until": AT}, Span(until_ms=AT_MS)),
        ({"until": AT, "speed": 4}, Span(until_ms=AT_MS, speed=4)),
        ({"until": AT, "from": {"time": "2026-01-01T14:02:59.999Z"}}, Span(until_ms=AT_MS)),
        ({"until": AT, "from": {"tail": 5}}, Span(until_ms=AT_MS)),
        ({"until": AT, "from": "now"}, Span(until_ms=AT_MS)),
        ({"speed": SLOWEST}, Span(speed=SLOWEST)),
        ({"speed": FASTEST}, Span(speed=FASTEST)),
    ],
)
def test_a_range_and_a_speed_are_read(kind: str, parts: dict[str, Any], span: Span) -> None:
    assert read(kind, **parts).span == span


@pytest.mark.parametrize("kind", ["subscribe", "filter"])
@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"until": "14:03"}, "until: expected ISO 8601"),
        ({"until": AT, "from": {"time": AT}}, "until: expected a time after from"),
        ({"until": {"time": AT}}, "Expected `str"),
        ({"speed": 0}, ">= 0.1"),
        ({"speed": 1e9}, "<= 100"),
        ({"speed": "fast"}, "Expected `float"),
        ({"from": {"time": AT, "tail": 1}}, "exactly one of tail, cursor, time"),
    ],
)
def test_what_contradicts_itself_is_refused(kind: str, parts: dict[str, Any], says: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        read(kind, **parts)
    assert says in str(refused.value)


def test_the_end_of_a_range_is_the_first_place_beyond_it() -> None:
    assert Span(until_ms=AT_MS).until == EntryId(AT_MS, 0)
    assert ENDLESS.until is None


def test_a_moment_is_read_to_the_millisecond_and_not_before_1970() -> None:
    assert moment_of("time", "2026-01-01T14:03:00.007Z") == AT_MS + 7
    assert moment_of("time", "1960-01-01T00:00:00Z") == 0


def test_now_is_a_tail_of_nothing() -> None:
    assert start_at("now") == Start(tail=0)
    assert start_at(From(time=AT)) == Start(since_ms=AT_MS)
