"""The command line as other processes use it, and what the runner must never import."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from extdebug.runner.wasm.build import build_guest
from tests.extdebug.runner.ledger import read_stream
from tests.fixtures.programs import wait_until

RUNNER = [sys.executable, "-m", "extdebug.runner"]
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
importlib.import_module("extdebug.hub.runner_client")
"""


def environment(url: str | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RUNNER_")}
    return {**kept, "RUNNER_DEBUG_REDIS_URL": url} if url else kept


def test_the_runner_imports_without_django():
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.redis
def test_the_demo_fills_both_tenants_streams_and_ends_cleanly_on_sigterm(redis_server):
    build_guest()
    child = subprocess.Popen(
        [*RUNNER, "demo", "--tenant-install", "acme:inst-acme", "--tenant-install",
         "globex:inst-globex", "--extension", "invoice-sync", "--rate", "20"],
        env=environment(redis_server.url), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip

    def streams() -> list:
        with redis_server.client() as client:
            return [
                read_stream(
                    client,
                    f"ext-debug:{tenant}:invoice-sync",
                    tenant=tenant,
                    extension="invoice-sync",
                )
                for tenant in ("acme", "globex")
            ]

    def shown() -> bool:
        """Which requests come is chance: wait for some that fail, too."""
        both = streams()
        outputs = {event.stream for stream in both for event, _ in stream}
        return min(map(len, both)) > 100 and len(outputs) == 3

    try:
        wait_until(shown, seconds=60, what="events of both, of every output")
    finally:
        child.send_signal(signal.SIGTERM)
        _, err = child.communicate(timeout=20)
    assert child.returncode == 0, err
    assert "panicked" not in err
    events = [event for stream in streams() for event, _ in stream]
    assert {event.install_id for event in events} == {"inst-acme", "inst-globex"}
    assert len({event.stream for event in events}) == 3
    assert len({event.request_id for event in events}) > 5


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
