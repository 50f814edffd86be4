"""The stream API's parameters: read strictly, refused with what was expected."""

from __future__ import annotations

import re

import pytest

from extdebug.filters.filter import EVERYTHING, Filter, FilterError
from extdebug.protocol.client_frames import DEFAULT_TAIL
from extdebug.protocol.frame_parts import MAX_TAIL
from extdebug.sessions.opening import OpeningRequest
from extdebug.transports.stream_query import BadQuery, read_query
from extdebug.wire.events import Level, Output
from extdebug.wire.positions import ENDLESS, Cursor, EntryId, Start

QUERY = {"extensionId": "invoice-sync", "tenantId": "acme"}


def test_an_extension_alone_asks_for_the_default_tail_of_everything():
    asked = read_query({"extensionId": "invoice-sync"}, last_id=None)
    assert asked == OpeningRequest(
        tenant=None, extension="invoice-sync", wanted=asked.wanted,
        start=Start(tail=DEFAULT_TAIL), by_itself=True,
    )  # fmt: skip
    assert read_filter(asked) == EVERYTHING


def read_filter(asked: OpeningRequest) -> Filter:
    """The filter as the opening reads it, once it is known that they may watch."""
    assert not isinstance(asked.wanted, Filter)
    return Filter.parse(asked.wanted)


def test_every_parameter_is_read():
    asked = read_query(
        {
            **QUERY, "installId": "inst-a,inst-b", "requestId": "r", "q": " error ",
            "level": "warn", "streams": "log,stderr", "tail": "5", "wait": "3",
        },
        last_id=None,
    )  # fmt: skip

    assert asked.tenant == "acme"
    assert read_filter(asked) == Filter(
        installs=frozenset({"inst-a", "inst-b"}),
        request="r",
        streams=frozenset({Output.LOG, Output.STDERR}),
        level=Level.WARN,
        q="error",
    )
    assert asked.start == Start(tail=5)
    assert (asked.rev, asked.resume) == (0, None)


def test_a_last_id_goes_on_there_and_resumes_the_session_it_names():
    place = Start(cursor=Cursor(EntryId(9, 1), 40))
    for asked in (
        read_query({**QUERY, "tail": "5"}, last_id="9-1.40~session-1"),
        read_query({**QUERY, "lastEventId": "9-1.40~session-1"}, last_id=None),
    ):
        assert (asked.start, asked.resume) == (place, "session-1")
    assert read_query(QUERY, last_id="9-1.40").resume is None


def test_a_poll_may_begin_with_all_that_is_kept_and_nothing_else_may():
    asked = read_query(QUERY, last_id="0", polls=True)
    assert (asked.start, asked.resume) == (Start(since_ms=0), None)
    for bad in ("0~session-1", "00", "0-", "$", "-1", "0.0"):
        with pytest.raises(BadQuery, match="Last-Event-ID"):
            read_query(QUERY, last_id=bad, polls=True)
    with pytest.raises(BadQuery, match="Last-Event-ID"):
        read_query(QUERY, last_id="0")


@pytest.mark.parametrize(
    ("since", "ms"),
    [
        ("2026-01-01T00:00:00Z", 1_767_225_600_000),
        ("1767225600123", 1_767_225_600_123),
        ("1960-01-01T00:00:00Z", 0),
    ],
)
def test_since_is_a_moment_not_before_1970(since: str, ms: int):
    assert read_query({**QUERY, "since": since}, last_id="").start == Start(since_ms=ms)


def test_a_range_and_a_speed_are_read_beside_the_start():
    asked = read_query({**QUERY, "since": "10m", "until": "5m", "speed": "4"}, last_id=None)
    assert asked.start.since_ms is not None
    assert asked.span.until_ms is not None
    assert abs(asked.span.until_ms - asked.start.since_ms - 300_000) <= 1
    assert asked.span.speed == 4
    back = read_query({**QUERY, "since": "10m", "until": "5m"}, last_id="9-1.40~s")
    assert back.start == Start(cursor=Cursor.parse("9-1.40"))
    assert back.span.until_ms is not None, "whoever comes back has the same end"
    assert read_query(QUERY, last_id=None).span == ENDLESS


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"extensionId": ""}, "extensionId is missing"),
        ({"tail": "-1"}, "tail: expected 0 to"),
        ({"tail": "1e9"}, "tail: expected"),
        ({"tail": str(MAX_TAIL + 1)}, "tail: expected"),
        ({"tail": "١"}, "tail: expected"),
        ({"since": "yesterday"}, "since: expected 10m, 2h, 90s, 1d or ISO 8601"),
        ({"until": "later"}, "until: expected 10m, 2h, 90s, 1d or ISO 8601"),
        ({"since": "5m", "until": "10m"}, "until: expected a time after since"),
        ({"speed": "fast"}, "speed: expected 0.1 to 100"),
        ({"speed": "0"}, "speed: expected 0.1 to 100"),
        ({"speed": "nan"}, "speed: expected 0.1 to 100"),
        ({"nonsense": "1"}, "unknown parameter 'nonsense'; known: extensionId"),
        ({"lastEventId": "x"}, "Last-Event-ID: expected ms-seq"),
    ],
)  # fmt: skip
def test_a_parameter_that_cannot_be_meant_is_refused(params: dict[str, str], says: str):
    with pytest.raises(BadQuery, match=re.escape(says)):
        read_query({**QUERY, **params}, last_id=None)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"level": "loud"}, "level: expected"),
        ({"streams": "tty"}, "streams: expected"),
        ({"q": "(a"}, "never closed"),
        ({"q": "a" * 1025}, "q: expected at most 1024"),
        ({"installId": "*"}, "installs: expected"),
        ({"installId": ",".join(["a"] * 65)}, "at most 64"),
        ({"requestId": "a\nb"}, "control characters"),
    ],
)  # fmt: skip
def test_a_filter_is_read_later_and_then_as_strictly(params: dict[str, str], says: str):
    asked = read_query({**QUERY, **params}, last_id=None)
    with pytest.raises(FilterError, match=re.escape(says)):
        read_filter(asked)
