"""Runs components: one store per execution, its lines and log calls with its request's context."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any, Final

from wasmtime import Engine, Store, WasiConfig, WasmtimeError
from wasmtime.component import Component, ExportIndex, Linker

from extdebug.events import Level, Output
from extdebug.runner.abi import EXECUTE_REQUEST, Imports, call, headers
from extdebug.runner.capture import Capture
from extdebug.runner.components import Components, Loaded, make_engine
from extdebug.runner.config import HostConfig
from extdebug.runner.execution import (
    Call,
    ComponentError,
    ExecutionFailed,
    Failure,
    HttpResponse,
)
from extdebug.runner.imports import Running, context_of, define_imports
from extdebug.runner.publisher import Publisher

EPOCH: Final = 0.01  # s between epoch ticks: how late a timeout may be
NO_FUEL_LIMIT: Final = 2**63 - 1
MOST_DETAIL: Final = 6 * 1024  # characters of a backtrace worth an event


class Host:
    """Thread-safe: `execute` may be called from as many threads as should run guests."""

    def __init__(self, config: HostConfig, publisher: Publisher) -> None:
        self._config = config
        self._publisher = publisher
        self.engine: Engine = make_engine(config.cache)
        self.components = Components(self.engine, folder=config.components)
        self._linked: dict[str, tuple[Linker, Imports, ExportIndex]] = {}
        self._lock = threading.Lock()
        self._running = threading.local()
        self._ticker = Ticker(self.engine)
        self.executions = 0
        self.failures: dict[str, int] = {}

    def execute(self, loaded: Loaded, request: Call) -> HttpResponse:
        """Run the component's handler once.

        ExecutionFailed when the guest trapped or hit a limit, ComponentError when it cannot even
        start. Either way its lines are out and the flow says what happened.
        """
        linker, _, export = self._link(loaded)
        flow = request.flow
        emit = self._publisher.emit
        emit(flow, Output.LOG, Level.DEBUG, f"{request.http.method} {request.http.url} started",
             fields={"event": "start"})  # fmt: skip
        started = time.monotonic()
        capture = Capture(lambda output, line, cut: self._publisher.line(flow, output, line, cut))
        running = Running(flow=flow, started=started)
        status: int | str = "failed"
        store = self._store(capture)
        try:
            with self._ticker:
                self._running.execution = running
                response = self._call(linker, export, store, loaded, request)
                status = response.status
        except ExecutionFailed as error:
            status = error.failure.value
            capture.close()
            self._tell_failure(flow, error)
            raise
        finally:
            self._running.execution = None
            fuel = self._fuel_used(store)
            store.close()  # before the capture: it delivers what the guest's streams still hold
            capture.close()
            self._tell_end(flow, status, time.monotonic() - started, fuel)
        return response

    # --- one call -------------------------------------------------------------------------

    def _store(self, capture: Capture) -> Store:
        config = self._config
        wasi = WasiConfig()
        wasi.stdout_custom = capture.out
        wasi.stderr_custom = capture.err
        store = Store(self.engine)
        store.set_wasi(wasi)
        store.set_fuel(config.fuel or NO_FUEL_LIMIT)
        store.set_epoch_deadline(max(1, round(config.timeout / EPOCH)))
        store.set_limits(memory_size=config.memory_bytes)
        return store

    def _call(
        self, linker: Linker, export: ExportIndex, store: Store, loaded: Loaded, request: Call
    ) -> HttpResponse:
        try:
            instance = linker.instantiate(store, loaded.component)
        except WasmtimeError as error:
            if "wasm trap" in str(error):
                raise self._failed(error) from error
            raise ComponentError(f"the component cannot start: {error}") from error
        handler = instance.get_func(store, export)
        if handler is None:  # pragma: no cover - the export index came from this component
            raise ComponentError("the component has no function `handler`")
        http = request.http
        argument = {
            "context": context_of(request.flow),
            "http": {
                "method": http.method,
                "url": http.url,
                "headers": headers(http.headers),
                "body": http.body,
            },
        }
        try:
            result = call(handler, store, EXECUTE_REQUEST, argument)
        except WasmtimeError as error:
            raise self._failed(error) from error
        return _response(result)

    def _failed(self, error: WasmtimeError) -> ExecutionFailed:
        text = str(error)
        backtrace, _, cause = text.partition("Caused by:")
        cause = " ".join(cause.split()) or text.strip()
        running: Running | None = self._running.execution
        refused = running.refused if running else ""
        if "wasm trap: interrupt" in text:
            failure = Failure.TIMEOUT
            message = f"stopped after {self._config.timeout:g} s: the time limit of one request"
        elif "all fuel consumed" in text:
            failure = Failure.OUT_OF_FUEL
            message = f"stopped: it used its {self._config.fuel:,} units of fuel"
        elif refused:
            failure, message = Failure.TRAP, f"trapped: {refused}"
        else:
            failure, message = Failure.TRAP, f"trapped: {cause}"
        return ExecutionFailed(failure, message, detail=backtrace.strip()[:MOST_DETAIL])

    @staticmethod
    def _fuel_used(store: Store) -> int | None:
        with suppress(WasmtimeError):
            return int(store.get_fuel())
        return None

    # --- what the flow is told ------------------------------------------------------------

    def _tell_failure(self, flow: Any, error: ExecutionFailed) -> None:
        self.failures[error.failure] = self.failures.get(error.failure, 0) + 1
        message = f"{error}\n{error.detail}" if error.detail else str(error)
        self._publisher.emit(
            flow, Output.LOG, Level.ERROR, message, fields={"event": error.failure.value}
        )

    def _tell_end(self, flow: Any, status: int | str, seconds: float, fuel: int | None) -> None:
        self.executions += 1
        fields: dict[str, Any] = {
            "event": "end", "status": status, "duration_ms": round(seconds * 1000, 3),
        }  # fmt: skip
        if fuel is not None:
            fields["fuel"] = (self._config.fuel or NO_FUEL_LIMIT) - fuel
        well = isinstance(status, int) and status < 500
        self._publisher.emit(
            flow,
            Output.LOG,
            Level.INFO if well else Level.WARN,
            f"finished: {status} in {seconds * 1000:.1f} ms",
            fields=fields,
        )

    # --- linking --------------------------------------------------------------------------

    def _link(self, loaded: Loaded) -> tuple[Linker, Imports, ExportIndex]:
        with self._lock:
            linked = self._linked.get(loaded.content_hash)
            if linked is None:
                linked = self._make_linker(loaded.component)
                if len(self._linked) >= 64:
                    self._linked.pop(next(iter(self._linked)))
                self._linked[loaded.content_hash] = linked
            return linked

    def _make_linker(self, component: Component) -> tuple[Linker, Imports, ExportIndex]:
        export = component.get_export_index("handler")
        if export is None:
            raise ComponentError(
                "the component exports no function `handler`: it was not built for the world "
                "alga:extension/runner"
            )
        linker = Linker(self.engine)
        try:
            linker.add_wasip2()
            imports = define_imports(
                linker,
                component,
                engine=self.engine,
                running=lambda: self._running.execution,
                publisher=self._publisher,
            )
        except WasmtimeError as error:
            raise ComponentError(f"the component cannot be linked: {error}") from error
        return linker, imports, export


class Ticker:
    """Advances the engine's epoch while anything runs; entered once per execution."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._count = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> None:
        with self._changed:
            self._count += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="epoch-ticker", daemon=True)
                self._thread.start()
            elif self._count == 1:
                self._changed.notify()

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._count -= 1

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._count:
                    self._changed.wait()
            time.sleep(EPOCH)
            self._engine.increment_epoch()


def _response(result: Any) -> HttpResponse:
    body = result["body"]
    return HttpResponse(
        status=int(result["status"]),
        headers=tuple((header["name"], header["value"]) for header in result["headers"]),
        body=bytes(body) if body is not None else None,
    )
