"""Which sessions may have been shown lines of a stretch, by their rows and the trail. Synchronous.

A session's row says of which stretches it was sent events (`reach`): what lies outside was never
sent. What lies inside may have been: a filter or the scope of the person may have left it out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from django.db.models import Q

from audit import queries
from audit.actions import Action
from extdebug.models import DebugSession
from extdebug.sessions.handed_in import account_of
from extdebug.sessions.reach import Reach
from extdebug.sessions.used_filters import FilterInWords, in_words
from extdebug.streams.purge import Stretch
from extdebug.wire.keys import Target
from extdebug.wire.positions import ZERO_ID, EntryId

# A session that was sent a line was open when it was written or later, as far as clocks agree.
CLOCKS: Final = dt.timedelta(minutes=5)
KILLED: Final = 1006  # the close code of a row that nobody closed in order


class Certainty(StrEnum):
    """How a session's row speaks of a stretch. The words are for people."""

    WITHIN = "may have been shown"
    UNSETTLED = "none is on record, but its last seconds may not be yet"
    UNKNOWN = "unknown: the row does not say which lines it was sent"


@dataclass(frozen=True, slots=True)
class Shown:
    """One session that may have been shown lines of the stretch.

    `first` and `last` bound what it was sent there, where the row says it. `saved` says when
    lines left its page and how, `replayed` who typed the command of a replay.
    """

    session: DebugSession
    certainty: Certainty
    first: EntryId | None
    last: EntryId | None
    everything: bool  # a filter that leaves nothing out was among those used
    saved: Sequence[tuple[dt.datetime, Mapping[str, Any]]] = ()
    replayed: Mapping[str, Any] | None = None

    @property
    def filters(self) -> Sequence[FilterInWords]:
        """As the session's page shows them."""
        return [in_words(each) for each in self.session.filters]


def sessions_shown(target: Target, wanted: Stretch) -> list[Shown]:
    """Whom to ask, the latest first; sessions that cannot have been shown any are left out."""
    found = [each for row in _candidates(target, wanted) if (each := _judge(row, wanted))]
    ids = [each.session.pk for each in found]
    rows = queries.of_sessions(ids, Action.SESSION_LINES_SAVED, Action.REPLAY)
    return [_with_records(each, rows.get(str(each.session.pk), ())) for each in found]


def _candidates(target: Target, wanted: Stretch) -> Iterator[DebugSession]:
    rows = DebugSession.objects.filter(tenant=target.tenant, extension=target.extension)
    if wanted.first != ZERO_ID:
        # Nobody was shown a line before it was written.
        since = moment(wanted.first.ms) - CLOCKS
        rows = rows.filter(Q(closed_at=None) | Q(closed_at__gte=since))
    return rows.iterator(chunk_size=500)


def _judge(row: DebugSession, wanted: Stretch) -> Shown | None:
    account = account_of(row)
    everything = _sees_everything(account.filters)
    if account.reach is None:
        return Shown(row, Certainty.UNKNOWN, None, None, everything)
    met = [part for part in Reach.of(account.reach).parts if wanted.overlaps(*part)]
    if met:
        return Shown(row, Certainty.WITHIN, met[0][0], met[-1][1], everything)
    # Its account was written as it was closed, or as its connection was lost.
    in_order = row.closed_at is not None and row.close_code != KILLED
    if in_order or row.detached_at is not None:
        return None
    # It may have gone on, in either direction, since its account was written.
    return Shown(row, Certainty.UNSETTLED, None, None, everything)


def _sees_everything(filters: Sequence[Mapping[str, Any]]) -> bool:
    return any(not any(each.values()) for each in filters)


def _with_records(shown: Shown, rows: Sequence[Any]) -> Shown:
    saved = tuple((row.at, row.data) for row in rows if row.action == Action.SESSION_LINES_SAVED)
    replayed = next((row.data for row in rows if row.action == Action.REPLAY), None)
    return Shown(
        shown.session, shown.certainty, shown.first, shown.last, shown.everything, saved, replayed
    )


def moment(ms: int) -> dt.datetime:
    """The time of an id; the last that there is for one beyond all calendars."""
    latest = dt.datetime(9999, 1, 1, tzinfo=dt.UTC).timestamp()
    return dt.datetime.fromtimestamp(min(ms / 1000, latest), dt.UTC)
