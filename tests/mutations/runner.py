"""Plants one fault at a time in a copy of the tree and runs the tests that must notice it."""

from __future__ import annotations

import compileall
import os
import py_compile
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
# Enough for tests that ask for none of our fixtures: most of the core's. Without Django and the
# fixtures' imports a run takes 0.6 s of CPU in place of 2.2 s.
BARE: Final = """\
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
timeout = 120
filterwarnings = error
markers =
    redis: needs a redis-server binary
    postgres: needs the PostgreSQL server binaries
"""
COPIED: Final = (
    "audit", "config", "extdebug", "policies", "templates", "tests", "pyproject.toml",
)  # fmt: skip
FIXTURE_MISSING: Final = "' not found\n>       available fixtures:"
LONGEST: Final = 120  # seconds for the tests of one fault


@dataclass(frozen=True, slots=True)
class Mutation:
    """`old` stands once in `file` and becomes `new`; `tests` are arguments to pytest."""

    name: str
    file: str
    old: str
    new: str
    tests: str


def copy_tree(folder: Path) -> Path:
    """A copy to plant faults in. Everything that the tests of the list need, and no caches."""
    folder.mkdir(exist_ok=True)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    (folder / "bare.ini").write_text(BARE)
    # Bytecode that is checked against the source's content: a fault is never missed, and what no
    # fault is in is not compiled again by each run.
    compileall.compile_dir(
        folder, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH
    )
    return folder


def run_tests(tree: Path, tests: str, *, bare: bool) -> subprocess.CompletedProcess[str]:
    """These tests in that tree, up to the first that fails."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    # All of these tests, whatever share of them the run itself makes.
    for name in ("PYTEST_XDIST_WORKER", "PYTHONDONTWRITEBYTECODE", "TESTED_ON"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    command += ["-p", "tests.mutations.no_smallest_example"]
    if bare:
        command += ["-c", "bare.ini", "--noconftest", "-p", "no:django", "-p", "no:xdist"]
    return subprocess.run(
        [*command, *shlex.split(tests)],
        cwd=tree, env=environment, capture_output=True, text=True, timeout=LONGEST, check=False,
    )  # fmt: skip


def noticed(tree: Path, mutation: Mutation) -> str:
    """Empty when a test failed; else what happened instead."""
    path = tree / mutation.file
    source = path.read_text()
    if source.count(mutation.old) != 1:
        return f"{mutation.file} has {source.count(mutation.old)} times: {mutation.old!r}"
    path.write_text(source.replace(mutation.old, mutation.new))
    try:
        done = run_tests(tree, mutation.tests, bare=True)
        if done.returncode != 1 or FIXTURE_MISSING in done.stdout:
            done = run_tests(tree, mutation.tests, bare=False)
    except subprocess.TimeoutExpired:
        return ""  # it hangs: a test run of ours would end by its own time limit
    finally:
        path.write_text(source)
    if done.returncode == 1:
        return ""
    return f"pytest ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-1000:]}"
