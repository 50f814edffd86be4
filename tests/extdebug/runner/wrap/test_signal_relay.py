"""Signals are the whole process's, so each case runs in a process of its own."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from tests.files import ROOT

HEAD = '''
import os, select, signal, subprocess, sys, time
from extdebug.runner.wrap.signal_relay import GRACE, SignalRelay

def child(script):
    return subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)

def ring(relay, seconds=5):
    return bool(select.select([relay.wake], [], [], seconds)[0]) and os.read(relay.wake, 100)

COUNTS = """
import os, signal
signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b"1\\\\n"))
os.write(1, b"0\\\\n")  # print() must not be entered again by a handler
while True: signal.pause()
"""
'''


def play(script: str, *, before: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-c", before + HEAD + textwrap.dedent(script)],
        capture_output=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=30,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_a_signal_of_a_process_is_passed_on_also_one_that_came_before_the_start():
    said = play(
        """
        relay = SignalRelay()
        p = child(COUNTS)
        p.stdout.readline()
        os.kill(os.getpid(), signal.SIGUSR1)
        relay.start(p)
        print(p.stdout.readline())
        os.kill(os.getpid(), signal.SIGUSR1)
        print(p.stdout.readline())
        p.kill(); p.wait()
        """
    )
    assert said.count("b'1\\n'") == 2


def test_the_end_of_the_command_rings():
    said = play(
        """
        relay = SignalRelay()
        p = child("pass")
        relay.start(p)
        print(bool(ring(relay)), p.wait())
        """
    )
    assert said == "True 0\n"


def test_a_command_that_ended_before_it_was_watched_rings_too():
    said = play(
        """
        relay = SignalRelay()
        p = child("pass")
        os.waitid(os.P_PID, p.pid, os.WEXITED | os.WNOWAIT)
        relay.start(p)
        print(bool(ring(relay)), p.wait())
        """
    )
    assert said == "True 0\n"


@pytest.mark.parametrize(("pause", "interrupted"), [("0", False), ("GRACE + 0.1", True)])
def test_a_signal_well_after_the_end_asks_to_end_too(pause, interrupted):
    said = play(
        f"""
        relay = SignalRelay()
        p = child("pass")
        p.wait()
        relay.start(p)
        relay.ended()
        ring(relay)  # that it had ended
        time.sleep({pause})
        os.kill(os.getpid(), signal.SIGWINCH)
        time.sleep(0.1)
        assert not relay.interrupted
        os.kill(os.getpid(), signal.SIGTERM)
        ring(relay)
        until = time.monotonic() + (5 if {interrupted} else 0.1)
        while not relay.interrupted and time.monotonic() < until:
            time.sleep(0.01)
        print(relay.interrupted)
        """
    )
    assert said == f"{interrupted}\n"


def test_a_new_size_of_the_terminal_is_told():
    said = play(
        """
        told = []
        relay = SignalRelay(resized=lambda: told.append(1))
        p = child("import time; time.sleep(9)")
        relay.start(p)
        os.kill(os.getpid(), signal.SIGWINCH)
        ring(relay)
        print(told)
        p.kill(); p.wait()
        """
    )
    assert said == "[1]\n"


def test_what_was_ignored_stays_ignored():
    said = play(
        """
        relay = SignalRelay()
        p = child("import signal; print(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)")
        relay.start(p)
        os.kill(os.getpid(), signal.SIGHUP)
        print(p.communicate()[0].decode().strip(), p.returncode)
        """,
        before="import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n",
    )
    assert said == "True 0\n"
    assert signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
