"""Plays believable traffic through the fake server, for looking at the page by hand.

python -m tests.e2e.lively_traffic --port 8800      # then open the address it prints
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import time
from typing import Any

from tests.e2e.protocol_server import Fake, iso

Json = dict[str, Any]
STACK = """TypeError: Cannot read properties of undefined (reading 'total')
    at sumLines (invoice.js:118:24)
    at buildInvoice (invoice.js:64:11)
    at handler (index.js:21:5)"""
GET = {"message": "GET /v1/invoices?status=open&page=3", "stream": "stdout"}
SYNCED = "\x1b[32m✓\x1b[0m synced \x1b[1m42\x1b[0m invoices \x1b[2m(3 skipped)\x1b[0m"
MASKED = "Authorization: Bearer [redacted:bearer#7f3a9c01] accepted for [redacted:email]"
JSON_LINE = '{"step":"render","template":"invoice.v3","pages":4,"warnings":[]}'


def ended(rng: random.Random) -> Json:
    """A runner's word on how a request ended."""
    outcome = rng.choice(["200", "200", "200", "404", "500", "trap"])
    execution = {"phase": "end", "outcome": outcome, "durationMs": rng.randrange(9, 900)}
    return {"message": f"finished: {outcome}", "execution": execution,
            "level": "info" if outcome < "5" else "warn"}  # fmt: skip


def line(rng: random.Random) -> Json:
    """One line of a random kind."""
    kinds: list[tuple[float, Json]] = [
        (20, GET),
        (20, {"message": "invoice posted", "fields": {
            "invoice": f"INV-{rng.randrange(4000, 9999)}", "ms": rng.randrange(4, 380),
            "customer": {"id": rng.randrange(99), "tier": "gold"}}}),
        (10, {"message": "cache lookup", "level": "debug",
              "fields": {"key": f"cust:{rng.randrange(99)}", "hit": rng.random() < 0.7}}),
        (8, {"message": "slow upstream: ledger-api took 1,284 ms (budget 800 ms)",
             "level": "warn", "fields": {"upstream": "ledger-api", "ms": 1284}}),
        (6, {"message": STACK, "stream": "stderr", "level": "error"}),
        (5, {"message": "could not post invoice: 502 from ledger-api, retry 2 of 5",
             "level": "error", "fields": {"status": 502, "retry": 2}}),
        (5, {"message": MASKED,
             "redacted": ["bearer", "email"]}),
        (3, {"message": JSON_LINE, "stream": "stdout"}),
        (3, {"message": SYNCED, "stream": "stdout"}),
        (2, {"message": "user name is ad\u202enim\u200b and a bell \x07", "stream": "stdout"}),
        (2, {"message": "payload " + "0123456789abcdef" * 80, "level": "trace",
             "truncated": True}),
        (2, {"message": "line of an older runner", "marks": ["level", "ts"],
             "requestId": None, "installId": None}),
        (7, ended(rng)),
    ]  # fmt: skip
    return rng.choices([kind for _, kind in kinds], [weight for weight, _ in kinds])[0]


def of_request(name: str) -> Json:
    """What all events of a request carry."""
    install = "inst-acme-eu" if name[0] in "0123" else "inst-acme"
    return {"requestId": name, "installId": install, "versionId": "1.4.2"}


class Play:
    """Requests in flight, repeats, gaps and a ledger that adds up."""

    def __init__(self, fake: Fake) -> None:
        self.fake = fake
        self.rng = random.Random(7)
        self.flows: list[str] = []
        self.begun: list[str] = []  # requests of which no beginning was told yet
        self.last = (0, 0)
        self.lost = {"producer": 0, "not_consumed": 0}
        self.steps = 0
        fake.ready_more = {"expiresAt": iso(int(time.time() * 1000) + 600_000)}

    def event(self, **parts: Any) -> Json:
        """One event at the present time, its id after all before it."""
        ms, seq = self.last
        now = int(time.time() * 1000)
        self.last = (now, 0) if now > ms else (ms, seq + 1)
        made = self.fake.event(ms=self.last[0], **parts)
        made["id"] = f"{self.last[0]}-{self.last[1]}"
        return made

    def flow(self) -> Json:
        rng = self.rng
        if len(self.flows) < 4 or rng.random() < 0.2:
            name = f"{rng.getrandbits(32):08x}-4c1d-9e2a-{rng.getrandbits(48):012x}"
            self.flows = [*self.flows[-4:], name]
            self.begun.append(name)
        return of_request(rng.choice(self.flows))

    async def step(self) -> None:
        self.steps += 1
        flow = self.flow()
        start = {"message": "POST /sync started", "level": "debug", "execution": {"phase": "start"}}
        for name in self.begun:
            await self.fake.events(self.event(**of_request(name), **start))
        self.begun.clear()
        parts = {**flow, **line(self.rng)}
        repeats = self.rng.randrange(3, 9) if parts["message"] == GET["message"] else 1
        await self.fake.events(*[self.event(**parts) for _ in range(repeats)])
        now = self.last[0]
        if self.steps % 37 == 0:
            await self.lose("producer", 37, after=now - 900, before=now, detail="queue full")
        if self.steps % 53 == 0:
            await self.lose("not_consumed", 214, after=now - 2000, before=now)
        if self.steps % 20 == 0:
            filtered = self.steps // 3
            entries = self.fake.shown + filtered + sum(self.lost.values())
            ledger = {"entries": entries, "shown": self.fake.shown, "filtered": filtered}
            await self.fake.status(ledger={**ledger, "lost": self.lost}, **self.times())

    def times(self) -> Json:
        return {"expiresAt": iso(int(time.time() * 1000) + 540_000), "ttl": 540}

    async def lose(self, reason: str, missed: int, *, after: int, before: int, **more: Any) -> None:
        self.lost[reason] += missed
        await self.fake.gap(reason, missed, after=f"{after}-0", before=f"{before}-0", **more)


async def play(fake: Fake, *, seconds: float, per_second: float) -> None:
    """Play for `seconds`, about `per_second` steps a second."""
    traffic = Play(fake)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await traffic.step()
        await asyncio.sleep(traffic.rng.expovariate(per_second))


async def main(port: int) -> None:
    fake = Fake()
    await fake.start(port)
    print(fake.url())
    await play(fake, seconds=3600, per_second=12)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8800)
    asyncio.run(main(parser.parse_args().port))
