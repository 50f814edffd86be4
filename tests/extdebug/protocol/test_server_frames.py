"""The server's frames: joined from shared bytes or encoded from closed types."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.filters.filter import Filter, FilterError
from extdebug.protocol import server_frames
from extdebug.protocol.client_frames import ErrorCode, ProtocolError
from extdebug.protocol.close_codes import CloseCode
from extdebug.wire.events import Event, Gap, GapReason, Level, Output, encode_json
from extdebug.wire.positions import Cursor, EntryId

HERE = Cursor(EntryId(9, 1), 40)

messages = st.text(st.characters(codec="utf-8"), max_size=30)


def encoded(message: str) -> bytes:
    event = Event(ts="t", level=Level.INFO, stream=Output.LOG, message=message)
    return encode_json(event)


def events_frame(runs: list[bytes], *, seq: int, rev: int) -> bytes:
    return b"".join(server_frames.events_frame(runs, seq=seq, rev=rev, cursor=HERE))


@given(st.lists(messages, max_size=5), st.integers(0, 2**53), st.integers(0, 2**53))
def test_an_events_frame_is_the_join_of_its_parts(texts: list[str], seq: int, rev: int):
    frame = json.loads(events_frame([encoded(text) for text in texts], seq=seq, rev=rev))

    assert list(frame) == ["type", "seq", "rev", "cursor", "events"]
    assert (frame["type"], frame["seq"], frame["rev"], frame["cursor"]) == (
        "events", seq, rev, "9-1.40",
    )  # fmt: skip
    assert [event["message"] for event in frame["events"]] == texts


def test_a_part_may_be_several_events_already_joined():
    parts = [encoded("a"), encoded("b"), encoded("c")]

    joined = [b"%b,%b" % (parts[0], parts[1]), parts[2]]

    assert events_frame(parts, seq=1, rev=1) == events_frame(joined, seq=1, rev=1)


def test_what_is_shared_is_not_copied():
    runs = [encoded("a"), encoded("b")]
    parts = server_frames.events_frame(runs, seq=1, rev=1, cursor=HERE)

    assert all(any(part is run for part in parts) for run in runs)


@given(st.text(st.characters(codec="utf-8"), max_size=64), st.none() | st.integers(0, 2**53))
def test_a_page_answers_the_id_of_its_fetch_whatever_it_holds(id: str, seq: int | None):
    frame = json.loads(server_frames.page_frame(id, None, [encoded("a")], done=True, seq=seq))

    assert frame["id"] == id
    assert frame.get("seq") == seq
    assert (frame["cursor"], frame["done"], len(frame["events"])) == (None, True, 1)


@pytest.mark.parametrize("reason", GapReason)
def test_a_gap_says_what_its_number_counts(reason: GapReason):
    frame = json.loads(server_frames.gap_frame(Gap(reason, 7, after="1-0"), seq=3, cursor=HERE))

    assert frame == {
        "type": "gap", "seq": 3, "reason": reason.value, "scope": reason.scope, "missed": 7,
        "after": "1-0", "before": None, "since": None, "cursor": "9-1.40", "detail": None,
    }  # fmt: skip


@pytest.mark.parametrize("code", CloseCode)
def test_a_closing_frame_says_whether_to_come_back(code: CloseCode):
    frame = json.loads(server_frames.closing_frame(code, message="m", retry=1.5))

    assert frame == {
        "type": "closing", "code": int(code), "reason": code.name.lower(), "message": "m",
        "hint": "", "retry": 1.5, "final": code.final,
    }  # fmt: skip


def test_a_denial_shows_its_rules():
    check = server_frames.CheckShown(rule="environment", ok=False, reason="r", hint="h")
    frame = json.loads(
        server_frames.closing_frame(CloseCode.DENIED, message="m", checks=[check], can_request=True)
    )

    assert frame["checks"] == [{"rule": "environment", "ok": False, "reason": "r", "hint": "h"}]
    assert frame["canRequest"] is True


def test_errors_of_frames_and_of_filters_are_told_alike():
    bad = ProtocolError(ErrorCode.BAD_MESSAGE, "m", 4)
    with pytest.raises(FilterError) as caught:
        Filter.parse({"q": "a (b"})

    assert json.loads(server_frames.error_frame(bad)) == {
        "type": "error", "code": "bad_message", "message": "m", "position": 4,
    }  # fmt: skip
    assert json.loads(server_frames.error_frame(caught.value)) == {
        "type": "error",
        "code": "bad_query",
        "message": "this ( is never closed; quote it to search for it",
        "position": 2,
    }
