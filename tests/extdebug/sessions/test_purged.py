"""A gap that reaches into what an operator removed says why; its number and place stay."""

from __future__ import annotations

import pytest

from extdebug.sessions.purged import Purged, named
from extdebug.streams.purge import Stretch
from extdebug.wire.events import Gap, GapReason
from extdebug.wire.positions import EntryId

KEY = Purged(Stretch(EntryId(10, 0), EntryId(20, 0)), "a key")
OTHER = Purged(Stretch(EntryId(40, 0), EntryId(50, 0)), "a name")


@pytest.mark.parametrize(
    ("after", "before", "says"),
    [
        ("5-0", "30-0", "an operator removed lines here: a key"),
        ("19-0", "45-0", "an operator removed lines here: a key; a name"),
        ("15-0", None, "an operator removed lines here: a key"),
        ("20-0", "40-0", None),
        ("1-0", "10-0", None),
        ("9-0", "10-1", "an operator removed lines here: a key"),
    ],
)
def test_a_gap_names_the_purges_that_it_meets(
    after: str, before: str | None, says: str | None
) -> None:
    gap = Gap(GapReason.RETENTION, 7, after, before)
    told = named(gap, (KEY, OTHER))
    assert told.detail == says
    assert (told.missed, told.after, told.before) == (7, after, before)


def test_a_purge_that_was_repeated_is_named_once() -> None:
    assert named(Gap(GapReason.RETENTION, 1, "5-0", "30-0"), (KEY, KEY)).detail == (
        "an operator removed lines here: a key"
    )


@pytest.mark.parametrize(
    "gap",
    [
        Gap(GapReason.RESET, None, "5-0", "30-0"),
        Gap(GapReason.NOT_CONSUMED, 3, "5-0", "30-0"),
        Gap(GapReason.RETENTION, 3, "5-0", "30-0", detail="said"),
        Gap(GapReason.RETENTION, 3),
    ],
)
def test_other_losses_stay_as_they_are(gap: Gap) -> None:
    assert named(gap, (KEY,)) is gap
