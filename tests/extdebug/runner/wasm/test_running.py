"""The reason of a failure in words, from what the engine says and what the guest printed last."""

import re
from collections.abc import Iterator

import pytest
from wasmtime import WasmtimeError

from extdebug.runner.config import PublisherConfig
from extdebug.runner.context import RequestFlow
from extdebug.runner.publish.publisher import Publisher
from extdebug.runner.wasm.execution import Call, CallLimits, ComponentError, Failure
from extdebug.runner.wasm.running import MOST_DETAIL, Running, failure_of
from extdebug.wire.events import Output
from tests.fixtures.runner import NoRedaction

LIMITS = CallLimits(timeout=0.5, memory_bytes=96 << 20, fuel=5_000_000)
TRACE = "error while executing\nwasm backtrace:\n  0: f\n\nCaused by:\n    "


def _text(part: str | bytes) -> str:
    return part.decode() if isinstance(part, bytes) else part


class Told:
    """A publisher, and the fields of each event that it was given."""

    def __init__(self) -> None:
        self.publisher = Publisher(PublisherConfig(mirror=False, rate=0), redaction=NoRedaction())
        self.entries: list[dict[str, str]] = []
        self.publisher.tap(
            lambda _stream, _install, entry: self.entries.append(
                dict(zip(map(str, entry[::2]), map(_text, entry[1::2]), strict=True))
            )
        )

    def events(self) -> list[dict[str, str]]:
        assert self.publisher.flush(10)
        return self.entries


@pytest.fixture
def told() -> Iterator[Told]:
    made = Told()
    yield made
    made.publisher.close(0)


@pytest.fixture
def running(told: Told) -> Running:
    flow = RequestFlow.of("acme", extension="x", request="r-1")
    return Running(Call(flow=flow), limits=LIMITS, publisher=told.publisher)


@pytest.mark.parametrize(
    ("said", "failure", "message"),
    [
        ("wasm trap: interrupt", Failure.TIMEOUT, "stopped after 0.5 s"),
        ("all fuel consumed by WebAssembly", Failure.OUT_OF_FUEL, "all its 5,000,000 units"),
        ("exceeds memory limits", Failure.OUT_OF_MEMORY, "the limit is 96 MiB"),
        ("wasm trap: unreachable", Failure.TRAP, "trapped: wasm trap: unreachable"),
    ],
)
def test_a_trap_has_its_reason_and_its_backtrace(
    running: Running, said: str, failure: Failure, message: str
):
    error = failure_of(WasmtimeError(TRACE + said), running)
    assert error.failure is failure
    assert message in str(error)
    assert error.detail.startswith("error while executing\nwasm backtrace")


@pytest.mark.parametrize("line", [b"MemoryError", b"memory allocation of 9 bytes failed"])
def test_a_guest_whose_last_words_were_about_memory_ran_out_of_it(running: Running, line: bytes):
    running.line(Output.STDERR, line, False)
    assert failure_of(WasmtimeError(TRACE + "unreachable"), running).failure is (
        Failure.OUT_OF_MEMORY
    )


def test_such_words_long_ago_or_on_stdout_say_nothing(running: Running):
    running.line(Output.STDOUT, b"MemoryError", False)
    running.line(Output.STDERR, b"MemoryError", False)
    for _ in range(16):
        running.line(Output.STDERR, b"something else", False)
    assert failure_of(WasmtimeError(TRACE + "unreachable"), running).failure is Failure.TRAP


def test_a_refused_import_is_the_reason_where_there_was_one(running: Running):
    running.refused = "this runner does not provide a.b"
    error = failure_of(WasmtimeError("host: anything"), running)
    assert str(error) == "trapped: this runner does not provide a.b"


def test_a_backtrace_is_bounded(running: Running):
    error = failure_of(WasmtimeError("x" * 100_000 + "Caused by: y"), running)
    assert len(error.detail) == MOST_DETAIL


def test_the_flow_is_told_start_failure_and_end(running: Running, told: Told):
    running.tell_start()
    running.tell_failure(failure_of(WasmtimeError("wasm trap: interrupt"), running))
    running.tell_end(fuel_left=1_000_000)
    start, failed, end = told.events()
    assert start["message"] == "GET / started"
    assert ('"timeout"' in failed["fields"], failed["level"]) == (True, "error")
    assert '"fuel":4000000' in end["fields"]
    assert start["execution"] == "start"
    assert "execution" not in failed
    assert re.fullmatch(r"end timeout \d+\.\d{3}", end["execution"])
    assert (end["level"], '"status":"timeout"' in end["fields"]) == ("warn", True)


def test_a_component_that_cannot_start_is_broken(running: Running, told: Told):
    running.tell_broken(ComponentError("it cannot be linked"))
    (event,) = told.events()
    assert (event["message"], running.status) == ("it cannot be linked", "broken")
