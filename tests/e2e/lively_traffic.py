"""Plays believable traffic through the fake server, for looking at the page by hand.

    python -m tests.e2e.lively_traffic --port 8800      # then open the address it prints
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import time

STACK = """TypeError: Cannot read properties of undefined (reading 'total')
    at sumLines (invoice.js:118:24)
    at buildInvoice (invoice.js:64:11)
    at handler (index.js:21:5)"""


def now() -> int:
    return int(time.time() * 1000)


async def play(fake: object, *, seconds: float, per_second: float) -> None:
    """Requests in flight, all streams and levels, masks, marks, repeats, stacks, a burst, a gap."""
    from tests.e2e.protocol_server import Fake

    assert isinstance(fake, Fake)
    rng = random.Random(7)
    flows: list[str] = []
    last = 0
    seq = 0

    def event(message: str, **more: object) -> dict[str, object]:
        nonlocal last, seq
        ms = max(last, now())
        seq = seq + 1 if ms == last else 0
        last = ms
        made = fake.event(message, ms=ms, **more)
        made["id"] = f"{ms}-{seq}"
        return made

    end = time.monotonic() + seconds
    step = 0
    while time.monotonic() < end:
        step += 1
        if len(flows) < 4 or rng.random() < 0.2:
            flows = [*flows[-4:], f"{rng.getrandbits(32):08x}-{rng.getrandbits(16):04x}-4c1d-9e2a-{rng.getrandbits(48):012x}"]
        flow = {"requestId": rng.choice(flows), "installId": rng.choice(["inst-acme", "inst-acme", "inst-acme-eu"]), "versionId": "1.4.2"}
        choice = rng.random()
        if choice < 0.22:
            batch = [event("GET /v1/invoices?status=open&page=3", stream="stdout", **flow)]
        elif choice < 0.42:
            batch = [event("invoice posted", fields={"invoice": f"INV-{rng.randrange(4000, 9999)}", "ms": rng.randrange(4, 380), "customer": {"id": rng.randrange(99), "tier": "gold"}}, **flow)]
        elif choice < 0.52:
            batch = [event("cache lookup", level="debug", fields={"key": f"cust:{rng.randrange(99)}", "hit": rng.random() < 0.7}, **flow)]
        elif choice < 0.60:
            batch = [event("slow upstream: ledger-api took 1,284 ms (budget 800 ms)", level="warn", fields={"upstream": "ledger-api", "ms": 1284}, **flow)]
        elif choice < 0.66:
            batch = [event(STACK, stream="stderr", level="error", **flow)]
        elif choice < 0.71:
            batch = [event("could not post invoice: 502 from ledger-api, retry 2 of 5", level="error", fields={"status": 502, "retry": 2}, **flow)]
        elif choice < 0.76:
            batch = [event("Authorization: Bearer [bearer:7f3a9c01] accepted for [email]", redacted=["bearer", "email"], **flow)]
        elif choice < 0.81:
            batch = [event("waiting for lock invoices/acme", stream="stdout", requestId=flows[0]) for _ in range(rng.randrange(3, 9))]
        elif choice < 0.84:
            batch = [event('{"step":"render","template":"invoice.v3","pages":4,"warnings":[]}', stream="stdout", **flow)]
        elif choice < 0.87:
            batch = [event("\x1b[32m✓\x1b[0m synced \x1b[1m42\x1b[0m invoices \x1b[2m(3 skipped)\x1b[0m", stream="stdout", **flow)]
        elif choice < 0.89:
            batch = [event("user name is ad\u202enim\u200b and a bell \x07", stream="stdout", **flow)]
        elif choice < 0.91:
            batch = [event("payload " + "0123456789abcdef" * 80, level="trace", truncated=True, **flow)]
        elif choice < 0.93:
            batch = [event("line of an older runner", marks=["level", "ts"], requestId=None, installId=None)]
        else:
            batch = [event("handler finished", fields={"status": 200, "ms": rng.randrange(9, 90)}, **flow)]
        await fake.events(*batch)
        if step % 37 == 0:
            await fake.gap("producer", 37, after=f"{now() - 900}-0", before=f"{now()}-0", detail="queue full")
        if step % 53 == 0:
            await fake.gap("not_consumed", 214, after=f"{now() - 2000}-0", before=f"{now()}-0")
        if step % 20 == 0:
            lost = {"producer": 37 * (step // 37), "not_consumed": 214 * (step // 53)}
            filtered = step // 3
            await fake.status(ledger={"entries": fake.shown + filtered + sum(lost.values()), "shown": fake.shown, "filtered": filtered, "lost": lost}, ttl=540)
        await asyncio.sleep(rng.expovariate(per_second) if per_second else 0)


async def main(port: int) -> None:
    from tests.e2e.protocol_server import Fake

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
