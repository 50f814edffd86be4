"""Calls between host and guests: the handler's types, host functions cheap enough for a log line.

Stands in for wasmtime-py's own calls, which keep the last exception of any thread in one global;
the values are converted by component_values.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from wasmtime import Store, WasmtimeError
from wasmtime import _bindings as c
from wasmtime.component import Func, LinkerInstance

from extdebug.runner.wasm.component_values import (
    Bytes,
    String,
    drop_resources,
    lift,
    list_of,
    lower,
    option,
    record,
)
from extdebug.runner.wasm.value_sizes import MOST_ELEMENTS, elements

_Val: Final = c.wasmtime_component_val_t

# Called with the lifted arguments; what it returns is lowered by the spec it was defined with.
HostFunction = Callable[..., Any]


class HostRefusal(Exception):
    """A host function does not serve this guest; the message reaches it as the trap's cause."""


HEADER: Final = record(name=String, value=String)
CONTEXT: Final = record(
    request_id=option(String), tenant_id=String, extension_id=String, install_id=option(String),
    version_id=option(String),
)  # fmt: skip
HTTP_REQUEST: Final = record(method=String, url=String, headers=list_of(HEADER), body=option(Bytes))
EXECUTE_REQUEST: Final = record(context=CONTEXT, http=HTTP_REQUEST)


def call(func: Func, store: Store, spec: Any, argument: Mapping[str, Any]) -> Any:
    """Call an export of one argument and one result.

    WasmtimeError on a trap, HostRefusal for a result that is too long to take over.
    """
    args = (_Val * 1)()
    result = _Val()
    try:
        lower(spec, argument, args[0])
        context = store._context()  # noqa: SLF001
        raw = ctypes.byref(func._func)  # noqa: SLF001
        error = c.wasmtime_component_func_call(raw, context, args, 1, ctypes.byref(result), 1)
    finally:
        c.wasmtime_component_val_delete(ctypes.byref(args[0]))
    _raise(error)
    try:
        _check_size(result)
        return lift(result)
    finally:
        c.wasmtime_component_val_delete(ctypes.byref(result))


class Imports:
    """Host functions of one linker; keeps their trampolines alive as long as it lives."""

    def __init__(self) -> None:
        self._kept: list[Any] = []

    def text(self, instance: LinkerInstance, name: str, function: Callable[[bytes], None]) -> None:
        """A function of one string and no result, called with its UTF-8: the fast path."""

        def run(_env: Any, _store: Any, _type: Any, args: Any, _n: int, _out: Any, _m: int) -> int:
            name_of = args[0].of.string
            function(ctypes.string_at(name_of.data, name_of.size) if name_of.size else b"")
            return 0

        self._define(instance, name, run)

    def define(
        self, instance: LinkerInstance, name: str, function: HostFunction, *, result: Any = None
    ) -> None:
        """Any function. Refused, or whatever else it raises, becomes the guest's trap."""

        def run(_env: Any, context: Any, _type: Any, args: Any, n: int, out: Any, _m: int) -> int:
            try:
                for i in range(n):
                    _check_size(args[i])
                value = function(*(lift(args[i]) for i in range(n)))
                if result is not None:
                    lower(result, value, out[0])
            except Exception as error:  # noqa: BLE001 - it ends the guest, not the host
                return _error(f"{error}" if isinstance(error, HostRefusal) else f"host: {error!r}")
            finally:
                for i in range(n):
                    drop_resources(context, args[i])
            return 0

        self._define(instance, name, run)

    def _define(self, instance: LinkerInstance, name: str, run: Callable[..., int]) -> None:
        trampoline = c.wasmtime_component_func_callback_t(run)
        self._kept.append(trampoline)
        raw = name.encode()
        error = c.wasmtime_component_linker_instance_add_func(
            instance.ptr(), ctypes.create_string_buffer(raw), len(raw), trampoline, None, _no_end
        )
        _raise(error)


def _check_size(value: Any) -> None:
    count = elements(value)
    if count > MOST_ELEMENTS:
        raise HostRefusal(f"{count:,} list elements or more, at most {MOST_ELEMENTS:,} are taken")


# The trampolines are Python objects with no data of their own: nothing to finalize.
_no_end: Final = ctypes.CFUNCTYPE(None, ctypes.c_void_p)()


def _raise(error: Any) -> None:
    if error:  # a null pointer is false
        raise WasmtimeError._from_ptr(error)  # noqa: SLF001


def _error(message: str) -> int:
    pointer = c.wasmtime_error_new(message.encode("utf-8", "replace"))
    return ctypes.cast(pointer, ctypes.c_void_p).value or 0


def headers(pairs: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]
