"""Values come out of the C structures as they went in."""

import ctypes
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wasmtime import _bindings as c

from extdebug.runner.wasm.abi import EXECUTE_REQUEST, headers
from extdebug.runner.wasm.component_values import (
    Bool,
    Bytes,
    Case,
    Enum,
    String,
    drop_resources,
    error_of,
    lift,
    list_of,
    lower,
    option,
    raw_text,
    record,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


def there_and_back(spec: Any, value: Any) -> Any:
    raw = c.wasmtime_component_val_t()
    lower(spec, value, raw)
    try:
        return lift(raw)
    finally:
        c.wasmtime_component_val_delete(ctypes.byref(raw))


@given(text=TEXT)
def test_text_is_unchanged_whatever_it_holds(text: str):
    assert there_and_back(String, text) == text
    assert there_and_back(option(String), text) == text


@given(data=st.binary(min_size=1, max_size=600))
def test_bytes_are_unchanged(data: bytes):
    assert there_and_back(Bytes, data) == data


def test_a_mebibyte_of_every_byte_is_unchanged():
    data = bytes(range(256)) * 4096
    assert there_and_back(Bytes, data) == data


@given(pairs=st.lists(st.tuples(TEXT, TEXT), max_size=5), body=st.none() | st.binary(min_size=1))
def test_a_whole_request_is_unchanged(pairs: list[tuple[str, str]], body: bytes | None):
    request = {
        "context": {
            "request_id": None, "tenant_id": "acme", "extension_id": "x", "install_id": "i",
            "version_id": None,
        },
        "http": {"method": "POST", "url": "/", "headers": headers(pairs), "body": body},
    }  # fmt: skip
    assert there_and_back(EXECUTE_REQUEST, request) == request


def test_nothing_and_empty_are_told_apart_where_the_wit_does():
    assert there_and_back(option(String), None) is None
    assert there_and_back(option(String), "") == ""
    assert there_and_back(list_of(String), []) == []


@pytest.mark.parametrize(
    ("spec", "value", "lifted"),
    [
        (Bool, True, True),
        (Bool, False, False),
        (Enum, "not-available", "not-available"),
        (Case, "HTTP-request-denied", ("HTTP-request-denied", None)),
        (error_of(Enum), "denied", ("err", "denied")),
        (error_of(Case), "HTTP-request-denied", ("err", ("HTTP-request-denied", None))),
        (error_of(String), "why", ("err", "why")),
        (error_of(None), None, ("err", None)),
    ],
)
def test_answers_of_refused_calls_are_what_the_wit_names(spec: Any, value: Any, lifted: Any):
    assert there_and_back(spec, value) == lifted


@pytest.mark.parametrize("spec", [String, option(String), error_of(Enum)])
def test_only_resources_are_given_back(spec: Any):
    raw = c.wasmtime_component_val_t()
    lower(spec, "kept", raw)
    drop_resources(None, raw)
    assert "kept" in str(lift(raw))
    c.wasmtime_component_val_delete(ctypes.byref(raw))


@pytest.mark.parametrize(
    ("spec", "value", "error"),
    [
        (String, 7, AttributeError),
        (record(name=String), {}, KeyError),
        (list_of(record(name=String, value=String)), [{"name": "a", "value": "b"}, {}], KeyError),
    ],
)
def test_a_value_that_does_not_fit_raises_and_leaves_what_can_be_freed(
    spec: Any, value: Any, error: type[Exception]
):
    raw = c.wasmtime_component_val_t()
    with pytest.raises(error):
        lower(spec, value, raw)
    c.wasmtime_component_val_delete(ctypes.byref(raw))


def test_the_text_of_a_value_is_its_bytes():
    raw = c.wasmtime_component_val_t()
    lower(String, "ü\x00", raw)
    assert raw_text(raw) == b"\xc3\xbc\x00"
    c.wasmtime_component_val_delete(ctypes.byref(raw))
