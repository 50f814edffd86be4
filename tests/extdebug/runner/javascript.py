"""JavaScript guests for the tests: componentize-js from npm, in the runner's cache, not in git."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Final

from extdebug.runner.config import default_cache
from extdebug.runner.wasm.build import WIT
from tests.fixtures.programs import need

PACKAGE: Final = "@bytecodealliance/componentize-js@0.23.0"
_SCRIPT: Final = """
import { componentize } from '@bytecodealliance/componentize-js';
import { readFile, writeFile } from 'node:fs/promises';
const [source, witPath, worldName, target] = process.argv.slice(2);
const { component } = await componentize(await readFile(source, 'utf8'), { witPath, worldName });
await writeFile(target, component);
"""


def build_javascript(source: Path) -> Path:
    """The component of a JavaScript guest of world alga:extension/runner, cached by its content.

    Skips the test without node and npm; with them, anything that fails is a failure.
    """
    node = need("node", package="nodejs")
    npm = need("npm", package="npm")
    cache = Path(os.environ.get("RUNNER_CACHE_DIR") or default_cache())
    wit = WIT / "deps" / "alga-extension"
    digest = hashlib.sha256(source.read_bytes() + PACKAGE.encode() + _SCRIPT.encode())
    for file in sorted(wit.glob("*.wit")):
        digest.update(file.read_bytes())
    target = cache / "guests" / f"{source.stem}-js-{digest.hexdigest()[:16]}.wasm"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = cache / "componentize-js-0.23.0"
    folder.mkdir(exist_ok=True)
    if not (folder / "node_modules").exists():
        (folder / "package.json").write_text('{"private": true, "type": "module"}')
        _run([npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", PACKAGE], folder)
    (folder / "build.mjs").write_text(_SCRIPT)
    built = target.with_suffix(f".{os.getpid()}")
    _run([node, "build.mjs", str(source.resolve()), str(wit), "runner", str(built)], folder)
    built.replace(target)
    return target


def _run(command: list[str], folder: Path) -> None:
    result = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, f"{command[:3]}: {(result.stderr or result.stdout)[-2000:]}"
