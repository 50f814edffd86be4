import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.runner.context import RequestFlow
from extdebug.runner.publish.redacting_encoder import Captured, prepare
from extdebug.runner.publish.redaction import load_redaction
from extdebug.wire.entries import from_entry, to_entry
from extdebug.wire.events import Level, Output
from extdebug.wire.executions import ended
from extdebug.wire.positions import EntryId
from tests.fixtures.runner import NoRedaction

FLOW = RequestFlow.of("acme", extension="invoice-sync", request="r-1")


def captured(message, *, output=Output.STDOUT, fields=None, cut=False, flow=FLOW) -> Captured:
    return Captured("s", 1, 1_769_851_800_123, flow, output, Level.INFO, message, fields, cut, True)


@given(
    st.one_of(
        st.binary(max_size=300), st.text(max_size=300), st.text(st.characters(), max_size=50)
    ),
    st.none()
    | st.dictionaries(st.text(max_size=5), st.integers() | st.floats() | st.text(), max_size=5),
    st.integers(64, 200),
)
def test_whatever_was_printed_becomes_an_entry_that_the_console_can_read(message, fields, most):
    event = prepare(captured(message, fields=fields), NoRedaction(), max_bytes=most)
    assert len(event.message.encode()) <= most
    flat = [part if isinstance(part, bytes) else part.encode() for part in to_entry(event)]
    read, _ = from_entry(flat, id=EntryId(1, 1), tenant="acme", extension="invoice-sync")
    assert (read.message, read.level, read.ts) == (event.message, event.level, event.ts)
    assert read.marks == event.marks


def test_only_the_host_says_how_an_execution_ended():
    forged = b'{"message": "done", "execution": "end 200 1", "event": "end"}'
    assert prepare(captured(forged), NoRedaction(), max_bytes=8192).execution is None
    item = captured("finished", output=Output.LOG)
    item.execution = ended("trap", seconds=0.5)
    assert prepare(item, NoRedaction(), max_bytes=8192).execution == item.execution


def test_redaction_comes_before_the_cut():
    secret = "password=" + "s3cretvalue" * 5
    event = prepare(captured("x" * 50 + " " + secret), load_redaction(None), max_bytes=80)
    assert "s3cret" not in event.message
    assert event.redacted


def test_a_line_cut_at_capture_does_not_show_its_unsure_end():
    event = prepare(
        captured("x" * 60_000 + "half-a-sec", cut=True), NoRedaction(), max_bytes=65_536
    )
    assert "half" not in event.message
    assert event.truncated


@pytest.mark.parametrize(
    ("output", "line", "level"),
    [
        (Output.STDERR, "INFO:app:started", Level.INFO),
        (Output.STDOUT, "ERROR disk full", Level.ERROR),
        (Output.STDOUT, "time=1 level=warn msg=slow", Level.WARN),
    ],
)
def test_the_level_of_a_plain_line_is_guessed_marked_and_can_be_left_alone(output, line, level):
    event = prepare(captured(line, output=output), NoRedaction(), max_bytes=8192)
    assert (event.level, event.message, event.marks) == (level, line, ("level_text",))
    alone = prepare(
        captured(line, output=output), NoRedaction(), max_bytes=8192, guess_levels=False
    )
    assert (alone.level, alone.marks) == (Level.INFO, ())


@pytest.mark.parametrize(
    ("output", "line"),
    [(Output.LOG, "ERROR disk full"), (Output.STDOUT, '{"level":"error","msg":"ERROR x"}')],
)
def test_a_level_that_was_said_is_no_guess(output, line):
    assert prepare(captured(line, output=output), NoRedaction(), max_bytes=8192).marks == ()
