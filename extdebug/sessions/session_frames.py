"""The frames of a session beside `events` and `gap`: `ready`, `status`, `expiring` and `page`."""

from __future__ import annotations

import datetime as dt

from extdebug.hub.page import PAGE_BYTES, Page
from extdebug.protocol import server_frames
from extdebug.protocol.server_frames import StreamState
from extdebug.sessions.flow_control import FlowControl
from extdebug.sessions.lifetime import Lifetime
from extdebug.sessions.store import Lease
from extdebug.wire.events import iso
from extdebug.wire.positions import Cursor
from policies.access import Decision


class ControlFrame:
    """A small frame outside the numbered order, or the answer to a request. `emptied` is the same
    answer without what was found, for when it was found for another scope."""

    __slots__ = ("data", "emptied", "kind")

    def __init__(self, kind: str, data: bytes, *, emptied: bytes | None = None) -> None:
        self.kind = kind
        self.data = data
        self.emptied = emptied

    def parts(self) -> list[bytes]:
        """The frame."""
        return [self.data]

    def text(self) -> str:
        """The same as one text."""
        return self.data.decode()


def ready(
    lease: Lease,
    decision: Decision,
    names: server_frames.ReadyTarget,
    *,
    lifetime: Lifetime,
    now: float,
    rev: int,
    on_runners: bool,
) -> ControlFrame:
    """The first frame of a session."""
    limits, grant = decision.limits, None
    if decision.grant_id is not None:
        until = _iso(decision.until or lifetime.expires_at)
        grant = server_frames.ReadyGrant(
            id=decision.grant_id,
            label=decision.grant_label,
            until=until,
            reason=decision.grant_reason,
            break_glass=decision.break_glass,
        )
    frame = server_frames.Ready(
        session=lease.id,
        target=names,
        expires_at=_iso(lifetime.expires_at),
        ttl=lifetime.left(now),
        extendable_until=_iso(lease.extendable_until),
        limits=server_frames.ReadyLimits(
            events_per_second=limits.events_per_second,
            bytes_per_second=limits.bytes_per_second,
            window=limits.window_bytes,
            ring=limits.ring_bytes,
        ),
        mode="runner" if on_runners else "redis",
        environment=decision.environment,
        grant=grant,
        resumed=lease.resumed,
        rev=rev,
    )
    return ControlFrame("ready", frame.encode())


def status(
    state: StreamState,
    message: str,
    *,
    flow: FlowControl,
    lifetime: Lifetime,
    now: float,
    lag_ms: int | None,
    placed: bool,
) -> ControlFrame:
    """State, account and place of a session."""
    frame = server_frames.Status(
        state=state,
        message=message,
        lag_ms=lag_ms,
        ledger=flow.ledger.frame(),
        cursor=str(flow.position) if placed else None,
        expires_at=_iso(lifetime.expires_at),
        ttl=lifetime.left(now),
    )
    return ControlFrame("status", frame.encode())


def expiring(lifetime: Lifetime, *, now: float) -> ControlFrame:
    """The end is a minute away."""
    frame = server_frames.Expiring(expires_at=_iso(lifetime.expires_at), ttl=lifetime.left(now))
    return ControlFrame("expiring", frame.encode())


def page(id: str, found: Page, *, flow: FlowControl, now: float) -> ControlFrame:
    """As many of the found events as one page may weigh; counted against the window."""
    parts: list[bytes] = []
    size, last = 0, found.cursor
    done, cursor = found.done, found.cursor
    for decoded in found.found:
        if parts and size + len(decoded.json) > PAGE_BYTES:
            done, cursor = False, last
            break
        parts.append(decoded.json)
        size += len(decoded.json)
        last = Cursor(decoded.id)
    if parts:
        flow.reach.paged(found.found[0], found.found[len(parts) - 1])
    seq = flow.number(size, now)
    hidden_by = None
    if found.hidden_by is not None:
        hidden_by = [server_frames.HiddenBy(part.name, part.term) for part in found.hidden_by]
    frame = server_frames.page_frame(id, cursor, parts, done=done, seq=seq, hidden_by=hidden_by)
    nothing = server_frames.page_frame(id, None, (), done=False, seq=seq)
    return ControlFrame("page", frame, emptied=nothing)


def emptied(note: ControlFrame) -> ControlFrame:
    """The same note, but an answer without what was found for another scope."""
    if note.emptied is None:
        return note
    return ControlFrame(note.kind, note.emptied, emptied=note.emptied)


def _iso(moment: dt.datetime) -> str:
    return iso(int(moment.timestamp() * 1000))
