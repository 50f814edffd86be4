"""What the bench reads of a process is what the process itself knows."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from tests.bench import processes


def test_cpu_time_is_the_same_by_the_clock_and_by_proc():
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
    precise, ticks = processes.precise_cpu_seconds(os.getpid()), processes.cpu_seconds(os.getpid())

    assert precise == pytest.approx(time.process_time(), abs=0.05)
    assert ticks == pytest.approx(precise, abs=0.1)


def test_the_cpu_of_a_family_has_that_of_children_who_ended():
    work = "import time\nwhile time.process_time() < .2: pass"
    before = processes.family_cpu_seconds(os.getpid())
    subprocess.run([sys.executable, "-c", work], check=True)

    assert processes.family_cpu_seconds(os.getpid()) - before > 0.15


def test_bytes_that_were_written_are_counted(tmp_path):
    before = processes.written_bytes(os.getpid())
    (tmp_path / "file").write_bytes(b"x" * 10_000)

    assert processes.written_bytes(os.getpid()) - before >= 10_000


def test_own_memory_is_some_and_no_more_than_what_is_resident():
    own = processes.own_memory_mb(os.getpid())
    assert 1 < own <= processes.memory_mb(os.getpid()) * 1.1
