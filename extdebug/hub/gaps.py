"""Losses in a client's words: each kind of loss that a stream can show, as a Gap."""

from __future__ import annotations

from extdebug.hub.redacting_decoder import DecodedEntry
from extdebug.streams.continuity import Loss
from extdebug.streams.replies import before
from extdebug.streams.sequence_gaps import Hole
from extdebug.wire.events import LAST_MS, Gap, GapReason, iso
from extdebug.wire.positions import Cursor


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


def producer_gap(prepared: DecodedEntry, missed: int, *, after: Cursor) -> Gap:
    """Events that their runner says it dropped."""
    return Gap(
        reason=GapReason.PRODUCER,
        missed=missed,
        after=str(after.id),
        before=str(prepared.id),
        detail=prepared.origin.why or None,
    )


def hole_gap(hole: Hole) -> Gap:
    """Events that their runner numbered and never sent."""
    return Gap(
        reason=GapReason.PRODUCER,
        missed=hole.count,
        after=str(hole.after.id),
        before=str(hole.before),
        detail="the runner's numbers have a hole",
    )


def unreadable_gap(prepared: DecodedEntry) -> Gap:
    """One entry that nobody may or can see."""
    return Gap(
        reason=GapReason.UNREADABLE,
        missed=1,
        after=str(before(prepared.id)),
        before=None,
        since=iso(prepared.id.ms) if prepared.id.ms < LAST_MS else None,
        detail=prepared.problem,
    )
