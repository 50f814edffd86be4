"""The demo's child processes: starts them, watches them, and ends them all when one ends."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

STOP_SECONDS: Final = 12  # the console drains its sessions for up to 8 s, uvicorn allows 10
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


class Ended(Exception):
    """A child ended of its own accord. The message says which, and with what exit code."""


@dataclass(slots=True)
class Child:
    name: str
    process: subprocess.Popen[str]
    echo: threading.Thread


class Children:
    """Processes that end when the block ends, however it ends.

    Each has a session of its own, so that Ctrl-C reaches this process alone, which then ends
    them in order; on Linux they also end when this process is killed.
    """

    def __init__(
        self, *, folder: Path, say: Callable[[str], None], stop_seconds: float = STOP_SECONDS
    ) -> None:
        self._folder = folder
        self._stop_seconds = stop_seconds
        self._say = say
        self._children: list[Child] = []

    def start(self, name: str, command: Sequence[str], *, env: Mapping[str, str]) -> None:
        """Start `command`; what it prints appears here line by line, under its name."""
        process = subprocess.Popen(
            command,
            cwd=self._folder,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=_end_with_parent if _LIBC else None,  # noqa: PLW1509  (no threads hold locks)
        )
        echo = threading.Thread(target=self._echo, args=(name, process), daemon=True)
        echo.start()
        self._children.append(Child(name=name, process=process, echo=echo))

    def _echo(self, name: str, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self._say(f"  {name} | {line.rstrip()}")

    def check(self) -> None:
        """Ended, if one of them has."""
        for child in self._children:
            code = child.process.poll()
            if code is not None:
                child.echo.join(2)  # what it printed comes first
                raise Ended(f"the {child.name} ended with exit code {code}")

    def __enter__(self) -> Children:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for child in self._children:
            if child.process.poll() is None:
                child.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self._stop_seconds
        for child in self._children:
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._say(f"  {child.name} | did not end in time, killed")
                child.process.kill()
                child.process.wait()
            child.echo.join(2)


def _end_with_parent() -> None:
    assert _LIBC is not None
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
