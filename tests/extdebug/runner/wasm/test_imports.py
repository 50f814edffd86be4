"""What a guest may import works; everything else is refused by name, in the flow of its request."""

import socket
from types import SimpleNamespace

import pytest

from extdebug.runner.context import RequestFlow
from extdebug.runner.wasm.abi import HostRefusal
from extdebug.runner.wasm.components import LoadedComponent
from extdebug.runner.wasm.execution import ExecutionFailed
from extdebug.runner.wasm.imports import _refuse, _structured
from extdebug.wire.events import Level
from tests.extdebug.runner.wasm.test_host import EVENT, said

IMPORTS = [
    "secrets.get", "secrets.list-keys", "http.fetch", "storage.get", "storage.put",
    "storage.delete", "storage.list-entries", "ui-proxy.call-route", "user.get-user",
    "user-v2.get-user", "scheduler.list-schedules", "scheduler.get-schedule",
    "scheduler.create-schedule", "scheduler.update-schedule", "scheduler.delete-schedule",
    "scheduler.get-endpoints", "invoicing.create-manual-invoice",
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


@pytest.mark.parametrize("name", IMPORTS)
@pytest.mark.parametrize("guest", GUESTS)
def test_every_other_import_refuses_by_name_in_the_flow(bench, guest, name, request):
    component: LoadedComponent = request.getfixturevalue(guest)
    full = f"alga:extension/{name}"
    with pytest.raises(ExecutionFailed, match=full):
        bench.run(component, f"/{name}", request="r-refused")
    told = [e for e in bench.events() if (e.fields or {}).get(EVENT) == "refused"]
    assert [(e.request_id, (e.fields or {})["import"]) for e in told] == [("r-refused", full)]


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


def test_javascripts_own_fetch_is_refused_by_name(bench, every_import_js):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with pytest.raises(ExecutionFailed, match="wasi:http/outgoing-handler"):
            bench.run(every_import_js, f"/fetch?http://127.0.0.1:{listener.getsockname()[1]}/")
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert any((e.fields or {}).get(EVENT) == "refused" for e in bench.events())


def test_lines_that_are_held_back_come_before_a_log_call():
    order: list[str] = []
    flow = RequestFlow.of("acme", extension="invoice-sync")
    running = SimpleNamespace(flow=flow, refused="", settle=lambda: order.append("lines"))
    publisher = SimpleNamespace(emit=lambda *_, **__: order.append("log call"))
    _structured(lambda: running, publisher, "info", "x", [])  # type: ignore[arg-type, return-value]
    with pytest.raises(HostRefusal):
        _refuse(lambda: running, publisher, "http.fetch")  # type: ignore[arg-type, return-value]
    assert order == ["lines", "log call"] * 2
