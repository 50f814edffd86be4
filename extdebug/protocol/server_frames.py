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
from extdebug.protocol.frame_rest import SHORT, ascii_of, rest_of
from extdebug.protocol.server_frame_parts import (
    LedgerFigures,
    OverviewBucket,
    Watching,
)
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


class ReadyGrant(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The grant that allows a production session."""

    id: int
    label: str
    until: str
    reason: str
    break_glass: bool


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


class StreamState(StrEnum):
    """A session's state, as its page shows it."""

    LIVE = "live"
    DEGRADED = "degraded"  # Redis does not answer; what arrives is late
    FALLBACK = "fallback"  # straight from one runner
    HISTORY = "history"  # still reading what was before
    PAUSED = "paused"
    PLAYING = "playing"  # history at the speed that was asked for
    END_OF_RANGE = "end_of_range"  # all up to `until` was told; the session stands there


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


class OverviewFrame(_ServerFrame, tag="overview", frozen=True, kw_only=True):
    """The answer to `overview`: what the stream holds from `since` to `until`, in buckets of so
    many seconds; those without anything are left out.

    What lies between `counted_since` and `counted_until` was counted; `done`: that is all of it.
    `oldest` is the time of the first entry that is kept, `trimmed` how many came before it.
    """

    id: str
    seq: int
    bucket: int
    since: str
    until: str
    counted_since: str
    counted_until: str
    oldest: str | None
    trimmed: int
    buckets: tuple[OverviewBucket, ...]
    done: bool


class Presence(_ServerFrame, tag="presence", frozen=True, kw_only=True):
    """Who else watches the same stream now, as far as the viewer may know; sent when it changes.

    The oldest sessions first, `more` when there are others that are not named.
    """

    others: tuple[Watching, ...]
    more: bool


class HiddenBy(msgspec.Struct, frozen=True):
    """Why an event of a `page` is hidden: a part of the filter, as a term of the query language."""

    part: str
    term: str


SERVER_FRAMES: Final[tuple[type[_ServerFrame], ...]] = (
    Ready, Status, Expiring, Error, Pong, Closing, GapFrame, OverviewFrame, Presence,
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


def events_frame(runs: Sequence[bytes], *, seq: int, rev: int, cursor: Cursor | str) -> list[bytes]:
    """An `events` frame in parts, to be written one behind the other, from encoded events.

    A run is one event, or several joined by commas, and is no copy: it was encoded once and is
    shared by all sessions that it goes to. Of a short one its end of the frame is, too.
    """
    if len(runs) == 1 and len(run := runs[0]) <= SHORT:
        return [b'{"type":"events","seq":%d,"rev":%d' % (seq, rev), rest_of(run, cursor)]
    head = b'{"type":"events","seq":%d,"rev":%d,"cursor":"%b","events":['
    parts = [head % (seq, rev, ascii_of(cursor)), runs[0] if runs else b"", b"]}"]
    for run in runs[1:]:
        parts[-1:] = (b",", run, b"]}")
    return parts


def page_frame(
    id: str, cursor: Cursor | str | None, parts: Sequence[bytes], *, done: bool, seq: int | None,
    hidden_by: Sequence[HiddenBy] | None = None,
) -> bytes:  # fmt: skip
    """A `page` frame that answers `fetch`; `seq` when it counts against the window."""
    reasons = b"" if hidden_by is None else b',"hiddenBy":%s' % encode_json(hidden_by)
    numbered = b"" if seq is None else b',"seq":%d' % seq
    place = b"null" if cursor is None else b'"%s"' % str(cursor).encode("ascii")
    return b'{"type":"page"%s,"id":%s,"cursor":%s,"done":%s,"events":[%s]%s}' % (
        numbered,
        encode_json(id),
        place,
        b"true" if done else b"false",
        b",".join(parts),
        reasons,
    )
