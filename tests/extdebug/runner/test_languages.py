"""Guests of other toolchains run here: each prints, logs and handles a refused call.

Python and JavaScript have tests of their own in wasm/; these are the others, and how the platform's
own samples are built.
"""

from pathlib import Path

import pytest
from wasmtime import wat2wasm

from extdebug.wire.events import Level, Output
from tests.extdebug.runner.javascript import (
    ALL_FEATURES,
    PLATFORM_WIT,
    adapt_module,
    build_javascript,
)
from tests.extdebug.runner.rust import build_rust
from tests.extdebug.runner.wasm.test_host import said
from tests.fixtures.runner import GUESTS, Bench

# The interface as this product published it first: a field more in `user-data`, one less in
# `user-data-v2`, no clients and no services.
OLDER_WIT = GUESTS / "wit-0.1.0" / "runner.wit"


@pytest.mark.parametrize("wit", [PLATFORM_WIT, OLDER_WIT], ids=["newest", "older"])
def test_a_core_module_adapted_to_either_interface_runs(bench: Bench, tmp_path: Path, wit: Path):
    module = tmp_path / "core_module.wasm"
    module.write_bytes(wat2wasm((GUESTS / "core_module.wat").read_text()))
    guest = bench.host.components.load(adapt_module(module, wit=wit).read_bytes())
    response = bench.run(guest, "/", request="r-core")
    assert (response.status, response.body) == (200, b"0"), "0 is user-error's not-available"
    assert said(bench) == [
        ("stdout", "info", "printed by a core module"),
        ("log", "warn", "logged by a core module"),
    ]


def test_a_guest_in_rust_runs(bench: Bench):
    guest = bench.host.components.load(build_rust(GUESTS / "core_module.rs").read_bytes())
    response = bench.run(guest, "/", request="r-rust")
    assert (response.status, response.body) == (201, b"user error 0")
    assert said(bench) == [
        ("stdout", "info", "printed by Rust"),
        ("stderr", "info", "INFO to stderr by Rust"),
        ("log", "info", "logged by Rust: grüße"),
    ]


def test_a_guest_without_stdio_is_heard_by_its_log_calls_alone(bench: Bench):
    """As the platform builds its samples: `jco componentize --disable all`."""
    path = build_javascript(GUESTS / "without_stdio.js", without=ALL_FEATURES)
    guest = bench.host.components.load(path.read_bytes())
    response = bench.run(guest, "/api", request="r-quiet")
    assert response.body == b'{"user":null,"clients":null,"service":null}'
    events = bench.events()
    assert {e.stream for e in events} == {Output.LOG}
    assert [(e.level, e.message) for e in events if not e.fields] == [
        (Level.INFO, "asked for /api in r-quiet"),
        (Level.WARN, "user: not-available"),
        (Level.WARN, "clients: not-allowed"),
        (Level.WARN, "service: not-allowed"),
    ]
