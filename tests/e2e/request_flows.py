"""Events of requests as runners send them, for the tests of the Requests view."""

from __future__ import annotations

import itertools
import time
from typing import Any

from tests.e2e.protocol_server import Fake, iso

Json = dict[str, Any]


class Flows:
    """Makes events at the present time, each after all before it; `fake` gets its clock."""

    def __init__(self, fake: Fake) -> None:
        self.fake = fake
        self.now = int(time.time() * 1000)
        self.seq = itertools.count(1)
        fake.ready_more = {"expiresAt": iso(self.now + 600_000), "ttl": 600}

    def line(self, request: str | None, message: str = "hello", **more: Any) -> Json:
        made = self.fake.event(message, requestId=request, ms=more.pop("ms", self.now), **more)
        made["id"] = f"{made['id'].split('-')[0]}-{next(self.seq)}"
        return made

    def start(self, request: str, url: str = "/sync", **more: Any) -> Json:
        said = {"execution": {"phase": "start"}, "level": "debug", **more}
        return self.line(request, f"POST {url} started", **said)

    def end(self, request: str, outcome: str = "200", ms: float = 41.5, **more: Any) -> Json:
        execution = {"phase": "end", "outcome": outcome, "durationMs": ms}
        level = "info" if outcome < "5" else "warn"
        said = {"execution": execution, "level": level, **more}
        return self.line(request, f"finished: {outcome} in {ms} ms", **said)
