"""The client's frames: read strictly, refused with a reason, nothing else ever raised."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.protocol import client_frames
from extdebug.protocol.client_frames import (
    DEFAULT_TAIL,
    MAX_FRAME_BYTES,
    ErrorCode,
    ProtocolError,
    parse,
)
from extdebug.protocol.frame_parts import MAX_TAIL
from extdebug.wire.events import Level, Output
from extdebug.wire.positions import Cursor, EntryId, Start

TARGET = {"tenant": None, "extension": "invoice-sync"}


def frame(type: str, **parts: Any) -> str:
    return json.dumps({"type": type, **parts})


def subscribe(**parts: Any) -> str:
    return frame("subscribe", **{"target": TARGET, **parts})


def test_the_whole_subscribe_of_the_page_is_read():
    message = parse(
        subscribe(
            filter={
                "rev": 3, "installs": ["inst-acme"], "request": "r", "streams": ["log"],
                "level": "warn", "q": "a",
            },
            resume="s",
            **{"from": {"tail": 50}},
        )
    )  # fmt: skip

    assert isinstance(message, client_frames.Subscribe)
    assert message.target == client_frames.TargetSpec(extension="invoice-sync", tenant=None)
    assert message.filter == client_frames.FilterSpec(
        3, ("inst-acme",), "r", (Output.LOG,), Level.WARN, "a"
    )
    assert message.start == Start(tail=50)
    assert message.resume == "s"
    assert message.filter.parts() == {
        "installs": ("inst-acme",), "request": "r", "streams": ("log",), "level": "warn", "q": "a",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("place", "start"),
    [
        ({"tail": 0}, Start(tail=0)),
        ({"tail": MAX_TAIL}, Start(tail=MAX_TAIL)),
        ("now", Start(tail=0)),
        ({"cursor": "5-1.7"}, Start(cursor=Cursor(EntryId(5, 1), 7))),
        ({"cursor": "5-1"}, Start(cursor=Cursor(EntryId(5, 1)))),
        ({"time": "2026-01-01T00:00:00.123Z"}, Start(since_ms=1_767_225_600_123)),
        ({"time": "2026-01-01T01:00:00+01:00"}, Start(since_ms=1_767_225_600_000)),
        ({"time": "1767225600123"}, Start(since_ms=1_767_225_600_123)),
        ({"time": "1900-01-01T00:00:00Z"}, Start(since_ms=0)),
    ],
)
def test_a_session_begins_where_the_client_says(place: Any, start: Start):
    message = parse(subscribe(**{"from": place}))

    assert isinstance(message, client_frames.Subscribe)
    assert message.start == start


def test_a_session_begins_with_a_tail_when_nothing_is_said():
    message = parse(subscribe())

    assert isinstance(message, client_frames.Subscribe)
    assert message.start == Start(tail=DEFAULT_TAIL)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (frame("ack", seq=7), client_frames.Ack(7)),
        ('{"seq":7,"type":"ack"}', client_frames.Ack(7)),
        (b'{"type":"ack","seq":7}', client_frames.Ack(7)),
        (frame("pause"), client_frames.Pause()),
        (frame("resume"), client_frames.Resume()),
        (frame("extend"), client_frames.Extend()),
        (frame("ping"), client_frames.Ping()),
        (frame("filter", filter={}), client_frames.SetFilter(filter=client_frames.FilterSpec())),
        (frame("fetch", id="g1"), client_frames.Fetch("g1")),
    ],
)
def test_every_message_is_read(text: str | bytes, message: client_frames.ClientMessage):
    assert parse(text) == message


def test_a_fetch_may_have_a_filter_of_its_own_and_ask_for_what_it_hides():
    message = parse(frame("fetch", id="h", hidden=True, filter={"q": "a", "level": "warn"}))

    assert isinstance(message, client_frames.Fetch)
    assert message.hidden
    assert message.filter == client_frames.FilterSpec(q="a", level=Level.WARN)
    assert parse(frame("fetch", id="h")) == client_frames.Fetch(id="h", filter=None, hidden=False)


def test_a_fetch_names_its_bounds():
    message = parse(frame("fetch", id="g1", after="1-0", before="9-0.4", limit=1000))

    assert isinstance(message, client_frames.Fetch)
    assert message.after_cursor == Cursor(EntryId(1, 0))
    assert message.before_cursor == Cursor(EntryId(9, 0), 4)


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("", "not_json", ""),
        ("{", "not_json", ""),
        ('{"type":"ping"}x', "not_json", "trailing"),
        ("\ufeff{}", "not_json", "invalid character"),
        ('{"type":"ping","x":"\ud800"}', "not_json", "lone surrogate"),
        (b'{"type":"filter","filter":{"q":"\xff"}}', "not_json", "utf-8"),
        ('{"type":"filter","filter":{"q":"\\ud800"}}', "not_json", ""),
        ("null", "bad_message", "Expected `object`"),
        ("[]", "bad_message", "Expected `object`"),
        ("[" * 9_000, "bad_message", ""),
        ('{"a":' * 2_500 + "1" + "}" * 2_500, "bad_message", ""),  # "too deeply" until Python 3.11
        ("{}", "bad_message", "`type`"),
        ('{"type":"login"}', "unknown_type", "expected one of subscribe, filter, ack"),
        ('{"type":"' + "x" * 9_000 + '"}', "unknown_type", "expected one of"),
        ('{"type":7}', "bad_message", "Expected `str`"),
        ('{"type":"PING"}', "unknown_type", "expected one of"),
        ('{"type":"ping","type":"pause"}', "unknown_type", ""),
        (frame("ping", now=1), "bad_message", "unknown field `now`"),
        (frame("ack"), "bad_message", "missing required field `seq`"),
        (frame("ack", seq=-1), "bad_message", ">= 0"),
        (frame("ack", seq=2**53), "bad_message", "<="),
        (frame("ack", seq="1"), "bad_message", "Expected `int`, got `str`"),
        (frame("ack", seq=1.5), "bad_message", "Expected `int`"),
        (frame("ack", seq=True), "bad_message", "Expected `int`, got `bool`"),
        (frame("ack", seq=None), "bad_message", "Expected `int`"),
        (frame("subscribe"), "bad_message", "`target`"),
        (subscribe(target={"extension": ""}), "bad_message", "$.target.extension"),
        (subscribe(target={"extension": "x" * 65}), "bad_message", "$.target.extension"),
        (subscribe(target={"extension": "x", "stream": "y"}), "bad_message", "`stream`"),
        (subscribe(**{"from": {}}), "bad_message", "exactly one of tail, cursor, time"),
        (subscribe(**{"from": {"tail": 1, "cursor": "1-1"}}), "bad_message", "exactly one"),
        (subscribe(**{"from": {"tail": -1}}), "bad_message", ">= 0"),
        (subscribe(**{"from": {"tail": MAX_TAIL + 1}}), "bad_message", "<="),
        (subscribe(**{"from": "later"}), "bad_message", "later"),
        (subscribe(**{"from": {"cursor": "$"}}), "bad_message", "expected ms-seq"),
        (subscribe(**{"from": {"cursor": "-1-0"}}), "bad_message", "expected ms-seq"),
        (subscribe(**{"from": {"time": "yesterday"}}), "bad_message", "expected ISO 8601"),
        (subscribe(filter={"rev": -1}), "bad_message", "$.filter.rev"),
        (subscribe(filter={"level": "loud"}), "bad_message", "$.filter.level"),
        (subscribe(filter={"streams": ["stdin"]}), "bad_message", "$.filter.streams"),
        (subscribe(filter={"installs": ["a"] * 65}), "bad_message", "$.filter.installs"),
        (subscribe(filter={"q": "a" * 1025}), "bad_message", "$.filter.q"),
        (subscribe(filter={"regex": "a"}), "bad_message", "`regex`"),
        (subscribe(resume="s" * 65), "bad_message", "$.resume"),
        (frame("filter"), "bad_message", "`filter`"),
        (frame("fetch", id="g", after="+"), "bad_message", "expected ms-seq"),
        (frame("fetch", id="g", limit=0), "bad_message", ">= 1"),
        (frame("fetch", id=5), "bad_message", "Expected `str`"),
        (frame("fetch", id="g", hidden=1), "bad_message", "Expected `bool`"),
        (frame("fetch", id="g", filter={"q": "a" * 1025}), "bad_message", "<= 1024"),
    ],
)
def test_what_is_not_of_the_protocol_is_refused(text: str | bytes, code: str, says: str):
    with pytest.raises(ProtocolError) as caught:
        parse(text)

    assert caught.value.code is ErrorCode(code)
    assert says in caught.value.message
    assert len(caught.value.message) <= 300


def test_a_frame_beyond_the_limit_is_refused_unread():
    fits = frame("ping") + " " * (MAX_FRAME_BYTES - len(frame("ping")))

    assert parse(fits) == client_frames.Ping()
    with pytest.raises(ProtocolError, match="at most 16384 bytes, got 16385") as caught:
        parse(fits + " ")
    assert caught.value.code is ErrorCode.TOO_LARGE


def test_the_limit_counts_bytes_not_characters():
    with pytest.raises(ProtocolError) as caught:
        parse(frame("filter", filter={}) + " " * 5_000 + "€" * 5_000)
    assert caught.value.code is ErrorCode.TOO_LARGE


def test_the_largest_legal_filter_fits_a_frame():
    legal = subscribe(
        filter={
            "installs": ["x" * 64] * 64,
            "request": "r" * 128,
            "q": "€" * 1024,
            "rev": 2**53 - 1,
        }
    )

    assert isinstance(parse(legal), client_frames.Subscribe)


def test_an_error_knows_its_byte():
    with pytest.raises(ProtocolError) as caught:
        parse('{"type":"ping",}')

    assert caught.value.position == 15


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["target", "filter", "tail", "q", "extension", "cursor"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(
    st.sampled_from([*map(str, client_frames.CLIENT_TYPES), "x", "", "Ping"]),
    st.dictionaries(
        st.sampled_from(["target", "filter", "from", "seq", "id", "after", "limit", "resume"]),
        json_values,
        max_size=4,
    ),
)
def test_any_json_is_a_message_or_a_protocol_error(type: str, parts: dict[str, Any]):
    with contextlib.suppress(ProtocolError):
        assert isinstance(parse(frame(type, **parts)), client_frames.ClientMessage)


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_any_frame_is_a_message_or_a_protocol_error(raw: bytes | str):
    with pytest.raises(ProtocolError):
        parse(raw)


@given(st.integers(-2, 2**60) | st.sampled_from(["", "01", "1.0", "1e3", "+1", "null", " 1"]))
def test_a_plain_ack_is_what_it_would_be_read_as(seq: int | str):
    for text in (
        b'{"type":"ack","seq":%s}' % str(seq).encode(),
        b'{"seq":%s,"type":"ack"}' % str(seq).encode(),
        b'{"type":"ack","seq":%s} ' % str(seq).encode(),
    ):
        plain = client_frames.plain_ack(text)
        assert plain is None or parse(text) == client_frames.Ack(seq=plain)


@given(st.integers(0, 10**15 - 1))
def test_acks_of_our_own_clients_are_plain(seq: int):
    assert client_frames.plain_ack(b'{"type":"ack","seq":%d}' % seq) == seq


@given(st.binary(max_size=40) | st.builds(lambda x: b'{"type":"ack","seq":%b}' % x, st.binary()))
def test_nothing_else_is_a_plain_ack(raw: bytes):
    plain = client_frames.plain_ack(raw)
    assert plain is None or raw == b'{"type":"ack","seq":%d}' % plain
