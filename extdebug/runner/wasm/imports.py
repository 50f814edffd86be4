"""The functions a guest may import: context, logging, our structured log call.

Any other import can be linked, so that the guest starts; a call of it is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any, Final, NoReturn

import msgspec
from wasmtime import Engine
from wasmtime.component import Component, ComponentInstanceType, FuncType, Linker, LinkerInstance

from extdebug.runner.context import RequestFlow
from extdebug.runner.publish.publisher import Publisher
from extdebug.runner.wasm.abi import CONTEXT, HostRefusal, Imports
from extdebug.runner.wasm.running import Running
from extdebug.wire.events import Level, Output

# The types of wasi:http come from the engine (JavaScript components import them by default); the
# one function that would reach the network is refused: what leaves the pod is not the guest's call.
OUTGOING: Final = "wasi:http/outgoing-handler@"
PLATFORM: Final = "alga:extension/"
STRUCTURED: Final = "ext-debug:guest/log@1.0.0"
_LOG_LEVELS: Final = {"log-info": Level.INFO, "log-warn": Level.WARN, "log-error": Level.ERROR}
MOST_FIELDS: Final = 64


def context_of(flow: RequestFlow) -> dict[str, str | None]:
    """The guest's own view of its execution: WIT record `context-data`."""
    return {
        "request_id": flow.request,
        "tenant_id": flow.tenant,
        "extension_id": flow.extension,
        "install_id": flow.install,
        "version_id": flow.version,
    }


def needs_http(component: Component, engine: Engine) -> bool:
    """Whether the component imports any part of wasi:http."""
    return any(name.startswith("wasi:http/") for name in component.type.imports(engine))


def define_imports(
    linker: Linker,
    component: Component,
    *,
    engine: Engine,
    running: Callable[[], Running],
    publisher: Publisher,
) -> Imports:
    """Define every interface the component imports that WASI does not.

    Done from the component's own list: a blanket "unknown imports trap" would also shadow WASI
    interfaces of another minor version.
    """
    imports = Imports()
    for name, extern in component.type.imports(engine).items():
        interface = extern.ty
        if not isinstance(interface, ComponentInstanceType):
            continue
        if name.startswith("wasi:") and not name.startswith(OUTGOING):
            continue
        functions = [
            function
            for function, item in interface.exports(engine).items()
            if isinstance(item.ty, FuncType)
        ]
        with ExitStack() as stack:
            root = stack.enter_context(linker.root())
            instance = stack.enter_context(root.add_instance(name))
            for function in functions:
                _define(imports, instance, name, function, running=running, publisher=publisher)
    return imports


def _define(
    imports: Imports,
    instance: LinkerInstance,
    interface: str,
    function: str,
    *,
    running: Callable[[], Running],
    publisher: Publisher,
) -> None:
    if interface == f"{PLATFORM}context" and function == "get-context":
        imports.define(instance, function, lambda: context_of(running().flow), result=CONTEXT)
    elif interface == f"{PLATFORM}logging" and function in _LOG_LEVELS:
        level = _LOG_LEVELS[function]
        emit = publisher.emit

        def write(message: bytes) -> None:
            execution = running()
            execution.settle()
            emit(execution.flow, Output.LOG, level, message, structured=True)

        imports.text(instance, function, write)
    elif interface == STRUCTURED and function == "emit":
        imports.define(instance, function, partial(_structured, running, publisher))
    else:
        imports.define(
            instance, function, partial(_refuse, running, publisher, f"{interface}.{function}")
        )


def _refuse(
    running: Callable[[], Running], publisher: Publisher, name: str, *_arguments: Any
) -> NoReturn:
    execution = running()
    execution.settle()
    execution.refused = f"this runner does not provide {name}"
    publisher.emit(
        execution.flow,
        Output.LOG,
        Level.ERROR,
        f"{name} was called: this runner does not provide it",
        fields={"event": "refused", "import": name},
    )
    raise HostRefusal(execution.refused)


def _structured(
    running: Callable[[], Running],
    publisher: Publisher,
    level: str,
    message: str,
    fields: list[dict[str, str]],
) -> None:
    values: dict[str, Any] = {}
    for field in fields[:MOST_FIELDS]:
        try:
            values[field["name"]] = msgspec.json.decode(field["value"])
        except (msgspec.DecodeError, RecursionError):
            values[field["name"]] = field["value"]
    execution = running()
    execution.settle()
    publisher.emit(execution.flow, Output.LOG, Level(level), message, fields=values)
