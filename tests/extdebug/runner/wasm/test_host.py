import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from wasmtime import Func, Instance, Module, Store, WasmtimeError

from extdebug.runner.wasm.components import make_engine
from extdebug.runner.wasm.execution import CallLimits, ComponentError, ExecutionFailed, Failure
from extdebug.runner.wasm.host import INSTANCES, bound
from extdebug.wire.events import Level, Output
from extdebug.wire.executions import STARTED
from tests.fixtures.runner import Bench

EVENT = "event"


def said(bench: Bench, *, host: bool = False) -> list[tuple[str, str, str]]:
    return [
        (event.stream.value, event.level.value, event.message)
        for event in bench.events()
        if host or not (event.fields or {}).get(EVENT)
    ]


def test_stdout_stderr_and_log_calls_come_in_the_order_written_with_the_requests_context(
    bench, edges
):
    bench.run(edges, "/order", request="r-order")
    events = bench.events()
    assert {(e.tenant_id, e.install_id, e.request_id, e.version_id) for e in events} == {
        ("acme", "inst-acme", "r-order", "1.2")
    }
    assert {e.content_hash for e in events} == {edges.content_hash}
    lines = [e.message for e in events if not e.fields]
    assert lines == [f"{kind} {n}" for n in range(20) for kind in ("out", "err", "log")]
    assert events[0].fields == {"event": "start"}
    assert events[0].execution == STARTED
    assert [e.execution for e in events[1:-1]] == [None] * (len(events) - 2)
    said_last = events[-1].execution
    assert said_last is not None
    assert (said_last.phase, said_last.outcome) == ("end", "200")
    assert events[-1].fields is not None
    assert said_last.duration_ms == events[-1].fields["duration_ms"]
    assert events[-1].fields["status"] == 200
    assert events[-1].fields["duration_ms"] > 0
    assert events[-1].fields["memory_kib"] > 0
    assert events[-1].fields["fuel"] > 0


def test_bytes_become_lines_whatever_they_are(bench, edges):
    bench.run(edges, "/bytes")
    lines = [message for stream, _, message in said(bench) if stream == "stdout"]
    assert lines == [
        "grüße ✓", "one", "three", "nul \x00 bad \ufffd\ufffd end", "no newline at the end",
    ]  # fmt: skip


def test_a_mebibyte_line_is_cut_and_marked(bench, edges):
    bench.run(edges, "/long")
    long, after = (e for e in bench.events() if e.stream is Output.STDOUT)
    assert long.truncated
    assert set(long.message) == {"x"}
    assert len(long.message) == 8192
    assert (after.message, after.truncated) == ("after", False)


def test_a_json_line_gives_level_message_and_fields_and_cannot_forge_its_context(bench, edges):
    bench.run(edges, "/json", request="r-true")
    (event,) = (e for e in bench.events() if e.stream is Output.STDOUT)
    assert (event.level, event.message) == (Level.ERROR, "boom")
    assert event.fields == {"ms": 12, "tenant": "globex", "request": "forged"}
    assert (event.tenant_id, event.request_id) == ("acme", "r-true")


def test_request_and_response_pass_through_unchanged(bench, edges):
    body = bytes(range(256)) * 40
    response = bench.run(
        edges, "/", method="PATCH", body=body, headers=(("x-a", "ü"), ("x-a", "2"))
    )
    assert response.status == 200
    assert response.body == body + b"|PATCH"
    assert response.headers == (("x-a", "ü"), ("x-a", "2"))


def test_a_partial_line_is_seen_while_the_guest_waits(bench, edges):
    bench.run(edges, "/pause")
    assert [m for s, _, m in said(bench) if s == "stdout"] == ["prompt> ", "done"]


@pytest.mark.parametrize(
    ("url", "limits", "failure", "words"),
    [
        ("/spin", CallLimits(timeout=0.3), Failure.TIMEOUT, "0.3 s"),
        ("/spin", CallLimits(fuel=5_000_000), Failure.OUT_OF_FUEL, "5,000,000 units"),
        ("/memory", CallLimits(memory_bytes=96 << 20), Failure.OUT_OF_MEMORY, "96 MiB"),
        ("/trap", CallLimits(), Failure.TRAP, "unreachable"),
    ],
)
def test_every_limit_and_trap_is_an_event_of_the_flow(bench, edges, url, limits, failure, words):
    with pytest.raises(ExecutionFailed, match=words) as caught:
        bench.run(edges, url, request="r-fails", limits=limits)
    assert caught.value.failure is failure
    events = bench.events()
    told = [e for e in events if (e.fields or {}).get(EVENT) == failure.value]
    assert [(e.level, e.request_id) for e in told] == [(Level.ERROR, "r-fails")]
    assert words in told[0].message
    assert "wasm backtrace" in told[0].message
    assert events[-1].fields is not None
    assert events[-1].fields["status"] == failure.value


def test_what_was_printed_before_a_trap_is_there_and_before_it(bench, edges):
    with pytest.raises(ExecutionFailed):
        bench.run(edges, "/trap")
    messages = [e.message for e in bench.events()]
    trap = next(i for i, message in enumerate(messages) if message.startswith("trapped"))
    assert "before the trap" in messages[:trap]


@pytest.mark.parametrize(
    ("wat", "words"),
    [
        ("(module (table 50000000 funcref))", "table minimum size"),
        ("(module (memory 1) (memory 1))", "memory count too high"),
        ("(module" + " (table 1 funcref)" * 17 + ")", "table count too high"),
        ("(module (memory 512))", "memory minimum size"),
    ],
    ids=["elements", "memories", "tables", "memory"],
)
def test_nothing_that_a_guest_makes_the_host_hold_is_without_a_limit(tmp_path, wat, words):
    engine = make_engine(tmp_path)
    store = Store(engine)
    store.set_fuel(1_000_000)
    bound(store, memory_bytes=16 << 20)
    with pytest.raises(WasmtimeError, match=words):
        Instance(store, Module(engine, wat), [])


def test_a_table_does_not_grow_beyond_its_limit_and_instances_have_an_end(tmp_path):
    engine = make_engine(tmp_path)
    store = Store(engine)
    store.set_fuel(1_000_000_000)
    store.set_epoch_deadline(1_000)
    bound(store, memory_bytes=16 << 20)
    grow = """(module (table $t 1 funcref)
        (func (export "grow") (param i32) (result i32)
            (table.grow $t (ref.null func) (local.get 0))))"""
    grown = Instance(store, Module(engine, grow), []).exports(store)["grow"]
    assert isinstance(grown, Func)
    assert grown(store, 1_000) == 1
    assert grown(store, 50_000_000) == -1
    empty = Module(engine, "(module)")
    for _ in range(INSTANCES - 1):
        Instance(store, empty, [])
    with pytest.raises(WasmtimeError, match="instance count too high"):
        Instance(store, empty, [])


def test_no_caller_can_raise_the_hosts_limits(bench, edges):
    with pytest.raises(ExecutionFailed, match="5 s") as caught:
        bench.run(edges, "/spin", limits=CallLimits(timeout=3600))
    assert caught.value.failure is Failure.TIMEOUT


def test_a_javascript_guest_has_its_lines_its_context_and_its_answer(bench, every_import_js):
    response = bench.run(every_import_js, "/echo", method="PUT", body=b"\x00\xff" * 10)
    assert (response.status, response.body) == (201, b"\x00\xff" * 10)
    assert response.headers == (("x-method", "PUT"),)
    (event,) = (e for e in bench.events() if e.stream is Output.STDOUT)
    assert (event.level, event.message, event.request_id) == (Level.WARN, "echo", "r-1")
    assert event.fields == {"requestId": "forged"}


def test_javascript_lines_keep_their_order(bench, every_import_js):
    bench.run(every_import_js, "/lines/30", request="r-js")
    assert [m for _, _, m in said(bench)] == [f"r-js js {n}" for n in range(30)]


def test_threads_never_mix_their_contexts(bench, edges, every_import_js):
    tenants = ["acme", "globex", "initech", "umbrella"]

    def one(number: int) -> None:
        tenant = tenants[number % 4]
        guest = every_import_js if number % 2 else edges
        bench.run(guest, "/lines/6", tenant=tenant, request=f"{tenant}-{number}")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(one, range(60)))
    events = bench.events()
    by_request: dict[str | None, list[str]] = {}
    for event in events:
        assert event.request_id is not None
        assert event.request_id.startswith(f"{event.tenant_id}-")
        if not event.fields:
            by_request.setdefault(event.request_id, []).append(event.message)
    assert len(by_request) == 60
    for request, messages in by_request.items():
        kind = "js" if int(str(request).rpartition("-")[2]) % 2 else "py"
        assert messages == [f"{request} {kind} {n}" for n in range(6)]


def test_a_component_without_a_handler_cannot_start(bench):
    loaded = bench.host.components.load(b"(component)")
    with pytest.raises(ComponentError, match="handler"):
        bench.run(loaded, "/")


def test_no_thread_is_started_per_execution(bench, edges):
    bench.run(edges, "/")
    before = threading.active_count()
    for _ in range(20):
        bench.run(edges, "/")
    assert threading.active_count() <= before
