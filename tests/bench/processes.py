"""Processes of a run: pinned to their cores, with CPU time and memory, ended by their owner."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

SERVER: Final = 0  # this core is the server's alone
ELSE: Final = 1  # Redis, watchers, publishers and databases share the other
_CLOCK: Final = os.sysconf("SC_CLK_TCK")


def can_pin() -> bool:
    """Whether there are two cores and a program that pins to one."""
    return shutil.which("taskset") is not None and len(os.sched_getaffinity(0)) > 1


def pinned(core: int, command: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start `command` on this core; anywhere, where nothing can be pinned."""
    prefix = ["taskset", "-c", str(core)] if can_pin() else []
    return subprocess.Popen([*prefix, *command], **options)


def keep_to(core: int, pid: int) -> None:
    """Move a running process, and what it will start, to this core."""
    if can_pin():
        os.sched_setaffinity(pid, {core})


@contextmanager
def running(core: int, command: list[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """`pinned`, killed at the end: a server of the bench has nothing to save."""
    process = pinned(core, command, **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait(20)


def cpu_seconds(pid: int) -> float:
    """CPU time of the process so far, user and system, all its threads."""
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / _CLOCK


def precise_cpu_seconds(pid: int) -> float:
    """The same by the process' own CPU clock: to the microsecond, where /proc counts ticks."""
    return time.clock_gettime(~pid << 3 | 2)  # Linux: the id of that clock is made of the pid


def family_cpu_seconds(pid: int) -> float:
    """CPU time of the process, of its children, and of those that have ended."""
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ended = (int(parts[13]) + int(parts[14])) / _CLOCK
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    alive = sum(precise_cpu_seconds(int(child)) for child in children)
    return precise_cpu_seconds(pid) + ended + alive


def own_memory_mb(pid: int) -> float:
    """Memory of the process in MiB, with its part of what several processes share (PSS)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"process {pid} has no Pss")


def written_bytes(pid: int) -> int:
    """Bytes that the process wrote so far, to sockets and files."""
    for line in Path(f"/proc/{pid}/io").read_text().splitlines():
        if line.startswith("wchar:"):
            return int(line.split()[1])
    raise AssertionError(f"process {pid} has no wchar")


def memory_mb(pid: int) -> float:
    """Resident memory of the process in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"process {pid} has no VmRSS")
