"""Which Redis answers: the same one, the same restarted, or another that took its place."""

from __future__ import annotations

import time

from extdebug.streams.replies import read_info


class ServerIdentity:
    """Which Redis answers, as far as it can be told apart from the one before."""

    def __init__(self) -> None:
        self.run_id = ""
        self.failover = False
        self._heard = 0.0

    def heard(self) -> None:
        self._heard = time.monotonic()

    def identify(self, info: bytes | str | None) -> None:
        """From INFO server, on each new connection; None when the server does not tell."""
        values = read_info(info)
        run_id = values.get("run_id", "")
        if self.run_id and run_id and run_id != self.run_id:
            # Up for longer than we were without an answer: another server, not the same restarted.
            uptime = int(values.get("uptime_in_seconds", "0") or 0)
            self.failover = uptime > time.monotonic() - self._heard + 1
        self.run_id = run_id or self.run_id
