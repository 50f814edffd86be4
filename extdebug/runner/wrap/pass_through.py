"""A command's outputs to whoever reads them and to the capture: one loop, in the order read.

Nothing is abandoned. What a reader does not take yet waits, and the command waits with it, as it
would on its own. A reader that has gone ends that output for the command too: its next write gets
SIGPIPE. Order between the two outputs is the order in which they became readable, which Linux
tells of the first write after each silence of an output, and else the order in which they were
read: of several writes within some microseconds to different outputs nobody can say more.
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


class Arrivals:
    """Which output became readable first. Where the system does not tell it (no epoll): nothing."""

    def __init__(self, sources: list[int]) -> None:
        self._order: list[int] = []
        self._epoll = select.epoll() if hasattr(select, "epoll") else None
        if self._epoll is not None:
            for source in sources:
                self._epoll.register(source, select.EPOLLIN | select.EPOLLET)

    def look(self) -> None:
        """Take down what became readable since the last look, in the order in which it did."""
        if self._epoll is not None:
            for source, _ in self._epoll.poll(0):
                if source not in self._order:
                    self._order.append(source)

    def keep(self, readable: set[int]) -> None:
        """Of what was looked at before `readable` was known, the others have been read since."""
        self._order = [source for source in self._order if source in readable]

    def first(self, readable: set[int]) -> int | None:
        """The one of `readable` that became so first; None where that is not known."""
        return next((source for source in self._order if source in readable), None)

    def drop(self, source: int) -> None:
        """It is read now: what comes of it after that comes later."""
        self._order = [other for other in self._order if other != source]

    def close(self) -> None:
        if self._epoll is not None:
            self._epoll.close()


class PassThrough:
    """`run` returns when everything is passed on, or when `limit` says so.

    `wake`: a file descriptor that becomes readable when `limit` is to be asked again.
    """

    def __init__(self, routes: list[Route], *, wake: int) -> None:
        self.routes = routes
        self._wake = wake
        self._last: Route | None = None
        self._pieces = 0  # how often in a row it was read while the other could be
        self._arrivals = Arrivals([route.source for route in routes])

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
        self._arrivals.close()
        return ended

    def _turn(self, pause: float | None) -> None:
        ready = self._ready(pause)
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
        # One read at a time, of the output that became readable first. Where nobody knows, of the
        # one that was not read last: what is ready on both was most likely written in turn. But a
        # line that was begun comes first: some programs write its text and its end by themselves
        # (Python with PYTHONUNBUFFERED).
        last = self._last
        begun = last is not None and last.mid_line and self._pieces < PIECES
        if begun and last in written:
            return  # whether it can be read again, the next look says
        if last is not None and begun and last in readable:
            route = last
        else:
            first = self._arrivals.first({other.source for other in readable})
            others = [other for other in readable if other.source == first]
            others += [other for other in readable if other is not last]
            route = others[0] if others else readable[0]
        self._arrivals.drop(route.source)
        route.read()
        kept_waiting = route is last and route.mid_line and len(readable) > 1
        self._pieces = self._pieces + 1 if kept_waiting else 0
        self._last = route

    def _ready(self, pause: float | None) -> set[int]:
        """What can be read or written now, or after a wait of `pause` seconds (None: any)."""
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        unknown: set[int] = set()  # whether these can be read is not asked now
        for route in self.routes:
            if route.waiting and route.to is not None:
                poll.register(route.to, select.POLLOUT)
                unknown.add(route.source)
            elif route.open:
                poll.register(route.source, select.POLLIN)
        self._arrivals.look()
        ready = {fd for fd, _ in poll.poll(0)}
        self._arrivals.keep(ready | unknown)
        if not ready:
            ready = {fd for fd, _ in poll.poll(None if pause is None else pause * 1000)}
            self._arrivals.look()
        return ready
