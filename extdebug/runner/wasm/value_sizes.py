"""How many elements a component value holds: asked before any of them becomes a Python object."""

from __future__ import annotations

from typing import Any, Final

# Lifting an element takes microseconds, and no time limit reaches what the host does.
MOST_ELEMENTS: Final = 4096

_U8, _LIST, _RECORD, _TUPLE, _VARIANT = 2, 13, 14, 15, 16
_OPTION, _RESULT = 18, 19


def elements(value: Any) -> int:
    """Elements of all lists in the C value but those of bytes; it stops counting soon after
    MOST_ELEMENTS."""
    kind = value.kind
    if kind == _LIST:
        part = value.of.list
        size = int(part.size)
        if not size or part.data[0].kind == _U8:
            return 0
        if size > MOST_ELEMENTS:
            return size
        return size + _among(part.data[i] for i in range(size))
    if kind == _RECORD:
        part = value.of.record
        return _among(part.data[i].val for i in range(part.size))
    if kind == _TUPLE:
        part = value.of.tuple
        return _among(part.data[i] for i in range(part.size))
    if kind == _OPTION:
        return elements(value.of.option.contents) if value.of.option else 0
    if kind in (_VARIANT, _RESULT):
        inner = value.of.variant.val if kind == _VARIANT else value.of.result.val
        return elements(inner.contents) if inner else 0
    return 0


def _among(values: Any) -> int:
    count = 0
    for value in values:
        count += elements(value)
        if count > MOST_ELEMENTS:
            break
    return count
