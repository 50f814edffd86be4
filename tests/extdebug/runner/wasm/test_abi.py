"""Host and guest call each other; what a host function raises is the guest's trap."""

from collections.abc import Callable
from pathlib import Path

import pytest
from wasmtime import Engine, Store, WasmtimeError
from wasmtime.component import Component, Linker

from extdebug.runner.wasm.abi import HostRefusal, Imports, call, headers
from extdebug.runner.wasm.component_values import Bool
from extdebug.runner.wasm.components import make_engine

# `go` hands its argument to the host's `f` and answers what that answers.
THROUGH = """(component
  (import "a:b/c" (instance $i (export "f" (func (param "x" bool) (result bool)))))
  (core func $f (canon lower (func $i "f")))
  (core module $m
    (import "i" "f" (func $f (param i32) (result i32)))
    (func (export "go") (param i32) (result i32) (call $f (local.get 0))))
  (core instance $c (instantiate $m (with "i" (instance (export "f" (func $f))))))
  (func (export "go") (param "x" bool) (result bool) (canon lift (core func $c "go"))))"""


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return make_engine(tmp_path)


def go(engine: Engine, function: Callable[..., object], argument: bool) -> object:
    component = Component(engine, THROUGH)
    linker = Linker(engine)
    imports = Imports()
    with linker.root() as root, root.add_instance("a:b/c") as instance:
        imports.define(instance, "f", function, result=Bool)
    store = Store(engine)
    store.set_fuel(1_000_000)
    store.set_epoch_deadline(1_000)
    export = component.get_export_index("go")
    assert export is not None
    exported = linker.instantiate(store, component).get_func(store, export)
    assert exported is not None
    return call(exported, store, Bool, argument)  # type: ignore[arg-type] # it lowers any value


@pytest.mark.parametrize("argument", [True, False])
def test_values_pass_both_ways(engine: Engine, argument: bool):
    assert go(engine, lambda x: not x, argument) is not argument


def test_a_refusal_is_the_trap_in_its_own_words(engine: Engine):
    def refuse(_: bool) -> bool:
        raise HostRefusal("this runner does not provide it")

    with pytest.raises(WasmtimeError, match="this runner does not provide it"):
        go(engine, refuse, True)


def test_a_fault_of_the_host_ends_the_guest_and_says_that_it_was_the_host(engine: Engine):
    def fail(_: bool) -> bool:
        raise ZeroDivisionError("of ours")

    with pytest.raises(WasmtimeError, match=r"host: ZeroDivisionError"):
        go(engine, fail, True)


def test_headers_are_records_in_their_order():
    assert headers([("a", "1"), ("a", "2")]) == [
        {"name": "a", "value": "1"}, {"name": "a", "value": "2"},
    ]  # fmt: skip
