"""`serve --workers N`: several processes on one port, each started again when it ends.

uvicorn's own supervisor starts, watches and stops them; on SIGHUP it replaces them one after the
other. Each listens on a socket of its own (SO_REUSEPORT), over which the kernel spreads
connections: of processes that share one socket, whichever wakes first takes all that wait.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from extdebug.ops import server
from extdebug.ops.siblings import Siblings
from extdebug.ops.watchdog import Watchdog

MOST: Final = 64
# A worker's first sign of life comes when Python has started. On a busy machine that takes longer
# than uvicorn's 5 s.
FIRST_SIGN_WITHIN: Final = 30
# The name of a Unix socket has room for 107 bytes.
LONGEST_FOLDER: Final = 80


@dataclass(frozen=True, slots=True)
class Team:
    """What all workers know: where they listen, how many they are, where they find each other."""

    host: str
    port: int
    count: int
    folder: Path


@dataclass(slots=True)
class Worker:
    """This process, as one of a team."""

    team: Team
    siblings: Siblings
    watchdog: Watchdog


_this: Worker | None = None


def this_worker() -> Worker | None:
    """This process as a worker; None where one process serves alone."""
    return _this


class OwnSockets(list[socket.socket]):
    """The sockets of one worker. The supervisor hands the same object to each of them; pickled for
    a new process it becomes what `begin` returns there."""

    def __init__(self, team: Team) -> None:
        super().__init__()
        self._team = team

    def __reduce__(self) -> tuple[Any, ...]:
        return begin, (self._team,)


def begin(team: Team) -> list[socket.socket]:
    """In a new process: become a worker of this team, and listen."""
    global _this  # noqa: PLW0603 - what a process is belongs to the process
    # Ctrl-C in a terminal goes to a whole group. The supervisor's SIGTERM is the one signal to
    # mind: a second one cuts the telling of sessions short.
    os.setpgid(0, 0)
    try:
        sock = server.listen(team.host, port=team.port, reuse_port=True)
    except server.PortTaken as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(STARTUP_FAILURE)
    _this = Worker(team, Siblings.join(team.folder), Watchdog(parent=os.getppid()))
    return [sock]


async def started(figures: Callable[[], bytes]) -> None:
    """The server of this process is about to accept. A worker tells its siblings these figures."""
    if _this is not None:
        server.spare_the_collector()
        _this.watchdog.watch(asyncio.get_running_loop())
        await _this.siblings.answer(figures)


def stopped() -> None:
    """The server of this process has ended."""
    if _this is not None:
        _this.watchdog.stop()
        _this.siblings.leave()


def run(host: str, *, port: int, count: int, trusted_proxies: list[str]) -> None:
    """Serve with `count` processes until SIGINT or SIGTERM. `port` is one that is not 0."""
    with _folder() as folder:
        chosen = server.config(trusted_proxies=trusted_proxies)
        chosen.workers = count
        chosen.timeout_worker_healthcheck = FIRST_SIGN_WITHIN
        Multiprocess(chosen, sockets=OwnSockets(Team(host, port, count, folder))).run()


@contextmanager
def _folder() -> Iterator[Path]:
    usual = tempfile.gettempdir()
    within = usual if len(usual) <= LONGEST_FOLDER else "/tmp"  # noqa: S108 - made 0700 in there
    with tempfile.TemporaryDirectory(prefix="ext-debug-", dir=within) as folder:
        yield Path(folder)
