"""One event, once per process: read from its entry, redacted, encoded. To reach: <= 10 us.

    python -m tests.bench.bench_codec [--rounds 9]

Prints CPU microseconds per event (medians) for entries as deployed runners and ours write them,
and for what a hostile writer may send, per KiB of entry: no input may cost more than linear.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Final

from extdebug.hub.redacting_decoder import RedactingDecoder
from extdebug.wire.entries import from_entry, to_entry
from extdebug.wire.events import Event, Level, Origin, Output, Unreadable, encode_json
from extdebug.wire.keys import Target
from extdebug.wire.positions import EntryId
from policies.redaction.redactor import Redactor

ID: Final = EntryId(1_767_225_600_123, 0)
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


def per_call(work: Callable[[], object], *, rounds: int, times: int) -> float:
    """Median CPU us of one call."""
    figures = []
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(times):
            work()
        figures.append((time.process_time() - began) / times * 1e6)
    return statistics.median(figures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    target = Target("acme", "invoice-sync")
    prepare = RedactingDecoder(Redactor(key=b"k" * 32), target)

    def read(entry: list[bytes]) -> object:
        try:
            return from_entry(entry, id=ID, tenant="acme", extension="invoice-sync")
        except Unreadable:
            return None

    print(f"{'CPU us per event':36}{'read':>8}{'encode':>8}{'all, redacted':>15}")
    for name, make in USUAL.items():
        entries = [make(number) for number in range(1_000)]
        events = [
            from_entry(entry, id=ID, tenant="acme", extension="invoice-sync")[0]
            for entry in entries
        ]
        reading = per_call(lambda e=entries: [read(x) for x in e], rounds=rounds, times=2)  # type: ignore[misc]
        encoding = per_call(lambda e=events: [encode_json(x) for x in e], rounds=rounds, times=2)  # type: ignore[misc]
        whole = per_call(lambda e=entries: [prepare((ID, x)) for x in e], rounds=rounds, times=2)  # type: ignore[misc]
        print(f"{name:36}{reading / 1000:8.2f}{encoding / 1000:8.2f}{whole / 1000:15.2f}")
    print(f"\n{'hostile, CPU ms per entry':36}{'read':>8}{'all':>8}{'all, us/KiB':>15}")
    for name, entry in HOSTILE.items():
        size = sum(map(len, entry)) / 1024
        reading = per_call(lambda e=entry: read(e), rounds=rounds, times=3)  # type: ignore[misc]
        whole = per_call(lambda e=entry: prepare((ID, e)), rounds=rounds, times=3)  # type: ignore[misc]
        print(f"{name:36}{reading / 1000:8.2f}{whole / 1000:8.2f}{whole / size:15.1f}")


if __name__ == "__main__":
    main()
