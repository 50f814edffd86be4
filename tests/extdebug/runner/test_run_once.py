"""`run`: a component executed once or many times, its answer on stdout."""

import json
import subprocess
from typing import Any

from extdebug.runner.wasm.build import build_guest
from tests.extdebug.runner.test_main import RUNNER, environment


def test_run_executes_a_component_and_prints_its_answer():
    done = subprocess.run(
        [*RUNNER, "run", str(build_guest()), "--tenant", "acme", "--extension", "invoice-sync",
         "--url", "/fail", "--request-id", "r-1"],
        env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    answer = json.loads(done.stdout)
    assert (answer["status"], answer["request_id"], answer["failed"]) == (500, "r-1", 0)
    assert "LedgerMismatch" in done.stderr
    assert done.returncode == 0


def run(*options: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [*RUNNER, "run", str(build_guest()), "--tenant", "acme", "--extension", "invoice-sync",
         *options],
        env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout)


def test_many_executions_are_counted_and_each_is_a_request_of_its_own():
    code, answer = run("--url", "/sync", "--count", "4", "--concurrency", "2", "--request-id", "r")
    assert (code, answer["executions"], answer["failed"]) == (0, 4, 0)
    assert answer["request_id"] in {"r-0", "r-1", "r-2", "r-3"}


def test_a_guest_that_traps_is_a_failure():
    code, answer = run("--url", "/crash", "--request-id", "r-1")
    assert (code, answer["failed"]) == (1, 1)
    assert answer["error"]
