"""Runs components: one store per execution; lines and log calls carry the ids of its request."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from wasmtime import Engine, Store, WasiConfig, WasmtimeError
from wasmtime.component import Component, ExportIndex, Linker

from extdebug.runner.config import HostConfig
from extdebug.runner.output.capture import Capture
from extdebug.runner.publish.publisher import Publisher
from extdebug.runner.wasm.abi import EXECUTE_REQUEST, HostRefusal, Imports, call, headers
from extdebug.runner.wasm.answer import bad_answer, check_answer
from extdebug.runner.wasm.components import Components, LoadedComponent, make_engine
from extdebug.runner.wasm.epoch_ticker import Ticker
from extdebug.runner.wasm.execution import (
    Call,
    CallLimits,
    ComponentError,
    ExecutionFailed,
    HttpResponse,
)
from extdebug.runner.wasm.imports import context_of, define_imports, needs_http
from extdebug.runner.wasm.running import Running, failure_of

NO_FUEL_LIMIT: Final = 2**62
LINKERS_KEPT: Final = 64
# A guest in Python or JavaScript has one memory, two tables of up to 10,000 elements and at most
# 20 instances. The memory's limit holds for each memory, so there is one.
MEMORIES: Final = 1
TABLES: Final = 16
TABLE_ELEMENTS: Final = 200_000  # of each table, 8 bytes of the host's memory per element
INSTANCES: Final = 200


def bound(store: Store, *, memory_bytes: int) -> None:
    """Limit all that a guest can make the host hold for it; `memory_bytes` -1: its memory's size
    has no limit."""
    store.set_limits(
        memory_size=memory_bytes, memories=MEMORIES, tables=TABLES,
        table_elements=TABLE_ELEMENTS, instances=INSTANCES,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Linked:
    """A component's imports, ready to instantiate. `imports` keeps the host functions alive."""

    linker: Linker
    imports: Imports
    handler: ExportIndex
    http: bool  # the store needs a context for the types of wasi:http


class Host:
    """Thread-safe: `execute` may be called from as many threads as should run guests."""

    def __init__(self, config: HostConfig, publisher: Publisher) -> None:
        self._config = config
        self._publisher = publisher
        self.engine: Engine = make_engine(config.cache)
        self.components = Components(self.engine, folder=config.components)
        self._linked: dict[str, Linked] = {}
        self._lock = threading.Lock()
        self._here = threading.local()  # .running: the execution on this thread
        self._ticker = Ticker(self.engine)
        self.executions = 0
        self.failures: dict[str, int] = {}

    def execute(
        self,
        loaded: LoadedComponent,
        request: Call,
        *,
        started: Callable[[Running], None] | None = None,
    ) -> HttpResponse:
        """Run the component's handler once.

        ExecutionFailed when the guest trapped, hit a limit or answered what cannot be sent,
        ComponentError when it cannot even start. Either way its lines are out and its flow says
        what happened. `started` gets the execution before the guest's time begins.
        """
        limits = self._within(request.limits)
        running = Running(request, limits=limits, publisher=self._publisher)
        try:
            linked = self._link(loaded)
        except ComponentError as error:
            running.tell_broken(error)
            raise
        running.tell_start()
        if started is not None:
            started(running)
        capture = Capture(running.line, most_bytes=self._publisher.most_joined)
        running.settle = capture.settle
        store = self._store(capture, limits, http=linked.http)
        self._here.running = running
        try:
            with self._ticker:
                self._ticker.limit(store, limits.timeout or self._config.timeout)
                response = self._call(linked, store, loaded, running)
            running.status = response.status
        except ExecutionFailed as error:
            capture.close()
            running.tell_failure(error)
            raise
        except ComponentError as error:
            running.tell_broken(error)
            raise
        finally:
            self._here.running = None
            fuel = _fuel_left(store)
            # The engine's I/O thread may still hold bytes of the guest's streams; dropping the
            # store delivers them, and no store may outlive the interpreter.
            store.close()
            capture.close()
            running.tell_end(fuel_left=fuel)
            self._count(running)
        return response

    def _count(self, running: Running) -> None:
        with self._lock:
            self.executions += 1
            if isinstance(running.status, str):
                self.failures[running.status] = self.failures.get(running.status, 0) + 1

    def _within(self, asked: CallLimits) -> CallLimits:
        config = self._config
        fuel = config.fuel or NO_FUEL_LIMIT
        return CallLimits(
            timeout=min(asked.timeout or config.timeout, config.timeout),
            memory_bytes=min(asked.memory_bytes or config.memory_bytes, config.memory_bytes),
            fuel=min(asked.fuel or fuel, fuel),
        )

    def _store(self, capture: Capture, limits: CallLimits, *, http: bool) -> Store:
        wasi = WasiConfig()
        wasi.stdout_custom = capture.out
        wasi.stderr_custom = capture.err
        store = Store(self.engine)
        store.set_wasi(wasi)
        if http:
            store.set_wasi_http()
        store.set_fuel(limits.fuel or NO_FUEL_LIMIT)
        bound(store, memory_bytes=limits.memory_bytes or -1)
        return store

    def _call(
        self, linked: Linked, store: Store, loaded: LoadedComponent, running: Running
    ) -> HttpResponse:
        http = running.call.http
        try:
            instance = linked.linker.instantiate(store, loaded.component)
        except WasmtimeError as error:
            if "wasm trap" in str(error) or "exceeds memory limits" in str(error):
                raise failure_of(error, running) from error
            raise ComponentError(f"the component cannot start: {error}") from error
        handler = instance.get_func(store, linked.handler)
        if handler is None:  # pragma: no cover - the export index came from this component
            raise ComponentError("the component has no function `handler`")
        argument = {
            "context": context_of(running.flow),
            "http": {
                "method": http.method,
                "url": http.url,
                "headers": headers(http.headers),
                "body": http.body,
            },
        }
        try:
            return check_answer(call(handler, store, EXECUTE_REQUEST, argument))
        except WasmtimeError as error:
            raise failure_of(error, running) from error
        except HostRefusal as error:  # nothing of it is taken over
            raise bad_answer(str(error)) from error

    def _link(self, loaded: LoadedComponent) -> Linked:
        with self._lock:
            linked = self._linked.get(loaded.content_hash)
            if linked is None:
                linked = self._make_linker(loaded.component)
                if len(self._linked) >= LINKERS_KEPT:
                    self._linked.pop(next(iter(self._linked)))
                self._linked[loaded.content_hash] = linked
            return linked

    def _make_linker(self, component: Component) -> Linked:
        export = component.get_export_index("handler")
        if export is None:
            raise ComponentError(
                "the component exports no function `handler`: it was not built for the world "
                "alga:extension/runner"
            )
        linker = Linker(self.engine)
        http = needs_http(component, self.engine)
        try:
            linker.add_wasip2()
            if http:
                linker.add_wasi_http()
                linker.allow_shadowing = True  # for the refusal of outgoing requests
            imports = define_imports(
                linker,
                component,
                engine=self.engine,
                running=lambda: self._here.running,
                publisher=self._publisher,
            )
        except WasmtimeError as error:
            raise ComponentError(f"the component cannot be linked: {error}") from error
        return Linked(linker, imports, export, http)


def _fuel_left(store: Store) -> int | None:
    with suppress(WasmtimeError):
        return int(store.get_fuel())
    return None
