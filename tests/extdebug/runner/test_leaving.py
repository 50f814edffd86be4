"""The end of a process that ran guests, each tried in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

LEAVE = "from extdebug.runner.leaving import leave\n"
# What an engine's thread is to the interpreter: a call into Python once that is being taken down.
TAKEN_DOWN = """
import atexit, os
atexit.register(lambda: os._exit(134))
"""


def ended(
    program: str, *, out: IO[str] | int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    buffered = {name: said for name, said in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        [sys.executable, "-c", program], stdout=out, stderr=subprocess.PIPE, text=True, timeout=30,
        check=False, env=buffered,
    )  # fmt: skip


@pytest.mark.parametrize("code", [0, 1])
def test_all_that_was_written_leaves_and_nothing_is_taken_down(code: int):
    program = f"{LEAVE}{TAKEN_DOWN}print('an answer'); leave({code})"
    done = ended(program)
    assert (done.returncode, done.stdout, done.stderr) == (code, "an answer\n", "")


def test_a_thread_that_never_ends_holds_nobody_up():
    program = f"{LEAVE}import threading\nthreading.Thread(target=threading.Event().wait).start()\n"
    assert ended(f"{program}leave(1)").returncode == 1


@pytest.mark.parametrize(("code", "told"), [(0, 120), (1, 1)])
def test_output_that_could_not_be_written_is_a_failure(code: int, told: int):
    with Path("/dev/full").open("w") as full:
        done = ended(f"{LEAVE}print('an answer'); leave({code})", out=full)
    assert done.returncode == told


def test_a_process_without_output_ends_by_its_code():
    program = f"{LEAVE}import sys\nsys.stdout = sys.stderr = None\nleave(3)"
    assert ended(program).returncode == 3
