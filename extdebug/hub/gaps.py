"""Losses in a client's words: each kind of loss that a stream can show, as a Gap."""

from __future__ import annotations

from extdebug.hub.redacting_decoder import DecodedEntry
from extdebug.streams.continuity import Loss
from extdebug.wire.events import LAST_MS, Gap, GapReason, iso
from extdebug.wire.positions import Cursor, before


def loss_gap(loss: Loss) -> Gap:
    """What a Loss of the stream looks like to a client."""
    since = iso(loss.after.ms) if 0 < loss.after.ms < LAST_MS else None
    return Gap(
        reason=loss.reason,
        missed=loss.missed,
        after=str(loss.after),
        before=str(loss.before) if loss.before else None,
        since=since,
    )


def producer_gap(decoded: DecodedEntry, missed: int, *, after: Cursor) -> Gap:
    """Events that their runner says it dropped."""
    return Gap(
        reason=GapReason.PRODUCER,
        missed=missed,
        after=str(after.id),
        before=str(decoded.id),
        detail=decoded.origin.why or None,
    )


def hole_gap(decoded: DecodedEntry, missed: int, *, after: Cursor) -> Gap:
    """Events that their runner numbered and never sent, before this one."""
    return Gap(
        reason=GapReason.PRODUCER,
        missed=missed,
        after=str(after.id),
        before=str(decoded.id),
        detail="the runner's numbers have a hole",
    )


def unreadable_gap(decoded: DecodedEntry) -> Gap:
    """One entry that nobody may or can see."""
    return Gap(
        reason=GapReason.UNREADABLE,
        missed=1,
        after=str(before(decoded.id)),
        before=None,
        since=iso(decoded.id.ms) if decoded.id.ms < LAST_MS else None,
        detail=decoded.problem,
    )


def off_stream_gap(ms: int) -> Gap:
    """Between the last line that came straight from a runner, at `ms`, and the stream."""
    return Gap(
        GapReason.FAILOVER,
        None,
        since=iso(ms),
        detail="Until here lines came straight from runners, without a place in the stream; "
        "a moment that cannot be counted lies between.",
    )
