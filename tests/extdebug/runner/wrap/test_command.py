"""The command line as a whole, against a real redis-server, pipes, terminals and signals."""

import os
import pty
import signal
import subprocess
import sys
import time
from typing import Any, Final

import pytest

from extdebug.runner.publish.local_log import escape
from extdebug.runner.wrap.command import LEFT_BEHIND, NOT_PUBLISHED, summary
from extdebug.wire.events import Event
from extdebug.wire.executions import STARTED
from tests.extdebug.runner.ledger import read_stream
from tests.fixtures.programs import free_port, wait_until

pytestmark = pytest.mark.redis
BASE: Final = [
    sys.executable, "-m", "extdebug.runner", "wrap", "--tenant", "acme", "--extension", "tool",
]  # fmt: skip


def command(*argv: str, options: tuple[str, ...] = ()) -> list[str]:
    return [*BASE, *options, "--", *argv]


def environment(redis: Any, **more: str) -> dict[str, str]:
    """`redis` is a server or a URL."""
    url = redis if isinstance(redis, str) else redis.url
    return {**os.environ, "RUNNER_DEBUG_REDIS_URL": url, "RUNNER_DEBUG_FLUSH_TIMEOUT": "1", **more}


def start(
    redis: Any, *argv: str, options: tuple[str, ...] = (), **env: str
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(*argv, options=options),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(redis, **env),
    )


def run(redis: Any, *argv: str, options: tuple[str, ...] = (), **env: str) -> tuple[int, str, str]:
    child = start(redis, *argv, options=options, **env)
    out, err = child.communicate(timeout=30)
    return child.returncode, out.decode(), err.decode()


def read(redis_server: Any) -> list:
    with redis_server.client() as client:
        return read_stream(client, "ext-debug:acme:tool", tenant="acme", extension="tool")


def events(redis_server: Any) -> list[Event]:
    """What the command printed, and what wrap said of it but for its beginning and end."""
    return [event for event, _ in read(redis_server) if event.execution is None]


def outcomes(redis_server: Any) -> list[str | None]:
    """The executions that were told: None for a beginning, and the outcome of an end."""
    told = [event.execution for event, _ in read(redis_server)]
    return [execution.outcome for execution in told if execution is not None]


def messages(redis_server: Any) -> list[str]:
    return [event.message for event in events(redis_server)]


def test_exit_code_output_and_lines_pass_through(redis_server):
    script = "printf 'a\\nno end'; printf 'err\\n' >&2; exit 7"
    options = ("--request-id", "r-1", "--install", "i-1")
    assert run(redis_server, "sh", "-c", script, options=options) == (7, "a\nno end", "err\n")
    said = events(redis_server)
    assert {(e.stream.value, e.message) for e in said} == {
        ("stdout", "a"), ("stdout", "no end"), ("stderr", "err"),
    }  # fmt: skip
    whole = [event for event, _ in read(redis_server)]
    assert {(e.request_id, e.install_id) for e in whole} == {("r-1", "i-1")}
    assert (whole[0].message, whole[0].execution) == ("sh started", STARTED)
    ended = whole[-1].execution
    assert ended is not None
    assert (ended.phase, ended.outcome) == ("end", "exit_7")
    assert ended.duration_ms is not None


def test_binary_output_is_not_touched(redis_server):
    script = "import sys; sys.stdout.buffer.write(bytes(range(256))*500)"
    out, _ = start(redis_server, sys.executable, "-c", script).communicate(timeout=20)
    assert out == bytes(range(256)) * 500


def test_a_slow_reader_gets_everything_and_what_is_not_shown_is_stated(redis_server):
    # shell: the pipe and the sleep are what is tried
    whole = " ".join(command("seq", "1", "30000")) + " | (sleep 2; wc -l)"
    done = subprocess.run(
        whole, shell=True, capture_output=True, env=environment(redis_server), timeout=30,
        check=True,
    )  # fmt: skip
    assert done.stdout.strip() == b"30000"
    shown = [origin.n for _, origin in read(redis_server) if origin.n]
    lost = sum(origin.lost for _, origin in read(redis_server))
    assert shown == sorted(shown)
    assert shown[-1] == 30_002  # the beginning and the end are events too
    assert len(shown) + lost == 30_002
    assert outcomes(redis_server) == [None, "exit_0"]
    assert f"{lost} of 30002 events were not published".encode() in done.stderr


def test_a_reader_that_goes_away_ends_the_command(redis_server):
    whole = " ".join(command("yes")) + " | head -1; echo ${PIPESTATUS[0]}"
    done = subprocess.run(
        ["bash", "-c", whole], capture_output=True, env=environment(redis_server), timeout=30,
        check=True,
    )  # fmt: skip
    assert done.stdout == b"y\n141\n"  # 128 + SIGPIPE, as for `yes` alone


def test_lines_of_both_outputs_keep_their_order(redis_server):
    script = (
        "import sys\n"
        "print('before', flush=True)\n"
        "print('between', file=sys.stderr, flush=True)\n"
        "print('after', flush=True)\n"
    )
    for _ in range(5):
        run(redis_server, sys.executable, "-c", script)
    assert messages(redis_server) == ["before", "between", "after"] * 5


def test_a_line_on_the_other_output_after_a_silence_does_not_go_before_the_one_it_follows(
    redis_server,
):
    script = (
        "import sys, time\n"
        "time.sleep(0.5)\n"  # the machine is quiet again
        "for n in range(3):\n"
        "    print('row', n, flush=True)\n"
        "    time.sleep(0.1)\n"
        "    print('next row', n, flush=True)\n"
        "    print('failed', n, file=sys.stderr, flush=True)\n"
        "    time.sleep(0.1)\n"
        "    print('error', n, file=sys.stderr, flush=True)\n"
        "    time.sleep(0.1)\n"
    )
    run(redis_server, sys.executable, "-c", script)
    steps = ("row", "next row", "failed", "error")
    assert messages(redis_server) == [f"{step} {n}" for n in range(3) for step in steps]


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_an_output_that_wrap_was_started_without_is_published_all_the_same(redis_server, closed):
    script = "'echo out; echo err >&2; exit 3'"
    whole = " ".join(command("sh", "-c", script)) + " " + closed
    done = subprocess.Popen(
        ["bash", "-c", whole], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment(redis_server),
    )  # fmt: skip
    try:
        out, err = done.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        done.kill()
        raise
    assert done.returncode == 3
    assert out == (b"" if " >&-" in f" {closed}" else b"out\n")
    assert err == (b"" if "2>&-" in closed else b"err\n")
    assert sorted(messages(redis_server)) == ["err", "out"]


def test_output_of_a_process_that_outlives_the_command_is_waited_for(redis_server):
    code, out, err = run(redis_server, "sh", "-c", "(sleep 1; echo late) & echo now")
    assert (code, out, err) == (0, "now\nlate\n", "")
    assert messages(redis_server) == ["now", "late"]


def test_who_does_not_wait_for_it_is_told_in_both_places(redis_server):
    script = "(sleep 12; echo late) & echo now"
    options = ("--no-wait-children",)
    started = time.monotonic()
    code, out, err = run(redis_server, "sh", "-c", script, options=options)
    assert time.monotonic() - started < 10
    assert (code, out, err) == (0, "now\n", f"wrap: {LEFT_BEHIND}\n")
    assert messages(redis_server) == ["now", LEFT_BEHIND]


def test_a_signal_after_the_command_ends_the_waiting(redis_server):
    child = start(redis_server, "sh", "-c", "sleep 20 & echo now; exit 3")
    wait_until(lambda: messages(redis_server) == ["now"], what="the line")
    time.sleep(1.0)
    child.send_signal(signal.SIGTERM)
    _, err = child.communicate(timeout=5)
    assert (child.returncode, err.decode()) == (3, f"wrap: {LEFT_BEHIND}\n")


SLEEPER: Final = (
    "import signal,sys,time\n"
    "def note(number, _):\n"
    "    print('got', number, flush=True)\n"
    "signal.signal(signal.SIGTERM, lambda *_: (print('got it', flush=True), sys.exit(3)))\n"
    "signal.signal(signal.SIGINT, note)\n"
    "print('ready', flush=True)\n"
    "while True: time.sleep(30)"
)


def test_lines_are_published_while_the_command_runs_and_signals_reach_it(redis_server):
    child = start(redis_server, sys.executable, "-c", SLEEPER)
    wait_until(lambda: messages(redis_server) == ["ready"], what="the line")
    child.send_signal(signal.SIGTERM)
    out, _ = child.communicate(timeout=20)
    assert (child.returncode, out) == (3, b"ready\ngot it\n")
    assert messages(redis_server) == ["ready", "got it"]


def wait_for_more(redis_server: Any, before: int) -> None:
    wait_until(lambda: len(messages(redis_server)) > before, what="another line")


@pytest.mark.parametrize("options", [(), ("--pty",)])
def test_ctrl_c_reaches_the_command_once(redis_server, options):
    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover - the child
        argv = command(sys.executable, "-c", SLEEPER, options=options)
        os.execvpe(argv[0], argv, environment(redis_server))
    wait_until(lambda: messages(redis_server) == ["ready"], seconds=10, what="the line")
    # Several, because two signals that come close together may be seen as one.
    for _ in range(5):
        before = len(messages(redis_server))
        os.write(terminal, b"\x03")
        wait_for_more(redis_server, before)
        time.sleep(0.1)
    before = len(messages(redis_server))
    os.kill(pid, signal.SIGINT)  # of a process: this one is passed on
    wait_for_more(redis_server, before)
    os.kill(pid, signal.SIGTERM)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 3
    assert messages(redis_server) == ["ready", *["got 2"] * 6, "got it"]


def test_an_ignored_signal_stays_ignored(redis_server):
    script = "trap '' HUP; exec " + " ".join(command("sh", "-c", "'kill -HUP $$; echo alive'"))
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, env=environment(redis_server), timeout=20,
        check=True,
    )  # fmt: skip
    assert done.stdout == b"alive\n"


def test_a_command_killed_by_a_signal_says_which(redis_server):
    code, _, _ = run(redis_server, "sh", "-c", "kill -9 $$")
    assert code == 128 + 9
    assert outcomes(redis_server) == [None, "signal_9"]


BUFFERED: Final = "import time; print('first'); time.sleep(60); print('last')"


@pytest.mark.parametrize(
    ("options", "env"), [(("--pty",), {}), ((), {"PYTHONUNBUFFERED": "1"})], ids=["pty", "env"]
)
def test_a_program_that_buffers_can_be_made_to_write_by_the_line(redis_server, options, env):
    child = start(redis_server, sys.executable, "-c", BUFFERED, options=options, **env)
    wait_until(lambda: messages(redis_server) == ["first"], seconds=10, what="the first line")
    child.terminate()
    out, _ = child.communicate(timeout=10)
    assert out == b"first\n"
    assert child.returncode == 128 + signal.SIGTERM


def test_a_terminal_in_the_place_of_none_has_the_usual_size(redis_server):
    script = "import os; print(os.get_terminal_size(1), os.get_terminal_size(2))"
    done = subprocess.run(
        command(sys.executable, "-c", script, options=("--pty",)), stdin=subprocess.DEVNULL,
        capture_output=True, env=environment(redis_server), timeout=30, check=True,
    )  # fmt: skip
    assert done.stdout.count(b"columns=80, lines=24") == 2


def test_with_a_terminal_bytes_and_both_outputs_stay_what_they_are(redis_server):
    script = "test -t 1 && test -t 2 && printf 'a\\nb' && printf 'e\\n' >&2"
    assert run(redis_server, "sh", "-c", script, options=("--pty",)) == (0, "a\nb", "e\n")
    assert {(e.stream.value, e.message) for e in events(redis_server)} == {
        ("stdout", "a"), ("stdout", "b"), ("stderr", "e"),
    }  # fmt: skip


@pytest.mark.parametrize(("argv", "code"), [((), 2), (("/no/such/program",), 127)])
def test_what_cannot_run_says_so(redis_server, argv, code):
    returned, _, err = run(redis_server, *argv)
    assert returned == code
    assert escape(err).startswith("wrap: ")


def test_a_url_that_is_none_stops_before_the_command(redis_server):
    code, out, err = run("http://127.0.0.1", "echo", "hi")
    assert (code, out) == (2, "")
    assert err.startswith("wrap: RUNNER_DEBUG_REDIS_URL: ")


def test_without_redis_the_command_still_runs_untouched():
    code, out, err = run("", "echo", "hi")
    assert (code, out) == (0, "hi\n")
    assert err == "wrap: RUNNER_DEBUG_REDIS_URL is not set: nothing is published\n"
    code, out, err = run("", "echo", "hi", options=("--strict",))
    assert (code, out) == (2, "")
    assert "nothing would be published" in err


def refusing(redis_server: Any, how: str) -> str:
    """A URL under which nothing can be published."""
    with redis_server.client() as client:
        if how == "away":
            return f"redis://127.0.0.1:{free_port()}/0"
        if how == "wrong password":
            client.execute_command("ACL", "SETUSER", "runner", "on", ">right", "~*", "+xadd")
            return f"redis://runner:wrong@127.0.0.1:{redis_server.port}/0"
        if how == "no permission":
            client.execute_command("ACL", "SETUSER", "runner", "on", ">right", "~*", "+xlen")
            return f"redis://runner:right@127.0.0.1:{redis_server.port}/0"
        client.config_set("maxmemory", "1")
        return str(redis_server.url)


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ("away", "nobody listens on this port"),
        ("wrong password", "user or password is wrong"),
        ("no permission", "its ACL forbids this"),
        ("memory full", "OutOfMemoryError"),
    ],
)
def test_what_was_not_published_is_said_at_once_and_in_the_end(redis_server, how, word):
    url = refusing(redis_server, how)
    script = "echo a; echo b; sleep 1; echo c"
    code, out, err = run(url, "sh", "-c", script)
    assert (code, out) == (0, "a\nb\nc\n")
    first, last = err.splitlines()
    assert first.startswith(f"wrap: debug events do not reach Redis ({word}")
    assert last.startswith(
        "wrap: 5 of 5 events were not published (5: they still waited at the end)"
    )
    assert word in last
    assert "wrong@" not in err
    assert ":right" not in err


@pytest.mark.parametrize(("status", "code"), [("0", NOT_PUBLISHED), ("3", 3)])
def test_strict_turns_success_into_failure_and_keeps_the_commands_own(status, code):
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    script = f"echo a; exit {status}"
    assert run(nowhere, "sh", "-c", script, options=("--strict",))[0] == code


def test_strict_says_nothing_when_all_is_published(redis_server):
    assert run(redis_server, "echo", "a", options=("--strict",)) == (0, "a\n", "")


def test_the_end_of_a_flood_is_published(redis_server):
    script = 'seq 1 9000; echo \'{"level":"error","message":"FATAL disk full"}\''
    code, _, err = run(redis_server, "sh", "-c", script)
    assert code == 0
    assert "over the rate limit" in err
    said = read(redis_server)
    assert said[-2][0].message == "FATAL disk full"
    assert said[-2][0].level.value == "error"
    assert outcomes(redis_server)[-1] == "exit_0"
    # A marker a second: one, or on a slow machine a few.
    markers = [origin.lost for _, origin in said if origin.lost]
    printed = [event for event, origin in said if not (origin.lost or event.execution)]
    assert 0 < len(markers) < 20
    assert len(printed) + sum(markers) == 9001


def test_a_summary_names_each_cause():
    text = summary({"rate_limited": 3, "unsent": 2}, of=10, trouble="away")
    assert text == (
        "5 of 10 events were not published (3: over the rate limit (RUNNER_DEBUG_RATE); "
        "2: they still waited at the end). Redis: away"
    )
    assert "Redis" not in summary({"rate_limited": 3}, of=10, trouble="away")
