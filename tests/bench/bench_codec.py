"""One event, once per process: read from its entry, redacted, encoded. Goals stand in goals.py.

    python -m tests.bench.bench_codec [--rounds 60]

Prints CPU microseconds per event for entries as deployed runners and ours write them: the plain
way of reading (from_entry), the remembering one, one entry by itself, and many together as the hub
reads a reply. Then what a hostile writer may send, per KiB of entry: no input may cost more than
linear; and lines that a runner prepares. Figures are the least of many short rounds (and their
median): a busy machine moves the median by half, the least by a few hundredths.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Final

from extdebug.hub.redacting_decoder import RedactingDecoder
from extdebug.runner.context import RequestFlow
from extdebug.runner.publish.redacting_encoder import Captured
from extdebug.runner.publish.redacting_encoder import prepare as prepare_line
from extdebug.runner.publish.redaction import load_redaction
from extdebug.wire.entries import from_entry, to_entry
from extdebug.wire.entry_reader import EntryReader
from extdebug.wire.events import Event, Level, Origin, Output, Unreadable, encode_json
from extdebug.wire.keys import Target
from extdebug.wire.positions import EntryId
from policies.redaction.redactor import Redactor

ID: Final = EntryId(1_767_225_600_123, 0)
EACH: Final = 500  # entries of one round
STEPS: Final = ("read plainly", "read", "encode", "all, redacted", "all, together")
MESSAGE: Final = (
    "handled request path=/v1/orders/8731 status=200 rows=17 cache=miss "
    "upstream=pg-main took=18.4ms retry=0 user=42 ok"
)


def flat(**values: str | bytes) -> list[bytes]:
    listed: list[bytes] = []
    for name, value in values.items():
        listed += (name.encode(), value if isinstance(value, bytes) else value.encode())
    return listed


NAMES: Final = {
    "level": "info", "stream": "stdout", "tenant": "acme", "extension": "invoice-sync",
    "install": "inst-acme", "version": "1.4.2", "content_hash": "sha256:0123456789abcdef01234567",
}  # fmt: skip


def rust(number: int) -> list[bytes]:
    return flat(
        ts=str(1_767_225_600_000 + number), **NAMES, request=f"req-{number % 50:08x}",
        message=f"{number} {MESSAGE}", truncated="false",
    )  # fmt: skip


def ours(number: int, *, fields: dict[str, object] | None = None, text: str = "") -> list[bytes]:
    event = Event(
        ts=f"2026-01-01T00:00:{number % 60:02d}.{number % 1000:03d}Z", level=Level.INFO,
        stream=Output.LOG, message=text or f"{number} {MESSAGE}", tenant_id="acme",
        extension_id="invoice-sync", install_id="inst-acme",
        request_id=f"req-{number % 50:08x}", version_id="1.4.2", fields=fields,
    )  # fmt: skip
    written = to_entry(event, Origin(src="boot-1234", n=number))
    return [part if isinstance(part, bytes) else part.encode() for part in written]


USUAL: Final[dict[str, Callable[[int], list[bytes]]]] = {
    "deployed Rust runner, 11 fields": rust,
    "our runner": ours,
    "our runner, 4 fields": lambda n: ours(n, fields={"ms": n, "ok": True, "user": "u1", "p": 1.5}),
    "our runner, nested fields": lambda n: ours(
        n, fields={"ms": n, "user": {"id": "u1", "plan": "pro"}, "tags": ["a", "b"]}
    ),
    "our runner, a secret": lambda n: ours(n, text=f"{n} login with AKIAIOSFODNN7EXAMPLE done"),
}
FLOW: Final = RequestFlow.of("acme", extension="invoice-sync", install="inst-acme", request="r-1")
LINES: Final[dict[str, bytes]] = {
    "plain line": MESSAGE.encode(),
    "line with time and level": b"2026-01-31T09:30:00Z INFO " + MESSAGE.encode(),
    "JSON line": b'{"level": "info", "message": "%b", "ms": 12}' % MESSAGE.encode(),
    "JSON line, 4 fields": b'{"level":"info","msg":"%b","ms":12,"ok":true,"user":"u1","p":1.5}'
    % MESSAGE.encode(),
    "JSON line, nested": b'{"level":"info","msg":"%b","user":{"id":"u1"},"tags":["a","b"]}'
    % MESSAGE.encode(),
}
HOSTILE: Final[dict[str, list[bytes]]] = {
    "1 MiB message": flat(message="x" * (1 << 20)),
    "1 MiB message, not UTF-8": flat(message=b"\xff" * (1 << 20)),
    "10,000 unknown fields": flat(message="m", **{f"name{n}": "value" for n in range(10_000)}),
    "10,000 times the same field": flat(message="m") * 10_000,
    "1 MiB of JSON": flat(message="m", fields=json.dumps({f"k{n}": n for n in range(80_000)})),
    "60 KiB of brackets": flat(message="m", fields="[" * 60_000),
    "60 KiB of small JSON": flat(message="m", fields=json.dumps([[0]] * 12_000)),
    "1 MiB unknown field": flat(message="m", colour="x" * (1 << 20)),
}


def per_call(work: Callable[[], object], *, rounds: int, times: int) -> tuple[float, float]:
    """CPU us of each of the calls that `work` makes: the least and the median of the rounds."""
    figures = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        figures.append((time.process_time() - began) / times * 1e6)
    return min(figures), statistics.median(figures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=60)
    rounds = parser.parse_args().rounds
    target = Target("acme", "invoice-sync")
    prepare = RedactingDecoder(Redactor(key=b"k" * 32), target)
    remembering = EntryReader(tenant="acme", extension="invoice-sync")

    def read(entry: list[bytes]) -> object:
        try:
            return from_entry(entry, id=ID, tenant="acme", extension="invoice-sync")
        except Unreadable:
            return None

    print(f"{'CPU us per event: least (median)':34}" + "".join(f"{name:>15}" for name in STEPS))
    for name, make in USUAL.items():
        entries = [make(number) for number in range(EACH)]
        rows = [(ID, entry) for entry in entries]
        events = [event for _, event, _ in remembering(rows)]
        steps: list[Callable[[], object]] = [
            lambda e=entries: [read(x) for x in e],  # type: ignore[misc]
            lambda r=rows: [remembering((x,)) for x in r],  # type: ignore[misc]
            lambda e=events: [encode_json(x) for x in e],  # type: ignore[misc]
            lambda r=rows: [prepare(x) for x in r],  # type: ignore[misc]
            lambda r=rows: list(prepare.each(r)),  # type: ignore[misc]
        ]
        figures = [per_call(step, rounds=rounds, times=EACH) for step in steps]
        shown = "".join(f"{least:8.2f} ({median:4.1f})" for least, median in figures)
        print(f"{name:34}{shown}")
    print(f"\n{'hostile, CPU ms per entry':36}{'read':>8}{'all':>8}{'all, us/KiB':>15}")
    for name, entry in HOSTILE.items():
        size = sum(map(len, entry)) / 1024
        few = max(3, rounds // 6)
        reading, _ = per_call(lambda e=entry: read(e), rounds=few, times=1)  # type: ignore[misc]
        whole, _ = per_call(lambda e=entry: prepare((ID, e)), rounds=few, times=1)  # type: ignore[misc]
        print(f"{name:36}{reading / 1000:8.2f}{whole / 1000:8.2f}{whole / size:15.1f}")
    show_lines(rounds)


def show_lines(rounds: int) -> None:
    """What a runner's own thread does with a captured line before it is written to Redis."""
    print(f"\n{'a runner prepares, CPU us per line':36}{'least':>8}{'median':>8}")
    redaction = load_redaction(b"k" * 32)
    for name, line in LINES.items():
        items = [
            Captured(
                "boot-1", n, ID.ms + n, FLOW, Output.STDOUT, Level.INFO, line, None,
                cut=False, structured=True,
            )
            for n in range(EACH)
        ]  # fmt: skip
        least, median = per_call(
            lambda i=items: [prepare_line(x, redaction, max_bytes=8192) for x in i],  # type: ignore[misc]
            rounds=rounds, times=EACH,
        )  # fmt: skip
        print(f"{name:36}{least:8.2f}{median:8.2f}")


if __name__ == "__main__":
    main()
