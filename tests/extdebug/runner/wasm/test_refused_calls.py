"""Each answer that a function's own type offers for a refusal, and types that offer none."""

from typing import Any

import pytest
from wasmtime import Engine
from wasmtime.component import Component, ComponentInstanceType, FuncType

from extdebug.runner.wasm.components import make_engine
from extdebug.runner.wasm.refused_calls import answer_of


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return make_engine(tmp_path_factory.mktemp("cache"))


def function(engine: Engine, types: str, result: str) -> FuncType:
    """The type of a function whose result is `result`, after the type definitions of `types`."""
    named = f"(result {result})" if result else ""
    text = f'(component (import "a:b/c" (instance {types} (export "f" (func {named})))))'
    interface = Component(engine, text).type.imports(engine)["a:b/c"].ty
    assert isinstance(interface, ComponentInstanceType)
    found = interface.exports(engine)["f"].ty
    assert isinstance(found, FuncType)
    return found


def enum(*cases: str) -> str:
    names = " ".join(f'"{case}"' for case in cases)
    return f'(type $x (enum {names})) (export "x" (type $e (eq $x)))'


RECORD = (
    '(type $x (record (field "success" bool) (field "id" (option u64))'
    ' (field "error" (option string)))) (export "x" (type $e (eq $x)))'
)
VARIANT = (
    '(type $x (variant (case "DNS-timeout") (case "denied" u8) (case "HTTP-request-denied")))'
    ' (export "x" (type $e (eq $x)))'
)


@pytest.mark.parametrize(
    ("types", "result", "value"),
    [
        (enum("missing", "conflict", "denied", "internal"), "(result u32 (error $e))", "denied"),
        (enum("invalid-url", "not-allowed", "denied"), "(result (error $e))", "not-allowed"),
        (enum("not-allowed", "not-available"), "(result string (error $e))", "not-available"),
        (VARIANT, "(result u32 (error $e))", "HTTP-request-denied"),
        ("", "(result u32)", None),
        ("", "(result u32 (error string))", "this runner does not provide a:b/c.f"),
    ],
)
def test_an_error_is_the_case_that_means_a_refusal(
    engine: Engine, types: str, result: str, value: Any
):
    answer = answer_of("a:b/c.f", function(engine, types, result))
    assert answer is not None
    assert answer.spec[0] == "error"
    assert answer.value == value
    assert str(value) in answer.words or "with an error" in answer.words


def test_a_record_of_success_says_that_there_was_none_and_why(engine: Engine):
    answer = answer_of("a:b/c.f", function(engine, RECORD, "$e"))
    assert answer is not None
    assert answer.value == {
        "success": False, "id": None, "error": "this runner does not provide a:b/c.f",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("types", "result"),
    [
        ("", ""),
        ("", "u32"),
        ("", "(list string)"),
        (enum("full", "stuck"), "(result u32 (error $e))"),
        ("", "(result u32 (error u8))"),
        (RECORD.replace('"error" (option string)', '"why" string'), "$e"),
        (RECORD.replace('"error" (option string)', '"error" (option u8)'), "$e"),
        (RECORD.replace('"success" bool', '"done" bool'), "$e"),
    ],
)
def test_where_no_answer_would_be_true_there_is_none(engine: Engine, types: str, result: str):
    assert answer_of("a:b/c.f", function(engine, types, result)) is None


def test_without_access_there_are_no_secrets_to_name(engine: Engine):
    kind = function(engine, "", "(list string)")
    answer = answer_of("alga:extension/secrets.list-keys", kind)
    assert answer is not None
    assert answer.value == []
