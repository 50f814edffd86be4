"""The wrapper's signals to its command: each once, whoever sent it."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

# The wrapper itself ends when the command does.
FORWARDED: Final = (
    signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2,
    signal.SIGWINCH, signal.SIGCONT,
)  # fmt: skip
# A signal so soon after the command's end was meant for the command.
GRACE: Final = 0.5  # s


class SignalRelay:
    """Made before the command starts, so that no signal is missed; `start` when it runs.

    A signal of the terminal (Ctrl-C, Ctrl-backslash, a hang-up) goes to every process of the
    foreground group: the command has it already, and it is not sent again. Which signals those
    are, the kernel says with each one. A signal that someone sends to the whole group reaches the
    command twice: the wrapper cannot tell it from one that it alone got.

    Signals that the wrapper was started to ignore (nohup) stay ignored, for the command too.
    """

    def __init__(self, *, resized: Callable[[], None] | None = None) -> None:
        """`resized` is called, from a thread, when the terminal has another size."""
        self.wake, self._bell = os.pipe()
        os.set_blocking(self._bell, False)
        self._resized = resized
        self._early: list[int] = []
        self._ended: float | None = None
        self.interrupted = False  # a signal came after the command's end: nobody wants to wait
        self._signals = [s for s in FORWARDED if signal.getsignal(s) is not signal.SIG_IGN]
        for number in self._signals:
            signal.signal(number, lambda number, _: self._early.append(number))
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def start(self, child: subprocess.Popen[bytes]) -> None:
        """From here on signals are taken by a thread; threads made later inherit the mask."""
        watched = {*self._signals, signal.SIGCHLD}
        signal.pthread_sigmask(signal.SIG_BLOCK, watched)
        for number in self._early:
            child.send_signal(number)
        threading.Thread(
            target=self._run, args=(child, watched), name="signals", daemon=True
        ).start()
        if child.poll() is not None:  # its SIGCHLD came before the mask and is gone
            self._ring()

    def ended(self) -> None:
        """The command has ended."""
        if self._ended is None:
            self._ended = time.monotonic()

    def _run(self, child: subprocess.Popen[bytes], watched: set[signal.Signals]) -> None:
        while True:
            info = signal.sigwaitinfo(watched)
            if info.si_signo != signal.SIGCHLD:
                self._take(child, info)
            self._ring()

    def _ring(self) -> None:
        with suppress(BlockingIOError):  # it rings already
            os.write(self._bell, b"!")

    def _take(self, child: subprocess.Popen[bytes], info: signal.struct_siginfo) -> None:
        number = info.si_signo
        if number == signal.SIGWINCH and self._resized is not None:
            self._resized()
        if self._ended is not None:
            asked_to_end = number not in (signal.SIGWINCH, signal.SIGCONT)
            if asked_to_end and time.monotonic() - self._ended > GRACE:
                self.interrupted = True
        elif info.si_code <= 0:  # of a process; the kernel's own are positive
            child.send_signal(number)
