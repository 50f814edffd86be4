"""Loads components by content hash from one folder, compiles each once, keeps the latest."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wasmtime import Config, Engine, WasmtimeError
from wasmtime.component import Component

from extdebug.runner.wasm.execution import ComponentError, NotFound

KEPT: Final = 32  # compiled components in memory
_CORE_MODULE: Final = b"\0asm\1\0\0\0"  # a component's version has another layer
_HASH: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class LoadedComponent:
    """A compiled component and the hash of the bytes it came from."""

    component: Component
    content_hash: str


def content_hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def make_engine(cache: Path) -> Engine:
    """One engine for the process: interruptible by epoch and fuel, compiled code cached on disk."""
    config = Config()
    config.epoch_interruption = True
    config.consume_fuel = True
    folder = cache / "compiled"
    folder.mkdir(parents=True, exist_ok=True)
    settings = cache / "wasmtime.toml"
    wanted = f'[cache]\ndirectory = "{folder.resolve()}"\n'
    if not settings.exists() or settings.read_text() != wanted:
        settings.write_text(wanted)
    config.cache = str(settings)
    return Engine(config)


class Components:
    """Loads by hash, never by path or URL: what a caller may run is what lies in the folder."""

    def __init__(self, engine: Engine, *, folder: Path | None) -> None:
        self._engine = engine
        self._folder = folder
        self._lock = threading.Lock()
        self._loading: dict[str, threading.Lock] = {}
        self._kept: OrderedDict[str, LoadedComponent] = OrderedDict()

    def kept(self, name: str) -> LoadedComponent | None:
        """The component of that hash if it is compiled already; never waits for long."""
        match = _HASH.fullmatch(name.lower())
        with self._lock:
            kept = self._kept.get(match[1]) if match else None
            if kept is not None:
                self._kept.move_to_end(kept.content_hash)
            return kept

    def get(self, name: str) -> LoadedComponent:
        """NotFound unless `<hash>.wasm` lies in the folder; ComponentError if it is not sound."""
        match = _HASH.fullmatch(name.lower())
        if match is None:
            raise NotFound("expected the SHA-256 of a component in hexadecimal")
        digest = match[1]
        with self._lock:
            kept = self._kept.get(digest)
            if kept is not None:
                self._kept.move_to_end(digest)
                return kept
            loading = self._loading.setdefault(digest, threading.Lock())
        try:
            with loading:  # one compilation however many requests wait for it
                with self._lock:
                    kept = self._kept.get(digest)
                return kept or self.load(self._read(digest), expected=digest)
        finally:
            with self._lock:
                self._loading.pop(digest, None)

    def load(self, data: bytes, *, expected: str | None = None) -> LoadedComponent:
        """Compile and keep a component given as bytes."""
        digest = content_hash(data)
        if expected is not None and digest != expected:
            raise ComponentError(f"the file of component {expected} holds other bytes ({digest})")
        if data.startswith(_CORE_MODULE):
            raise ComponentError(
                "this is a core WebAssembly module, not a component: give it its world and the "
                "adapter of WASI preview 1 (docs/extension-authors.md has the script)"
            )
        try:
            component = Component(self._engine, data)
        except (WasmtimeError, TypeError) as error:
            raise ComponentError(f"not a component this runner can compile: {error}") from error
        loaded = LoadedComponent(component, digest)
        with self._lock:
            self._kept[digest] = loaded
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return loaded

    def _read(self, digest: str) -> bytes:
        if self._folder is None:
            raise NotFound("RUNNER_COMPONENTS_DIR is not set: this runner has no components")
        try:
            return (self._folder / f"{digest}.wasm").read_bytes()
        except OSError as error:
            raise NotFound(f"no component {digest} on this runner") from error
