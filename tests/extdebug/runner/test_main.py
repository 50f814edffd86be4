"""The command line as other processes use it, and what the runner must never import."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

RUNNER: Final = [sys.executable, "-m", "extdebug.runner"]
BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("django", "channels", "daphne"):
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Blocked())
import importlib, pathlib, extdebug.runner
for file in sorted(pathlib.Path(extdebug.runner.__path__[0]).glob("*.py")):
    if file.stem not in ("__init__", "__main__"):
        importlib.import_module(f"extdebug.runner.{file.stem}")
importlib.import_module("extdebug.runner.__main__")
"""


def environment(url: str | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RUNNER_")}
    return {**kept, "RUNNER_DEBUG_REDIS_URL": url} if url else kept


def test_the_runner_imports_without_django():
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("argv", "extra", "words"),
    [
        (["run", "/no/such.wasm", "--tenant", "a", "--extension", "b"], {}, "no such"),
        (["demo", "--tenant-install", "acme", "--extension", "x"], {}, "TENANT:INSTALL"),
        (["serve"], {"RUNNER_PORT": "lots"}, "RUNNER_PORT"),
        (["serve"], {"RUNNER_HOST": "0.0.0.0"}, "RUNNER_AUTH_TOKEN"),
        (["serve"], {}, "RUNNER_AUTH_TOKEN"),
    ],
)
def test_wrong_usage_is_told_in_one_line(argv, extra, words, tmp_path: Path):
    done = subprocess.run(
        [*RUNNER, *argv], env={**environment(), **extra}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode in (1, 2)
    assert words.lower() in done.stderr.lower()
    assert "Traceback" not in done.stderr
