"""Guests built with npm's tools, in the runner's cache and not in git.

JavaScript by componentize-js; core modules are made into components by jco.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Final

from extdebug.runner.wasm.build import WIT
from tests.files import ROOT
from tests.fixtures.npm import cache, installed
from tests.fixtures.programs import need

PACKAGE: Final = "@bytecodealliance/componentize-js@0.23.0"  # brings jco 1.35 along
PLATFORM_WIT: Final = WIT / "deps" / "alga-extension" / "runner.wit"
# What `jco componentize --disable all` leaves out: the guest has no WASI at all.
ALL_FEATURES: Final = ("random", "stdio", "clocks", "http", "fetch-event")
_SCRIPT: Final = """
import { componentize } from '@bytecodealliance/componentize-js';
import { readFile, writeFile } from 'node:fs/promises';
const [source, witPath, worldName, target, ...disableFeatures] = process.argv.slice(2);
const text = await readFile(source, 'utf8');
const { component } = await componentize(text, { witPath, worldName, disableFeatures });
await writeFile(target, component);
"""


def build_javascript(source: Path, *, without: tuple[str, ...] = ()) -> Path:
    """The component of a JavaScript guest of world alga:extension/runner, cached by its content;
    `without` some features of componentize-js.

    Skips the test without node, npm or its package; with them, anything that fails is a failure.
    """
    return _built(source, _SCRIPT, PLATFORM_WIT, "runner", without=without)


def adapt_module(module: Path, *, wit: Path = PLATFORM_WIT) -> Path:
    """The component of a core module that imports WASI preview 1 and the functions of `wit`."""
    page = (ROOT / "docs/extension-authors.md").read_text()  # has the script
    (script,) = [block for block in page.split("```js\n") if "componentEmbed" in block]
    return _built(module, script.partition("```")[0], wit)


def _built(
    source: Path, script: str, wit: Path, *world: str, without: tuple[str, ...] = ()
) -> Path:
    node = need("node", package="nodejs")
    digest = hashlib.sha256(source.read_bytes() + PACKAGE.encode() + script.encode())
    digest.update(wit.read_bytes() + " ".join(without).encode())
    target = cache() / "guests" / f"{source.stem}-js-{digest.hexdigest()[:16]}.wasm"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = installed(PACKAGE)
    build = folder / f"build-{digest.hexdigest()[:16]}.mjs"
    build.write_text(script)
    built = target.with_suffix(f".{os.getpid()}")
    command = [node, build.name, str(source.resolve()), str(wit), *world, str(built), *without]
    _run(command, folder)
    built.replace(target)
    return target


def _run(command: list[str], folder: Path) -> None:
    result = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, f"{command[:3]}: {(result.stderr or result.stdout)[-2000:]}"
