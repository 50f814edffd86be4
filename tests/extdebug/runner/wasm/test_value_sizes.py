"""Elements are counted wherever they lie, and no further than needed."""

from typing import Any

import pytest
from wasmtime import _bindings as c

from extdebug.runner.wasm import abi
from extdebug.runner.wasm.abi import HostRefusal
from extdebug.runner.wasm.component_values import (
    Bytes,
    String,
    list_of,
    lower,
    option,
    record,
)
from extdebug.runner.wasm.value_sizes import MOST_ELEMENTS, elements

PAIR = record(name=String, value=option(list_of(String)))


@pytest.mark.parametrize(
    ("spec", "value", "count"),
    [
        (String, "x" * 100_000, 0),
        (Bytes, bytes(100_000), 0),
        (list_of(String), [], 0),
        (list_of(String), ["a"] * 3, 3),
        (option(list_of(String)), None, 0),
        (list_of(PAIR), [{"name": "", "value": ["a", "b"]}, {"name": "", "value": None}], 4),
    ],
)
def test_each_element_counts_but_bytes(spec: Any, value: Any, count: int):
    made = c.wasmtime_component_val_t()
    lower(spec, value, made)
    assert elements(made) == count


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        (list_of(String), [""] * (MOST_ELEMENTS + 1)),
        (list_of(list_of(String)), [[""] * 70] * 70),
        (record(a=option(list_of(String))), {"a": [""] * (MOST_ELEMENTS + 1)}),
    ],
    ids=["one list", "lists in a list", "deeper"],
)
def test_more_than_may_be_taken_is_refused(spec: Any, value: Any):
    made = c.wasmtime_component_val_t()
    lower(spec, value, made)
    assert elements(made) > MOST_ELEMENTS
    with pytest.raises(HostRefusal, match="at most 4,096 are taken"):
        abi._check_size(made)


def test_the_count_ends_soon_after_the_bound():
    made = c.wasmtime_component_val_t()
    lower(list_of(list_of(String)), [[""] * 4000] * 20, made)
    assert elements(made) < 3 * MOST_ELEMENTS
