"""The functions a guest may import: context, logging, our structured log call.

Any other import can be linked, so that the guest starts; a call of it is refused by name, with the
error of its interface if that has one.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

import msgspec
from wasmtime import Engine
from wasmtime.component import Component, ComponentInstanceType, FuncType, Linker, LinkerInstance

from extdebug.runner.context import RequestFlow
from extdebug.runner.publish.publisher import Publisher
from extdebug.runner.wasm.abi import CONTEXT, HostRefusal, Imports
from extdebug.runner.wasm.refused_calls import Answer, answer_of, unprovided
from extdebug.runner.wasm.running import Running
from extdebug.wire.events import Level, Output
from extdebug.wire.truncation import MAX_FIELDS_BYTES

# The types of wasi:http come from the engine (JavaScript components import them by default); the
# one function that would reach the network is refused: what leaves the pod is not the guest's call.
OUTGOING: Final = "wasi:http/outgoing-handler@"
PLATFORM: Final = "alga:extension/"
STRUCTURED: Final = "ext-debug:guest/log@1.0.0"
_LOG_LEVELS: Final = {"log-info": Level.INFO, "log-warn": Level.WARN, "log-error": Level.ERROR}
MOST_FIELDS: Final = 64
NESTED_WEIGHT: Final = 20  # bytes of memory for a byte of JSON that is nested, at most


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
        functions = {
            function: item.ty
            for function, item in interface.exports(engine).items()
            if isinstance(item.ty, FuncType)
        }
        with ExitStack() as stack:
            root = stack.enter_context(linker.root())
            instance = stack.enter_context(root.add_instance(name))
            for function, kind in functions.items():
                if _provide(imports, instance, name, function, running, publisher):
                    continue
                full = f"{name}.{function}"
                answer = answer_of(full, kind)
                refuse = partial(_refuse, running, publisher, full, answer)
                imports.define(instance, function, refuse, result=answer and answer.spec)
    return imports


def _provide(
    imports: Imports,
    instance: LinkerInstance,
    interface: str,
    function: str,
    running: Callable[[], Running],
    publisher: Publisher,
) -> bool:
    """Define the function if it is one of ours."""
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
        return False
    return True


def _refuse(
    running: Callable[[], Running],
    publisher: Publisher,
    name: str,
    answer: Answer | None,
    *_arguments: Any,
) -> Any:
    """The error the interface has for this, told once in an execution; HostRefusal without one."""
    execution = running()
    if answer is None:
        execution.refused = unprovided(name)
    elif name in execution.denied:
        return answer.value
    else:
        execution.denied.add(name)
    execution.settle()
    publisher.emit(
        execution.flow,
        Output.LOG,
        Level.ERROR if answer is None else Level.WARN,
        f"{name} was called: this runner does not provide it"
        + (f"; {answer.words}" if answer else ""),
        fields={"event": "refused", "import": name},
    )
    if answer is None:
        raise HostRefusal(execution.refused)
    return answer.value


def _structured(
    running: Callable[[], Running],
    publisher: Publisher,
    level: str,
    message: str,
    fields: list[dict[str, str]],
) -> None:
    values: dict[str, Any] = {}
    weight = 0
    for field in fields[:MOST_FIELDS]:
        # A longer one is not kept whole anyway, and is not read either: the reading holds up
        # every other thread.
        name, text = field["name"][:MAX_FIELDS_BYTES], field["value"][: MAX_FIELDS_BYTES + 1]
        weight += len(name) + len(text) * (NESTED_WEIGHT if text[:1] in ("[", "{") else 1)
        values[name] = _read(text) if len(text) <= MAX_FIELDS_BYTES else text
    execution = running()
    execution.settle()
    publisher.emit(
        execution.flow, Output.LOG, Level(level), message,
        fields=values, weight=weight, cut=len(fields) > MOST_FIELDS,
    )  # fmt: skip


def _read(text: str) -> Any:
    """A field's value: JSON, or text that is none."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
