import os
import signal
import subprocess
import sys
import time

import pytest

from extdebug.runner.publish.local_log import escape
from tests.extdebug.runner.ledger import read_stream
from tests.fixtures.programs import wait_until

pytestmark = pytest.mark.redis
BASE = [sys.executable, "-m", "extdebug.runner", "wrap", "--tenant", "acme", "--extension", "tool"]


def start(redis_server, *argv: str, options: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*BASE, *options, "--", *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "RUNNER_DEBUG_REDIS_URL": redis_server.url},
    )


def events(redis_server) -> list:
    with redis_server.client() as client:
        return [
            e
            for e, _ in read_stream(client, "ext-debug:acme:tool", tenant="acme", extension="tool")
        ]


def test_exit_code_output_and_lines_pass_through(redis_server):
    script = "printf 'a\\nno end'; printf 'err\\n' >&2; exit 7"
    child = start(
        redis_server, "sh", "-c", script, options=("--request-id", "r-1", "--install", "i-1")
    )
    out, err = child.communicate(timeout=20)
    assert (child.returncode, out, err) == (7, b"a\nno end", b"err\n")
    read = events(redis_server)
    assert {(e.stream.value, e.message) for e in read} == {
        ("stdout", "a"), ("stdout", "no end"), ("stderr", "err"),
    }  # fmt: skip
    assert {(e.request_id, e.install_id) for e in read} == {("r-1", "i-1")}


def test_binary_output_is_not_touched(redis_server):
    child = start(
        redis_server,
        sys.executable,
        "-c",
        "import sys; sys.stdout.buffer.write(bytes(range(256))*500)",
    )
    out, _ = child.communicate(timeout=20)
    assert out == bytes(range(256)) * 500


def test_lines_are_published_while_the_command_runs_and_signals_reach_it(redis_server):
    script = (
        "import signal,sys,time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('got it', flush=True), sys.exit(3)))\n"
        "print('ready', flush=True)\n"
        "time.sleep(30)"
    )
    child = start(redis_server, sys.executable, "-c", script)
    wait_until(lambda: [e.message for e in events(redis_server)] == ["ready"], what="the line")
    child.send_signal(signal.SIGTERM)
    out, _ = child.communicate(timeout=20)
    assert (child.returncode, out) == (3, b"ready\ngot it\n")
    assert [e.message for e in events(redis_server)] == ["ready", "got it"]


def test_a_command_killed_by_a_signal_says_which(redis_server):
    child = start(redis_server, "sh", "-c", "kill -9 $$")
    child.communicate(timeout=20)
    assert child.returncode == 128 + 9


@pytest.mark.parametrize(("argv", "code"), [((), 2), (("/no/such/program",), 127)])
def test_what_cannot_run_says_so(redis_server, argv, code):
    child = start(redis_server, *argv)
    _, err = child.communicate(timeout=20)
    assert child.returncode == code
    assert escape(err.decode()).startswith("wrap: ")


def test_without_redis_the_command_still_runs_untouched():
    env = {k: v for k, v in os.environ.items() if k != "RUNNER_DEBUG_REDIS_URL"}
    started = time.monotonic()
    done = subprocess.run(
        [*BASE, "--", "echo", "hi"], capture_output=True, env=env, timeout=20, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"hi\n")
    assert time.monotonic() - started < 10
