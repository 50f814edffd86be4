"""What several of the server's frames consist of: a ledger, a count by time, other watchers."""

from __future__ import annotations

import msgspec


class LedgerFigures(msgspec.Struct, frozen=True):
    """A session's ledger: entries = shown + filtered + the sum of `lost`.

    `lost` counts by gap reason; None where a loss could not be counted.
    """

    entries: int
    shown: int
    filtered: int
    lost: dict[str, int | None]


class OverviewBucket(msgspec.Struct, frozen=True):
    """`n`: how many buckets after `since` it begins; `levels`: lines, trace first, error last;
    `lost`: events that the stream states as lost in this time."""

    n: int
    levels: tuple[int, int, int, int, int]
    lost: int


class SharedFilter(msgspec.Struct, frozen=True):
    """The filter of a shared view; what looked like a secret in it is masked."""

    installs: tuple[str, ...] = ()
    request: str | None = None
    streams: tuple[str, ...] = ()
    level: str | None = None
    q: str = ""


class SharedView(msgspec.Struct, frozen=True):
    """What another watcher lets see: the filter, the line that the page stands at, whether live."""

    filter: SharedFilter
    line: str | None
    live: bool


class Watching(msgspec.Struct, frozen=True):
    """Another session, `view` what it shares; `id` tells it from others and is of no other use."""

    id: str
    name: str
    transport: str
    since: str
    view: SharedView | None
