"""Which Redis answers: the same one, the same restarted, or another that took its place."""

from __future__ import annotations

import time
from collections.abc import Callable

from extdebug.streams.replies import read_info


class ServerIdentity:
    """Which Redis answers, as far as it can be told apart from the one before.

    `began_ms`: what this run of the server wrote, it wrote after that moment. Known to the
    millisecond where we saw the connection break, else to the second, from its uptime: also where
    we saw it late, or our clock is ahead of the server's. `clock` is in seconds since 1970,
    `monotonic` in seconds since any moment.
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
        self.failover = False
        self.began_ms: int | None = None
        self._heard = 0.0
        self._broke_ms: int | None = None

    def heard(self) -> None:
        self._heard = self._monotonic()
        self._broke_ms = None

    def broke(self) -> None:
        """The connection is gone; the first time counts until the server is heard again."""
        if self._broke_ms is None:
            self._broke_ms = int(self._clock() * 1000)

    def identify(self, info: bytes | str | None) -> None:
        """From INFO server, on each new connection; None when the server does not tell."""
        values = read_info(info)
        run_id = values.get("run_id", "")
        if not run_id or run_id == self.run_id:
            return
        uptime = int(values.get("uptime_in_seconds", "0") or 0)
        if self.run_id:
            # Up for longer than we were without an answer: another server, not the same restarted.
            self.failover = uptime > self._monotonic() - self._heard + 1
        server_ms = int(values.get("server_time_usec", "0") or 0) // 1000
        started_ms = ((server_ms or int(self._clock() * 1000)) // 1000 - uptime) * 1000
        known = self._broke_ms if self.run_id else None
        late = known is not None and known >= started_ms + 1000 and not self.failover
        self.began_ms = started_ms if known is None or late else known
        self.run_id = run_id
