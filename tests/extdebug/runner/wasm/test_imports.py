"""What a guest may import works; all else is answered with an error and told in the flow."""

import socket
from types import SimpleNamespace
from typing import Any

import pytest

from extdebug.runner.context import RequestFlow
from extdebug.runner.wasm.abi import HostRefusal
from extdebug.runner.wasm.component_values import Enum, error_of
from extdebug.runner.wasm.components import LoadedComponent
from extdebug.runner.wasm.execution import ExecutionFailed
from extdebug.runner.wasm.imports import _refuse, _structured
from extdebug.runner.wasm.refused_calls import Answer
from extdebug.wire.events import Event, Level, Output
from extdebug.wire.truncation import MAX_FIELDS_BYTES, cap_fields
from tests.extdebug.runner.wasm.test_host import EVENT, said

# What the guest says it got, as its language names it: the error, or an answer without success.
REFUSED = {
    "secrets.get": "denied", "http.fetch": "not-allowed", "storage.get": "denied",
    "storage.put": "denied", "storage.delete": "denied", "storage.list-entries": "denied",
    "ui-proxy.call-route": "denied", "user.get-user": "not-available",
    "user-v2.get-user": "not-available", "scheduler.list-schedules": "denied",
    "scheduler.get-schedule": "denied", "scheduler.get-endpoints": "denied",
    "clients.list-clients": "not-allowed", "clients.get-client": "not-allowed",
    "services.list-services": "not-allowed", "services.get-service": "not-allowed",
}  # fmt: skip
UNSUCCESSFUL = [
    "scheduler.create-schedule", "scheduler.update-schedule", "scheduler.delete-schedule",
    "invoicing.create-manual-invoice",
]  # fmt: skip
GUESTS = ["every_import", "every_import_js"]


def test_the_guest_sees_its_own_context(bench, edges):
    bench.run(edges, "/who", tenant="globex", request="r-9")
    assert ("log", "info", "globex invoice-sync inst-globex r-9 1.2") in said(bench)


def test_our_structured_call_carries_typed_fields_and_a_json_log_call_keeps_its_level(bench, edges):
    bench.run(edges, "/structured")
    traced, warned = (e for e in bench.events() if EVENT not in (e.fields or {}))
    assert (traced.level, traced.message) == (Level.TRACE, "traced")
    assert traced.fields == {"count": 3, "text": "plain"}
    assert (warned.level, warned.message) == (Level.WARN, "from json")
    assert warned.fields == {"a": 1}


def told(events: list[Event]) -> list[tuple[str | None, Level, object]]:
    """Request, level and import of each refusal among the events."""
    return [
        (e.request_id, e.level, (e.fields or {})["import"])
        for e in events
        if (e.fields or {}).get(EVENT) == "refused"
    ]


@pytest.mark.parametrize("guest", GUESTS)
def test_every_other_import_answers_with_the_error_of_its_interface(bench, guest, request):
    component: LoadedComponent = request.getfixturevalue(guest)
    for name, error in REFUSED.items():
        assert bench.run(component, f"/{name}", request="r-refused").status == 200
        events = bench.events()
        printed = [e.message for e in events if e.stream is Output.STDOUT]
        assert printed[0] == f"calling {name}"
        assert printed[1].lower().replace("_", "-") == f"failed: {error}"
        assert told(events) == [("r-refused", Level.WARN, f"alga:extension/{name}")]
        (event,) = (e for e in events if (e.fields or {}).get(EVENT) == "refused")
        assert event.message.endswith(f"it was answered with the error {error}")


@pytest.mark.parametrize("guest", GUESTS)
def test_an_answer_that_has_a_place_for_success_says_that_there_was_none(bench, guest, request):
    component: LoadedComponent = request.getfixturevalue(guest)
    for name in UNSUCCESSFUL:
        assert bench.run(component, f"/{name}").status == 200
        events = bench.events()
        printed = [e.message for e in events if e.stream is Output.STDOUT]
        full = f"alga:extension/{name}"
        assert printed[1].lower() == f"got: false this runner does not provide {full}"
        assert told(events) == [("r-1", Level.WARN, full)]
    bench.run(component, "/secrets.list-keys")
    assert any(message in ("got: {} ", "got: [] ") for _, _, message in said(bench))


@pytest.mark.parametrize("guest", GUESTS)
def test_a_guest_that_does_not_handle_the_error_ends_as_it_would_there(bench, guest, request):
    component: LoadedComponent = request.getfixturevalue(guest)
    with pytest.raises(ExecutionFailed, match="trapped"):
        bench.run(component, "/uncaught/user.get-user")
    assert told(bench.events()) == [("r-1", Level.WARN, "alga:extension/user.get-user")]


@pytest.mark.parametrize("name", ["context.get-context", "logging.log-info", "logging.log-warn"])
@pytest.mark.parametrize("guest", GUESTS)
def test_components_of_the_platforms_own_world_run_unchanged(bench, guest, name, request):
    component: LoadedComponent = request.getfixturevalue(guest)
    assert bench.run(component, f"/{name}").status == 200
    assert ("stdout", "info", f"calling {name}") in said(bench)


def test_a_guest_reaches_no_network_no_file_no_environment_and_no_input(bench, edges):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        bench.run(edges, f"/reach?{listener.getsockname()[1]}")
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    names = ("network", "file", "folder", "environment", "input")
    assert [m for s, _, m in said(bench) if s == "stdout"] == [f"{name} refused" for name in names]


def test_javascripts_own_fetch_fails_and_reaches_no_network(bench, every_import_js):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"/fetch?http://127.0.0.1:{listener.getsockname()[1]}/"
        assert bench.run(every_import_js, url).status == 200
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    events = bench.events()
    assert any(e.message.startswith("failed: ") for e in events if e.stream is Output.STDOUT)
    ((_, level, name),) = told(events)
    assert level is Level.WARN
    assert str(name).startswith("wasi:http/outgoing-handler@")


class Recorder:
    """Stands in for one execution and its publisher: what was told, in order."""

    def __init__(self) -> None:
        self.flow = RequestFlow.of("acme", extension="invoice-sync")
        self.refused = ""
        self.denied: set[str] = set()
        self.order: list[str] = []

    def settle(self) -> None:
        self.order.append("lines")

    def emit(self, *_: object, **__: object) -> None:
        self.order.append("log call")


def test_lines_that_are_held_back_come_before_a_log_call():
    here: Any = Recorder()
    _structured(lambda: here, here, "info", "x", [])
    with pytest.raises(HostRefusal):
        _refuse(lambda: here, here, "http.fetch", None)
    assert here.refused == "this runner does not provide http.fetch"
    assert here.order == ["lines", "log call"] * 2


def structured(fields: list[dict[str, str]]) -> dict[str, Any]:
    """What `emit` is given of them."""
    given: dict[str, Any] = {}
    running: Any = SimpleNamespace(flow=None, settle=lambda: None)
    publisher: Any = SimpleNamespace(emit=lambda *_, **more: given.update(more))
    _structured(lambda: running, publisher, "info", "x", fields)
    return given


def test_a_field_too_long_to_be_kept_is_not_read_and_weighs_what_it_holds():
    long = "[" + "[]," * 1_000_000 + "[]]"
    given = structured([{"name": "n" * 9000, "value": long}, {"name": "ms", "value": "12"}])
    (name, value), (_, ms) = given["fields"].items()
    assert (len(name), value, ms) == (MAX_FIELDS_BYTES, long[: MAX_FIELDS_BYTES + 1], 12)
    assert 10 * MAX_FIELDS_BYTES < given["weight"] < 30 * MAX_FIELDS_BYTES
    kept, cut = cap_fields(given["fields"])
    assert (kept, cut) == ({"ms": 12}, True)


def test_more_fields_than_are_looked_at_are_said_to_be_cut():
    fields = [{"name": str(n), "value": "1"} for n in range(65)]
    assert structured(fields)["cut"] is True
    assert len(structured(fields)["fields"]) == 64
    assert structured(fields[1:])["cut"] is False


def test_a_refused_call_is_told_once_in_an_execution_and_answered_each_time():
    """A guest that asks in a loop cannot fill its stream with our own lines."""
    here: Any = Recorder()
    answer = Answer(error_of(Enum), "denied", "with the error denied")
    got = [_refuse(lambda: here, here, name, answer) for name in ("a.f", "a.f", "a.g", "a.f")]
    assert got == ["denied"] * 4
    assert here.order == ["lines", "log call"] * 2
    assert not here.refused, "nothing of it ended the guest"
