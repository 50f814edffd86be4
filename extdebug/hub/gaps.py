"""Losses in a client's words: each kind of loss that a stream can show, as a Gap."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from extdebug.hub.pieces import NOWHERE
from extdebug.hub.redacting_decoder import DecodedEntry
from extdebug.streams.continuity import Loss
from extdebug.streams.producers import Missing
from extdebug.wire.events import LAST_MS, Gap, GapReason, iso
from extdebug.wire.positions import Cursor, EntryId, before, behind


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


def producer_gap(decoded: DecodedEntry, missed: int, *, after: EntryId) -> Gap:
    """Events that their runner says it dropped."""
    return Gap(
        reason=GapReason.PRODUCER,
        missed=missed,
        after=str(after),
        before=str(decoded.id),
        detail=decoded.origin.why or None,
    )


def hole_gap(decoded: DecodedEntry, missed: int, *, after: EntryId) -> Gap:
    """Events that their runner numbered and never sent, before this one."""
    return Gap(
        reason=GapReason.PRODUCER,
        missed=missed,
        after=str(after),
        before=str(decoded.id),
        detail="the runner's numbers have a hole",
    )


def unknown_gap(decoded: DecodedEntry, reason: GapReason, *, after: EntryId) -> Gap:
    """What this entry's number or marker shows: only the stream, which is gone, could say how much,
    and whether it was told."""
    return Gap(
        reason=reason,
        missed=None,
        after=str(after),
        before=str(decoded.id),
        detail="the runner lost events here or before; the stream that could say is gone",
    )


def ended_gap(reason: GapReason, after: EntryId, upto: EntryId) -> Gap:
    """What was there between two places, the second included, when the stream ended."""
    return Gap(reason, None, str(after), str(behind(upto)))


def entry_gaps(
    decoded: DecodedEntry, lost: Missing, previous: Cursor, place: Cursor
) -> Iterator[tuple[Gap | None, Cursor, int]]:
    """What this entry shows to be lost before it, and the entry itself where it has no line.

    Each with the place behind it, and how many entries it accounts for; no gap: nothing to tell.
    """
    told = msgspec.structs.replace(previous, stated=True)
    since = min(previous.id, lost.since or previous.id)
    if lost.hole and lost.stated and decoded.event is not None:
        # One gap: whoever leaves between two would stand where both count as told.
        yield producer_gap(decoded, lost.hole + lost.stated, after=since), told, 0
        lost = lost._replace(hole=0, stated=0)
    if lost.hole:
        yield hole_gap(decoded, lost.hole, after=since), told, 0
    if lost.unknown is not None:  # the end of this life, right behind, moves the place
        yield unknown_gap(decoded, lost.unknown, after=previous.id), NOWHERE, 0
    marker = producer_gap(decoded, lost.stated, after=previous.id) if lost.stated else None
    if decoded.event is not None:
        if marker is not None:
            yield marker, told, 0
    elif decoded.problem:
        yield unreadable_gap(decoded), place, 1
    else:  # without a gap: a marker whose loss the numbers had shown already
        yield marker, place, 1


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
