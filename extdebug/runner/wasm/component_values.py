"""Component values between C and Python: lifted by the kinds they carry, lowered by a spec.

The C structures are wasmtime-py's; the version is pinned. Its own conversions ask for a function's
type on each call (tens of microseconds) and share a module-wide cache between threads.
"""

from __future__ import annotations

import ctypes
from typing import Any, Final

from wasmtime import _bindings as c

_U8, _CHAR, _STRING, _LIST, _RECORD, _TUPLE = 2, 11, 12, 13, 14, 15
_VARIANT, _ENUM, _OPTION, _RESULT, _FLAGS, _RESOURCE = 16, 17, 18, 19, 20, 21
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


# --- types of what we lower --------------------------------------------------------------------

String: Final = "string"
Bytes: Final = "list<u8>"
Bool: Final = "bool"
Enum: Final = "enum"  # the value is the case's name
Case: Final = "case"  # of a variant, one that carries nothing


def option(spec: Any) -> tuple[str, Any]:
    return ("option", spec)


def list_of(spec: Any) -> tuple[str, Any]:
    return ("list", spec)


def error_of(spec: Any) -> tuple[str, Any]:
    """A `result` that is an error; the value is the error's, None for one that carries nothing."""
    return ("error", spec)


def record(**fields: Any) -> tuple[str, tuple[tuple[str, str, Any], ...]]:
    """Fields in the WIT's order; `_` in a Python name is `-` in the WIT."""
    return ("record", tuple((name, name.replace("_", "-"), spec) for name, spec in fields.items()))


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


def drop_resources(context: Any, value: Any) -> None:
    """Give back the resources that a guest handed over with an argument, or with an option of one:
    the host's table would keep them as long as the store lives."""
    if value.kind == _OPTION and value.of.option:
        value = value.of.option.contents
    if value.kind == _RESOURCE:
        error: Any = c.wasmtime_component_resource_any_drop(context, value.of.resource)
        if error:  # a null pointer is false
            c.wasmtime_error_delete(error)


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
    kind, inner = spec if isinstance(spec, tuple) else (spec, None)
    if kind == Bool:
        out.kind, out.of.boolean = 0, value
    elif kind == Enum:
        out.kind = _ENUM
        _set_name(out.of.enumeration, value)
    elif kind == Case:
        out.kind = _VARIANT
        out.of.variant.val = None
        _set_name(out.of.variant.discriminant, value)
    elif kind in ("error", "option"):
        payload = None
        if value is not None:
            raw = _Val()
            lower(inner, value, raw)
            payload = c.wasmtime_component_val_new(ctypes.byref(raw))
        if kind == "option":
            out.kind, out.of.option = _OPTION, payload
        else:
            out.kind, out.of.result.is_ok, out.of.result.val = _RESULT, False, payload
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
