"""Component values to Python and back, and host functions cheap enough to call for every log line.

Stands in for wasmtime-py's own conversions in three respects: those look up a function's type on
each call (tens of microseconds), share a module-wide cache between threads, and keep the last
exception of any thread in one global. The C structures are wasmtime-py's; the version is pinned.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from wasmtime import Store, WasmtimeError
from wasmtime import _bindings as c
from wasmtime.component import Func, LinkerInstance

_U8, _CHAR, _STRING, _LIST, _RECORD, _TUPLE = 2, 11, 12, 13, 14, 15
_VARIANT, _ENUM, _OPTION, _RESULT, _FLAGS = 16, 17, 18, 19, 20
_NUMBERS: Final = {
    0: "boolean", 1: "s8", 2: "u8", 3: "s16", 4: "u16", 5: "s32", 6: "u32", 7: "s64", 8: "u64",
    9: "f32", 10: "f64",
}  # fmt: skip
_Val: Final = c.wasmtime_component_val_t
_SIZE: Final = ctypes.sizeof(_Val)
_OF: Final = _Val.of.offset
# One list<u8> element as the C structure lays it out, for each byte: a body of a mebibyte must
# not take a Python step per byte and field.
_BYTES: Final = tuple(
    bytes((_U8,)) + bytes(_OF - 1) + bytes((byte,)) + bytes(_SIZE - _OF - 1) for byte in range(256)
)

# Called with the lifted arguments; what it returns is lowered by the spec it was defined with.
HostFunction = Callable[..., Any]


class HostRefusal(Exception):
    """A host function does not serve this guest; the message reaches it as the trap's cause."""


# --- types of what we lower --------------------------------------------------------------------

String: Final = "string"
Bytes: Final = "list<u8>"


def option(spec: Any) -> tuple[str, Any]:
    return ("option", spec)


def list_of(spec: Any) -> tuple[str, Any]:
    return ("list", spec)


def record(**fields: Any) -> tuple[str, tuple[tuple[str, str, Any], ...]]:
    """Fields in the WIT's order; `_` in a Python name is `-` in the WIT."""
    return ("record", tuple((name, name.replace("_", "-"), spec) for name, spec in fields.items()))


HEADER: Final = record(name=String, value=String)
CONTEXT: Final = record(
    request_id=option(String), tenant_id=String, extension_id=String, install_id=option(String),
    version_id=option(String),
)  # fmt: skip
HTTP_REQUEST: Final = record(method=String, url=String, headers=list_of(HEADER), body=option(Bytes))
EXECUTE_REQUEST: Final = record(context=CONTEXT, http=HTTP_REQUEST)


# --- up: C to Python ---------------------------------------------------------------------------


def lift(value: Any) -> Any:
    """A C value as plain data: records and lists as dict and list, list<u8> as bytes.

    The values carry their kinds, so no type is asked for. A variant is (case, payload), a result
    ("ok" | "err", payload). The C value stays its owner's.
    """
    kind = value.kind
    name = _NUMBERS.get(kind)
    if name is not None:
        return getattr(value.of, name)
    if kind in (_STRING, _ENUM):
        return raw_text(value).decode("utf-8", "replace")
    if kind == _CHAR:
        return chr(value.of.character)
    if kind == _LIST:
        return _lift_list(value.of.list)
    if kind == _TUPLE:
        part = value.of.tuple
        return tuple(lift(part.data[i]) for i in range(part.size))
    if kind == _RECORD:
        part = value.of.record
        return {
            _name(part.data[i].name).replace("-", "_"): lift(part.data[i].val)
            for i in range(part.size)
        }
    if kind == _OPTION:
        return lift(value.of.option.contents) if value.of.option else None
    return _lift_rare(value, kind)


def _lift_rare(value: Any, kind: int) -> Any:
    if kind == _RESULT:
        part = value.of.result
        return ("ok" if part.is_ok else "err", lift(part.val.contents) if part.val else None)
    if kind == _VARIANT:
        part = value.of.variant
        return (_name(part.discriminant), lift(part.val.contents) if part.val else None)
    if kind == _FLAGS:
        part = value.of.flags
        return {_name(part.data[i]) for i in range(part.size)}
    return None  # resources and streams: nothing we provide takes one


def _lift_list(part: Any) -> Any:
    if not part.size:
        return []
    if part.data[0].kind == _U8:
        return ctypes.string_at(part.data, part.size * _SIZE)[_OF::_SIZE]
    return [lift(part.data[i]) for i in range(part.size)]


def raw_text(value: Any) -> bytes:
    """The UTF-8 of a string value, copied."""
    name = value.of.string
    return ctypes.string_at(name.data, name.size) if name.size else b""


def _name(name: Any) -> str:
    return ctypes.string_at(name.data, name.size).decode("utf-8", "replace")


# --- down: Python to C -------------------------------------------------------------------------


def lower(spec: Any, value: Any, out: Any) -> None:
    """Write `value` into the C value `out`, which then owns its memory. TypeError if unfit."""
    if spec == String:
        out.kind = _STRING
        _set_name(out.of.string, value)
    elif spec == Bytes:
        out.kind = _LIST
        c.wasmtime_component_vallist_new_uninit(ctypes.byref(out.of.list), len(value))
        if value:
            table = _BYTES
            ctypes.memmove(
                out.of.list.data, b"".join([table[byte] for byte in value]), len(value) * _SIZE
            )
    else:
        _lower_compound(spec, value, out)


def _lower_compound(spec: Any, value: Any, out: Any) -> None:
    kind, inner = spec
    if kind == "option":
        payload = None
        if value is not None:
            raw = _Val()
            lower(inner, value, raw)
            payload = c.wasmtime_component_val_new(ctypes.byref(raw))
        out.kind = _OPTION
        out.of.option = payload
    elif kind == "list":
        items = c.wasmtime_component_vallist_t()
        c.wasmtime_component_vallist_new_uninit(ctypes.byref(items), len(value))
        _blank(items.data, len(value))
        out.kind = _LIST
        out.of.list = items
        for i, item in enumerate(value):
            lower(inner, item, items.data[i])
    else:
        entries = c.wasmtime_component_valrecord_t()
        c.wasmtime_component_valrecord_new_uninit(ctypes.byref(entries), len(inner))
        ctypes.memset(entries.data, 0, ctypes.sizeof(entries.data[0]) * len(inner))
        for i, (_, wit_name, _) in enumerate(inner):
            _set_name(entries.data[i].name, wit_name)
        out.kind = _RECORD
        out.of.record = entries
        for i, (name, _, field) in enumerate(inner):
            lower(field, value[name], entries.data[i].val)


def _blank(data: Any, count: int) -> None:
    """Make elements that hold nothing (kind bool), so that a failure half-way can be freed."""
    if count:
        ctypes.memset(data, 0, _SIZE * count)


def _set_name(name: Any, text: str) -> None:
    raw = text.encode("utf-8", "replace")
    c.wasm_byte_vec_new_uninitialized(ctypes.byref(name), len(raw))
    ctypes.memmove(name.data, raw, len(raw))


# --- calls -------------------------------------------------------------------------------------


def call(func: Func, store: Store, spec: Any, argument: Mapping[str, Any]) -> Any:
    """Call an export of one argument and one result; WasmtimeError on a trap."""
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

        def run(_env: Any, _store: Any, _type: Any, args: Any, n: int, out: Any, _m: int) -> int:
            try:
                value = function(*(lift(args[i]) for i in range(n)))
                if result is not None:
                    lower(result, value, out[0])
            except Exception as error:  # noqa: BLE001 - it ends the guest, not the host
                return _error(f"{error}" if isinstance(error, HostRefusal) else f"host: {error!r}")
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
