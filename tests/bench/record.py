"""The page of a run: where and with what it was measured, its table, its place in docs/bench."""

from __future__ import annotations

import datetime as dt
import os
import platform
import re
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tests.files import ROOT

FOLDER: Final = ROOT / "docs" / "bench"
_PACKAGES: Final = ("Django", "uvicorn", "uvloop", "websockets", "redis", "hiredis", "msgspec")
_PROGRAMS: Final = {
    "redis-server": ("redis-server", "--version"),
    "PostgreSQL": ("postgres", "--version"),
    "Node": ("node", "--version"),
    "nginx": ("nginx", "-v"),
    "gcc": ("gcc", "-dumpfullversion"),
}


def page(table: str, *, broken: Sequence[str], left_out: Sequence[str]) -> str:
    """The run as a markdown page."""
    parts = [f"# Bench of {_today()}", "", *where(), "", table, ""]
    for title, lines in (("Not whole", broken), ("Left out", left_out)):
        if lines:
            parts += [f"## {title}", "", *(f"- {' '.join(line.split())}" for line in lines), ""]
    if not broken:
        parts += ["Every round was whole: each event was delivered once, in order, or told.", ""]
    return "\n".join(parts)


def keep(text: str, *, folder: Path = FOLDER) -> Path:
    """Write the page as today's; a second run of the day gets a number. The path, as in git."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while (path := folder / f"{_today()}{'' if number == 1 else f'-{number}'}.md").exists():
        number += 1
    path.write_text(text)
    return path


def _today() -> str:
    return dt.datetime.now(tz=dt.UTC).date().isoformat()


def where(*, when: str = "at the end") -> list[str]:
    """Machine, commit and versions; no host name and no path. `when` the load average is read."""
    load = os.getloadavg()[0]
    programs = [
        f"{name} {said}" for name, command in _PROGRAMS.items() if (said := _says(*command))
    ]
    packages = [f"{name} {version(name)}" for name in _PACKAGES]
    return [
        f"- machine: {_processor()}, {os.cpu_count()} cores, {_memory_gb():.0f} GB, "
        f"Linux {platform.release()}; load average {when} {load:.1f}",
        f"- commit: {_commit()}",
        f"- versions: Python {platform.python_version()}, {', '.join(packages + programs)}",
    ]


def _says(*command: str) -> str:
    """The version in what this program prints; empty if there is no such program."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return found[0] if found else ""


def _commit() -> str:
    def git(*arguments: str) -> str:
        command = ["git", *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = " with uncommitted changes" if git("status", "--porcelain") else ""
    return f"{git('rev-parse', '--short=12', 'HEAD') or 'unknown'}{changed}"


def _processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
