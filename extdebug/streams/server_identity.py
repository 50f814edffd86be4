"""Which Redis answers: the same one, the same restarted, or another that took its place."""

from __future__ import annotations

import time

from extdebug.streams.replies import read_info


class ServerIdentity:
    """Which Redis answers, as far as it can be told apart from the one before.

    `began_ms`: what this run of the server wrote, it wrote after that moment. Known to the
    millisecond where we saw the connection break, else to the second, from its uptime.
    """

    def __init__(self) -> None:
        self.run_id = ""
        self.failover = False
        self.began_ms: int | None = None
        self._heard = 0.0
        self._broke_ms: int | None = None

    def heard(self) -> None:
        self._heard = time.monotonic()
        self._broke_ms = None

    def broke(self) -> None:
        """The connection is gone; the first time counts until the server is heard again."""
        if self._broke_ms is None:
            self._broke_ms = int(time.time() * 1000)

    def identify(self, info: bytes | str | None) -> None:
        """From INFO server, on each new connection; None when the server does not tell."""
        values = read_info(info)
        run_id = values.get("run_id", "")
        if not run_id or run_id == self.run_id:
            return
        uptime = int(values.get("uptime_in_seconds", "0") or 0)
        if self.run_id:
            # Up for longer than we were without an answer: another server, not the same restarted.
            self.failover = uptime > time.monotonic() - self._heard + 1
        server_ms = int(values.get("server_time_usec", "0") or 0) // 1000
        started_ms = ((server_ms or int(time.time() * 1000)) // 1000 - uptime) * 1000
        known = self._broke_ms if self.run_id else None
        self.began_ms = started_ms if known is None else known
        self.run_id = run_id
