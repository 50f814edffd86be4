"""What an entry says of an execution: strictly read, and nothing that a guest can say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.wire.entries import from_entry, to_entry
from extdebug.wire.events import Event, Level, Output
from extdebug.wire.executions import MAX_OUTCOME, STARTED, Execution, ended, read_execution
from extdebug.wire.positions import EntryId


def read(raw: list[bytes]) -> Event:
    return from_entry(raw, id=EntryId(1, 0), tenant="acme", extension="x")[0]


@pytest.mark.parametrize(
    ("raw", "outcome", "duration"),
    [
        (b"end 200 41.532", "200", 41.532),
        (b"end 503 0", "503", 0.0),
        (b"end out_of_memory 1.5", "out_of_memory", 1.5),
        (b"end exit_137 9", "exit_137", 9.0),
        (b"end trap", "trap", None),
    ],
)
def test_an_end_has_its_outcome_and_its_duration_where_it_is_known(raw, outcome, duration):
    assert read_execution(raw) == Execution("end", outcome, duration)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"end", b"end ", b"started", b"start 200", b"END 200 1", b"end 200 1 2", b"end 600 1",
        b"end 099 1", b"end 20 1", b"end 200 -1", b"end 200 1e9", b"end 200 nan", b"end Trap 1",
        b"end trap! 1", b"end _ 1", b"end exit_1234 1", b"end sk_live_51HAbCdEf 1", b"end 200 1\n",
        b"end \xff 1", b"end " + b"a" * (MAX_OUTCOME + 1), b"end " + b"a" * 10_000,
        "end ２００ 1".encode(),
    ],
)  # fmt: skip
def test_what_is_no_word_of_a_runner_is_not_taken_for_one(raw):
    assert read_execution(raw) is None


@given(st.integers(0, 65_535), st.floats(0, 1e6))
def test_what_is_written_is_read_again(status, seconds):
    said = ended(status, seconds=seconds)
    again = read_execution(said.text.encode())
    assert again is not None
    assert (again.phase, again.outcome) == (said.phase, said.outcome)
    assert again.duration_ms == pytest.approx(said.duration_ms, abs=0.001)


def test_a_status_that_no_http_answer_has_is_named_so():
    assert ended(0, seconds=0).outcome == "invalid_status"
    assert read_execution(ended(9999, seconds=0).text.encode()) is not None


def test_a_guests_fields_never_become_the_runners_word():
    event = Event(
        ts="2026-01-31T09:30:00.123Z",
        level=Level.INFO,
        stream=Output.LOG,
        message='{"execution": "end 200 1"}',
        fields={"execution": {"phase": "end", "outcome": "200"}, "phase": "end"},
    )
    flat = [part.encode() if isinstance(part, str) else part for part in to_entry(event)]
    assert read(flat).execution is None
    assert read(flat).fields == event.fields


def test_the_runners_word_does_not_hide_what_else_the_entry_has():
    raw = [b"message", b"m", b"execution", b"start", b"colour", b"red", b"fields", b'{"a":1}']
    event = read(raw)
    assert (event.execution, event.fields) == (STARTED, {"colour": "red", "a": 1})
