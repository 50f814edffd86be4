"""Which Redis answers: the same one, the same restarted, or another that took its place."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Final

from extdebug.streams.replies import read_info

SECOND_MS: Final = 1000  # INFO gives the uptime in whole seconds
LONG_MS: Final = 200_000  # before our first contact a replica may have been promoted at any time
# Seconds after a node's last answer in which its heir must be met: too few for two failovers.
HEIR_SECONDS: Final = 5.0
MOST_MOVES: Final = 8  # servers remembered, where a stream went on before we could read it there


class ServerIdentity:
    """Which Redis answers, as far as it can be told apart from the one before.

    Entries with ids before `began_ms` were written before this run of the server, those from
    `certain_ms` on by this run; between the two nobody can tell. Both are in milliseconds of the
    server's clock, None while no server told. `moved_from` are the runs of the servers that gave us
    on to this one by themselves, with all that they held, the last first; none where that is not
    proved. `clock` is in seconds since 1970, `monotonic` in seconds since any moment.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self.run_id = ""
        self.moved_from: tuple[str, ...] = ()
        self.failover = False
        self.began_ms: int | None = None
        self.certain_ms: int | None = None
        self._heard = 0.0
        self._broke: float | None = None
        self._heir = ""

    def heard(self, asked: float | None = None) -> None:
        """The server answered what was `asked` then: a busy process reads its answer late."""
        self._heard = self._monotonic() if asked is None else asked
        self._broke = None

    def broke(self) -> None:
        """The connection is gone; the first time counts until the server is heard again."""
        if self._broke is None:
            self._broke = self._monotonic()

    def gave(self, heir: str) -> None:
        """The server, which still is a master, said that the node `heir` now has what we read
        there. Empty: it said something else."""
        self._heir = heir

    def identify(
        self, info: bytes | str | None, *, asked: float | None = None, node: str = ""
    ) -> None:
        """From INFO, `asked` on each new connection; None when the server does not tell. `node`:
        the server's id in its cluster."""
        heir, self._heir = self._heir, ""
        values = read_info(info)
        run_id = values.get("run_id", "")
        if not run_id or run_id == self.run_id:
            return
        uptime = int(values.get("uptime_in_seconds", "0") or 0)
        now_ms = int(values.get("server_time_usec", "0") or 0) // 1000
        now_ms = now_ms or int(self._clock() * 1000)
        started_ms = (now_ms // 1000 - uptime) * 1000
        by_uptime = started_ms + SECOND_MS
        if self.run_id:
            silent = self._monotonic() - self._heard
            met = bool(heir) and node == heir and silent + 1 < min(uptime, HEIR_SECONDS + 1)
            self.moved_from = (self.run_id, *self.moved_from)[:MOST_MOVES] if met else ()
            # Up for longer than we were without an answer: another server, not the same restarted.
            self.failover = uptime > silent + 1 or _promoted(values) is True
            # The earlier run still answered when we heard it last, and was gone when we noticed.
            self.began_ms = min(max(started_ms, now_ms - math.ceil(silent * 1000)), by_uptime)
            asked = self._monotonic() if asked is None else asked
            gone = now_ms if self._broke is None else now_ms - int((asked - self._broke) * 1000)
            self.certain_ms = min(max(self.began_ms, gone), by_uptime)
        else:
            self.failover = _promoted(values) is not False
            self.began_ms, self.certain_ms = started_ms, by_uptime
        if self.failover:  # it may have taken writes while the earlier one still answered us
            self.certain_ms = now_ms
            self.began_ms = max(started_ms, now_ms - LONG_MS)
        self.run_id = run_id


def _promoted(values: Mapping[str, str]) -> bool | None:
    """Whether this run of the server was a replica first; None: maybe. It has a second replication
    id then, but so has a master that was restarted with its dump, which got nothing from a master
    (Redis counts that since 7.0)."""
    if not values.get("master_replid2", "").strip("0") or values.get("role", "master") != "master":
        return False
    received = values.get("total_net_repl_input_bytes")
    return None if received is None else received != "0"
