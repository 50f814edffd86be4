"""Reads what a publisher wrote and books every number: delivered, in a gap, or unaccounted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from extdebug.wire.entries import from_entry
from extdebug.wire.events import Event, Origin
from extdebug.wire.positions import EntryId


@dataclass
class Ledger:
    """One source's numbers, in the order they were read."""

    delivered: list[int] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    holes: int = 0
    stated: int = 0
    repeated: int = 0
    last: int = 0

    def entry(self, event: Event, origin: Origin) -> None:
        if origin.lost:
            self.stated += origin.lost
            return
        assert origin.n is not None
        if origin.n <= self.last:
            self.repeated += 1
            return
        self.holes += origin.n - self.last - 1
        self.last = origin.n
        self.delivered.append(origin.n)
        self.messages.append(event.message)


def read_stream(
    client: Any, key: str, *, tenant: str, extension: str
) -> list[tuple[Event, Origin]]:
    """Every entry of a stream, decoded by the console's own codec."""
    client.connection_pool.connection_kwargs["decode_responses"] = False
    rows = client.execute_command("XRANGE", key, "-", "+")
    return [decode(row, tenant=tenant, extension=extension) for row in rows or ()]


def decode(row: Any, *, tenant: str, extension: str) -> tuple[Event, Origin]:
    entry_id, fields = row
    flat = fields
    if isinstance(fields, dict):
        flat = [part for pair in fields.items() for part in pair]
    return from_entry(flat, id=EntryId.parse(entry_id), tenant=tenant, extension=extension)


def book(entries: Iterable[tuple[Event, Origin]]) -> dict[str | None, Ledger]:
    """A ledger for each `src`."""
    ledgers: dict[str | None, Ledger] = {}
    for event, origin in entries:
        ledgers.setdefault(origin.src, Ledger()).entry(event, origin)
    return ledgers
