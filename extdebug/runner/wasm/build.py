"""Builds Python guests into components, kept under a digest of everything that went in.

The cache lies outside the source tree (RUNNER_CACHE_DIR); deleting it only costs time.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from extdebug.runner.config import default_cache
from extdebug.runner.declared import CACHE_DIR
from extdebug.wire.environment.setting import Environment

HERE: Final = Path(__file__).parent
WIT: Final = HERE / "wit"
DEMO_GUEST: Final = HERE / "guests" / "invoice_sync.py.txt"
OUR_WORLD: Final = "ext-debug:guest/guest@1.0.0"
PLATFORM_WORLD: Final = "alga:extension/runner"
# Generous: the build took 10 s on 2 busy cores.
BUILD_TIMEOUT: Final = 300

Progress = Callable[[str], None]


class BuildError(Exception):
    """A guest could not be built; the message ends with what the compiler said."""


def build_guest(
    source: Path = DEMO_GUEST,
    *,
    world: str = OUR_WORLD,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """The component of a Python guest, built with componentize-py unless it already was.

    `world` is OUR_WORLD (the platform's with a structured log call) or PLATFORM_WORLD. BuildError
    when the source cannot be read or compiled.
    `progress` gets one line before a build and one after it; nothing when the cache has it.
    """
    try:
        data = source.read_bytes()
    except OSError as error:
        raise BuildError(f"{source}: {error.strerror}") from error
    folder = (cache or _cache()) / "guests"
    name = source.name.partition(".")[0]
    target = folder / f"{name}-{_digest(data, world)}.wasm"
    if target.exists():
        return target
    if progress:
        progress(f"building the guest {name} (about 10 s, once)")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        module = Path(scratch) / f"{name}.py"
        module.write_bytes(data)
        wit = WIT if world == OUR_WORLD else WIT / "deps" / "alga-extension"
        built = Path(scratch) / "guest.wasm"
        command = [
            sys.executable, "-c", "from componentize_py import script; script()",
            "-d", str(wit), "-w", world,
            "componentize", "-p", scratch, name, "-o", str(built),
        ]  # fmt: skip
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=BUILD_TIMEOUT, check=False,
            # Its own backtrace would push the guest's error out of what is shown below.
            env={**os.environ, "RUST_BACKTRACE": "0", "RUST_LIB_BACKTRACE": "0"},
        )  # fmt: skip
        if result.returncode or not built.exists():
            said = (result.stderr or result.stdout).strip()[-2000:]
            raise BuildError(f"componentize-py could not build {source}: {said}")
        _keep_first(built, target)
    if progress:
        progress(f"built {target.name} ({target.stat().st_size / 1e6:.0f} MB)")
    return target


def _keep_first(built: Path, target: Path) -> None:
    """Another process may have built the same guest meanwhile, with other bytes, and know it by
    these: two builds of one source differ."""
    try:
        target.hardlink_to(built)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        built.replace(target)


def _cache() -> Path:
    return Environment(os.environ).read(CACHE_DIR) or default_cache()


def _digest(data: bytes, world: str) -> str:
    digest = hashlib.sha256(data)
    digest.update(world.encode())
    try:
        digest.update(importlib.metadata.version("componentize-py").encode())
    except importlib.metadata.PackageNotFoundError:
        raise BuildError(
            "componentize-py is not installed; it comes with: pip install -e '.[demo]'"
        ) from None
    for wit in sorted(WIT.rglob("*.wit")):
        digest.update(wit.read_bytes())
    return digest.hexdigest()[:16]
