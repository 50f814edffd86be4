"""Exact writing of the server's frames of `ext-debug.v1`.

No I/O; client_frames.py reads the client's side. `events` and `page` frames are joined from events
that were encoded once per process; the other frames are Structs. A test holds all of them to
docs/ext-debug.v1.asyncapi.yaml.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, Literal

import msgspec

from extdebug.protocol.client_frames import ErrorCode, ProtocolError
from extdebug.protocol.close_codes import CloseCode
from extdebug.wire.events import Gap, encode_json
from extdebug.wire.positions import Cursor


class _ServerFrame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", rename="camel"):
    """A server's frame, written as JSON by `encode()`."""

    def encode(self) -> bytes:
        """The frame's JSON."""
        return encode_json(self)


class Named(msgspec.Struct, frozen=True):
    """An install's id and display name."""

    id: str
    name: str


class ReadyTarget(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The stream a session watches; `installs` are those the viewer may see."""

    tenant: str
    extension: str
    tenant_name: str
    extension_name: str
    installs: tuple[Named, ...]


class ReadyLimits(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A session's limits: events and bytes per second, `window` bytes sent but unacknowledged,
    `ring` bytes waiting to be sent.
    """

    events_per_second: int
    bytes_per_second: int
    window: int
    ring: int


class ReadyGrant(msgspec.Struct, frozen=True, kw_only=True):
    """The grant that allows a production session."""

    id: int
    label: str
    until: str


class Ready(_ServerFrame, tag="ready", frozen=True, kw_only=True):
    """The session is open. Times are ISO 8601 in UTC; `ttl` is the seconds left by our clock."""

    session: str
    target: ReadyTarget
    expires_at: str
    ttl: int
    extendable_until: str
    limits: ReadyLimits
    mode: Literal["redis", "runner"]
    environment: str
    grant: ReadyGrant | None
    resumed: bool
    rev: int


class LedgerFigures(msgspec.Struct, frozen=True):
    """A session's ledger: entries = shown + filtered + the sum of `lost`.

    `lost` counts by gap reason; None where a loss could not be counted.
    """

    entries: int
    shown: int
    filtered: int
    lost: dict[str, int | None]


class StreamState(StrEnum):
    """A session's state, as its page shows it."""

    LIVE = "live"
    DEGRADED = "degraded"  # Redis does not answer; what arrives is late
    FALLBACK = "fallback"  # straight from one runner
    HISTORY = "history"  # still reading what was before
    PAUSED = "paused"


class Status(_ServerFrame, tag="status", frozen=True, kw_only=True):
    """State, ledger and cursor of the session; sent on change and every 15 s when idle."""

    state: StreamState
    message: str
    lag_ms: int | None
    ledger: LedgerFigures
    cursor: str | None
    expires_at: str
    ttl: int


class Expiring(_ServerFrame, tag="expiring", frozen=True, kw_only=True):
    """The session ends in `ttl` seconds unless extended."""

    expires_at: str
    ttl: int


class Error(_ServerFrame, tag="error", frozen=True, kw_only=True):
    """The last request was refused; the session goes on. `position` is in `q` for a bad filter."""

    code: str
    message: str
    position: int | None = None


class Pong(_ServerFrame, tag="pong", frozen=True, kw_only=True):
    """The answer to `ping`."""


class CheckShown(msgspec.Struct, frozen=True):
    """One rule of a decision and its result."""

    rule: str
    ok: bool
    reason: str
    hint: str = ""


class Closing(_ServerFrame, tag="closing", frozen=True, kw_only=True):
    """The last frame before the close; it gives the reason, because Daphne drops close reasons."""

    code: int
    reason: str
    message: str
    hint: str | msgspec.UnsetType = msgspec.UNSET
    retry: float | msgspec.UnsetType | None = msgspec.UNSET
    final: bool | msgspec.UnsetType = msgspec.UNSET
    checks: tuple[CheckShown, ...] | msgspec.UnsetType = msgspec.UNSET
    can_request: bool | msgspec.UnsetType = msgspec.UNSET
    position: int | msgspec.UnsetType = msgspec.UNSET


class GapFrame(_ServerFrame, tag="gap", frozen=True, kw_only=True):
    """Missing events, at their place in the order: gaps and `events` share one `seq`."""

    seq: int
    reason: str
    scope: str
    missed: int | None
    after: str | None
    before: str | None
    since: str | None
    cursor: str
    detail: str | None


SERVER_FRAMES: Final[tuple[type[_ServerFrame], ...]] = (
    Ready, Status, Expiring, Error, Pong, Closing, GapFrame,
)  # fmt: skip
PONG: Final = Pong().encode()


def error_frame(error: ProtocolError | Exception, *, position: int | None = None) -> bytes:
    """The `error` frame of a ProtocolError or a FilterError."""
    code: Any = getattr(error, "code", ErrorCode.BAD_MESSAGE)
    at = getattr(error, "position", None) if position is None else position
    return Error(code=str(code), message=str(error), position=at).encode()


def closing_frame(
    code: CloseCode,
    *,
    reason: str = "",
    message: str,
    hint: str = "",
    retry: float | None = None,
    checks: Sequence[CheckShown] | None = None,
    can_request: bool | None = None,
    position: int | None = None,
) -> bytes:
    """The `closing` frame; `reason` defaults to the code's name, `final` follows from the code."""
    return Closing(
        code=int(code),
        reason=reason or code.name.lower(),
        message=message,
        hint=hint,
        retry=retry,
        final=code.final,
        checks=msgspec.UNSET if checks is None else tuple(checks),
        can_request=msgspec.UNSET if can_request is None else can_request,
        position=msgspec.UNSET if position is None else position,
    ).encode()


def gap_frame(gap: Gap, *, seq: int, cursor: Cursor | str) -> bytes:
    """The `gap` frame of a Gap; `cursor` is the session's place after it."""
    return GapFrame(
        seq=seq,
        reason=gap.reason.value,
        scope=gap.scope,
        missed=gap.missed,
        after=gap.after,
        before=gap.before,
        since=gap.since,
        cursor=str(cursor),
        detail=gap.detail,
    ).encode()


def events_frame(parts: Sequence[str], *, seq: int, rev: int, cursor: Cursor | str) -> str:
    """An `events` frame from encoded events; a part is one event, or several joined by commas.

    Text and not bytes: equal parts are encoded once and shared by all sessions they go to.
    """
    joined = ",".join(parts)
    return f'{{"type":"events","seq":{seq},"rev":{rev},"cursor":"{cursor}","events":[{joined}]}}'


def page_frame(
    id: str, cursor: Cursor | str | None, parts: Sequence[bytes], *, done: bool, seq: int | None
) -> bytes:
    """A `page` frame that answers `fetch`; `seq` when it counts against the window."""
    numbered = b"" if seq is None else b',"seq":%d' % seq
    place = b"null" if cursor is None else b'"%s"' % str(cursor).encode("ascii")
    return b'{"type":"page"%s,"id":%s,"cursor":%s,"done":%s,"events":[%s]}' % (
        numbered,
        encode_json(id),
        place,
        b"true" if done else b"false",
        b",".join(parts),
    )
