"""A command's outputs to whoever reads them and to the capture: one loop, in the order read.

Nothing is abandoned. What a reader does not take yet waits, and the command waits with it, as it
would on its own. A reader that has gone ends that output for the command too: its next write gets
SIGPIPE. Order between the two outputs is the order in which they were read: a pipe tells nothing
else, so two writes within some microseconds to different outputs may come in either order.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

CHUNK: Final = 64 * 1024
# A writable pipe takes at least so much without blocking (PIPE_BUF of Linux).
ATOMIC: Final = 4096
# Reads of one output in a row, to the end of its line, before the other has its turn.
PIECES: Final = 16
# In packet mode each small write of the command takes a page, so it gets more than 16 of them.
PIPE_BYTES: Final = 1024 * 1024


def open_pipe() -> tuple[int, int]:
    """A pipe whose reader gets each write by itself, where the system can do that (Linux).

    So a line on the one output that follows a line on the other is not read before it with a
    line that came later.
    """
    reader, writer = os.pipe2(os.O_CLOEXEC | getattr(os, "O_DIRECT", 0))
    with suppress(OSError):  # a user's share of pipe memory is used up: the usual size does as well
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return reader, writer


class Listener(Protocol):
    """Hears what the command writes to one output."""

    def feed(self, data: bytes) -> None: ...

    def hold(self, *, held: bool) -> None:
        """Nothing is fed until the reader has taken what was read (`held`), or it goes on."""
        ...


@dataclass(slots=True)
class Route:
    """One output of the command: where it is read, where it goes on (None: nowhere), who hears."""

    source: int
    to: int | None
    listener: Listener
    waiting: memoryview = field(default_factory=lambda: memoryview(b""))
    most: int = CHUNK  # bytes of one write
    mid_line: bool = False  # what was read last does not end a line
    error: OSError | None = None  # why the output could not be passed on; None for a reader gone

    def __post_init__(self) -> None:
        if self.to is not None:
            try:
                regular = stat.S_ISREG(os.fstat(self.to).st_mode)
            except OSError:
                regular = False  # closed: the first write says so
            self.most = CHUNK if regular else ATOMIC

    @property
    def open(self) -> bool:
        """Whether more may come, or what came is not passed on yet: only then is more read."""
        return self.source >= 0

    def read(self) -> None:
        try:
            data = os.read(self.source, CHUNK)
        except OSError as error:
            if error.errno != errno.EIO:  # a terminal whose last writer has gone
                raise
            data = b""
        if not data:
            self.close()
            return
        self.mid_line = data[-1:] != b"\n"
        self.listener.feed(data)
        if self.to is not None:
            self.waiting = memoryview(data)
            self.listener.hold(held=True)

    def write(self) -> None:
        """Pass some of it on."""
        assert self.to is not None
        try:
            self.waiting = self.waiting[os.write(self.to, self.waiting[: self.most]) :]
        except OSError as error:
            if error.errno != errno.EPIPE:
                self.error = error
            self.waiting = memoryview(b"")
            self.close()
        if not self.waiting:
            self.listener.hold(held=False)

    def close(self) -> None:
        if self.open:
            os.close(self.source)
            self.source = -1


class PassThrough:
    """`run` returns when everything is passed on, or when `limit` says so.

    `wake`: a file descriptor that becomes readable when `limit` is to be asked again.
    """

    def __init__(self, routes: list[Route], *, wake: int) -> None:
        self.routes = routes
        self._wake = wake
        self._last: Route | None = None
        self._pieces = 0  # how often in a row it was read

    def run(self, limit: Callable[[], float | None]) -> bool:
        """Whether every output came to its end.

        `limit()` is the moment (monotonic seconds) after which nothing more is read and nothing
        waits for a reader any more; None while there is no such moment.
        """
        while any(route.open for route in self.routes):
            until = limit()
            pause = None if until is None else until - time.monotonic()
            if pause is not None and pause <= 0:
                break
            self._turn(pause)
        ended = not any(route.open for route in self.routes)
        for route in self.routes:
            route.close()
        return ended

    def _turn(self, pause: float | None) -> None:
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        for route in self.routes:
            if route.waiting and route.to is not None:
                poll.register(route.to, select.POLLOUT)
            elif route.open:
                poll.register(route.source, select.POLLIN)
        ready = {fd for fd, _ in poll.poll(None if pause is None else pause * 1000)}
        if self._wake in ready:
            os.read(self._wake, CHUNK)
        readable: list[Route] = []
        written: list[Route] = []
        for route in self.routes:
            if route.waiting:
                if route.to in ready:
                    route.write()
                    written.append(route)
            elif route.open and route.source in ready:
                readable.append(route)
        if not readable:
            return
        # One read at a time, of the output that was not read last: what is ready on both was most
        # likely written in turn. But a line that was begun comes first: some programs write its
        # text and its end by themselves (Python with PYTHONUNBUFFERED).
        last = self._last
        begun = last is not None and last.mid_line and self._pieces < PIECES
        if begun and last in written:
            return  # whether it can be read again, the next look says
        if last is not None and begun and last in readable:
            route = last
        else:
            route = next((other for other in readable if other is not last), readable[0])
        route.read()
        self._pieces = self._pieces + 1 if route is last and route.mid_line else 0
        self._last = route
