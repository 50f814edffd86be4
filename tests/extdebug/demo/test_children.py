"""Child processes: what they print is told under their name, and all of them end with the block."""

import signal
import sys
from pathlib import Path

import pytest

from extdebug.demo.children import Children, Ended
from tests.fixtures.programs import wait_until

WAITS = "import time; print('up', flush=True); time.sleep(60)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAITS}"


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def test_lines_carry_the_childs_name_and_an_end_of_its_own_is_told(tmp_path: Path):
    said: list[str] = []
    with Children(folder=tmp_path, say=said.append) as children:
        children.start(
            "talker", python("import os; print(os.getcwd()); raise SystemExit(3)"), env={}
        )
        wait_until(lambda: said, what="its line")
        (process,) = [child.process for child in children._children]
        process.wait(10)
        with pytest.raises(Ended, match="the talker ended with exit code 3"):
            children.check()
    assert said == [f"  talker | {tmp_path}"]


def test_a_child_gets_the_environment_it_is_given_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DATABASE_URL", "postgres://something-real")
    said: list[str] = []
    with Children(folder=tmp_path, say=said.append) as children:
        program = "import os; print(os.environ.get('DATABASE_URL'), os.environ['GIVEN'])"
        children.start("reader", python(program), env={"GIVEN": "yes"})
        wait_until(lambda: said, what="its line")
    assert said == ["  reader | None yes"]


def test_all_end_with_the_block_and_who_does_not_is_killed(tmp_path: Path):
    said: list[str] = []
    with Children(folder=tmp_path, say=said.append, stop_seconds=0.3) as children:
        children.start("good", python(WAITS), env={})
        children.start("deaf", python(DEAF), env={})
        wait_until(lambda: len(said) == 2, what="both are up")
        children.check()
        processes = [child.process for child in children._children]
    assert [process.poll() for process in processes] == [-signal.SIGTERM, -signal.SIGKILL]
    assert said[2:] == ["  deaf | did not end in time, killed"]
