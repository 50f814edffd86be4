"""Publishes the lines of a busy extension for the page's bench: requests side by side."""

from __future__ import annotations

import random
import time
from typing import Any, Final

import hiredis
import redis

from extdebug.wire.entries import to_entry
from extdebug.wire.events import Event, Level, Output
from extdebug.wire.executions import Execution
from tests.bench.stage import STREAM

REQUESTS_AT_ONCE: Final = 20
LINES_OF_A_REQUEST: Final = 50
ROUND: Final = b"@ROUND@"  # in every line's text and request: what differs from round to round
BURST: Final = 100  # lines written at once
STACK: Final = """TypeError: Cannot read properties of undefined (reading 'total')
    at sumLines (invoice.js:118:24)
    at buildInvoice (invoice.js:64:11)
    at handler (index.js:21:5)"""


def line(rng: random.Random, n: int) -> dict[str, Any]:
    """One line of the mix a busy extension prints: about 200 bytes, some with fields."""
    text = f"{ROUND.decode()} line {n} " + "lorem ipsum dolor sit amet " * rng.randrange(1, 14)
    kind = rng.random()
    if kind < 0.3:
        return {"stream": Output.STDOUT, "message": text}
    if kind < 0.37:
        return {"stream": Output.STDERR, "level": Level.ERROR, "message": text}
    if kind < 0.4:
        return {"stream": Output.STDERR, "level": Level.ERROR, "message": STACK}
    if kind < 0.45:
        return {"stream": Output.STDOUT, "message": f"\x1b[32mok\x1b[0m {text}"}
    if kind < 0.5:
        return {"level": Level.WARN, "message": f"see https://example.com/{n} {text}"}
    if kind < 0.8:
        fields = {"ms": n % 400, "status": 200, "path": "/v1/invoices", "user": {"id": n}}
        return {"message": "handled", "fields": fields}
    return {"level": Level.DEBUG, "message": text}


def round_of_lines() -> list[bytes]:
    """XADD commands of requests side by side, each with its beginning and its end."""
    rng = random.Random(1)
    made = []
    for n in range(LINES_OF_A_REQUEST * REQUESTS_AT_ONCE):
        at, request = divmod(n, REQUESTS_AT_ONCE)
        parts = line(rng, n)
        if at == 0:
            parts = {"message": "POST /sync started", "execution": Execution("start")}
        elif at == LINES_OF_A_REQUEST - 1:
            end = Execution("end", rng.choice(["200", "200", "200", "500"]), 12.5)
            parts = {"message": "finished", "execution": end}
        event = Event(
            ts="0", tenant_id="acme", extension_id="invoice-sync", install_id="inst-acme",
            request_id=f"req-{ROUND.decode()}-{request:02}", version_id="1.4.2",
            **{"level": Level.INFO, "stream": Output.LOG, **parts},
        )  # fmt: skip
        entry = [part for part in to_entry(event) if part not in ("ts", "0")]
        command: Any = ("XADD", STREAM, "MAXLEN", "~", "1000000", "*", *entry)
        made.append(hiredis.pack_command(command))
    return made


def publish(url: str, count: int, per_second: float | None) -> None:
    """`count` lines, at a rate or as fast as Redis takes them."""
    made = round_of_lines()
    client = redis.Redis.from_url(url)
    connection = client.connection_pool.get_connection()
    began = time.monotonic()
    for done in range(0, count, BURST):
        if per_second is not None:
            time.sleep(max(0.0, began + done / per_second - time.monotonic()))
        number, at = divmod(done, len(made))
        mark = b"%07d" % number
        batch = [command.replace(ROUND, mark) for command in made[at : at + BURST]]
        connection.send_packed_command(batch)
        for _ in batch:
            connection.read_response()
    client.close()
