"""Who may have been shown a stretch: nobody who was is left out, and what is unknown is said."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from audit import trail
from extdebug.demo.sample import Cast
from extdebug.models import DebugSession
from extdebug.sessions.shown_to import Certainty, moment, sessions_shown
from extdebug.streams.purge import EVERYTHING, MOST, Stretch
from extdebug.wire.keys import Target
from extdebug.wire.positions import EntryId

pytestmark = pytest.mark.django_db
TARGET = Target("acme", "invoice-sync")
NOW = timezone.now()
MS = int(NOW.timestamp() * 1000)
LEAK = Stretch(EntryId(MS, 0), EntryId(MS + 100, MOST.seq))


def session(cast: Cast, **more: Any) -> DebugSession:
    said: dict[str, Any] = {
        "user": cast.dan, "username": "dan", "tenant": "acme", "extension": "invoice-sync",
        "environment": "development", "transport": "ws", "process": "p", "holder": "h",
        "opened_at": NOW - dt.timedelta(minutes=1), "expires_at": NOW + dt.timedelta(minutes=9),
        "extendable_until": NOW + dt.timedelta(hours=1),
        "closed_at": NOW + dt.timedelta(minutes=1), "close_code": 1000, **more,
    }  # fmt: skip
    return DebugSession.objects.create(**said)


def reach(*parts: tuple[int, int]) -> list[list[str]]:
    return [[f"{MS + first}-0", f"{MS + last}-0"] for first, last in parts]


@pytest.mark.parametrize(
    ("more", "certainty"),
    [
        ({"reach": reach((-500, 50))}, Certainty.WITHIN),
        ({"reach": reach((-500, 0))}, Certainty.WITHIN),
        ({"reach": reach((100, 900))}, Certainty.WITHIN),
        ({"reach": reach((-500, 900))}, Certainty.WITHIN),
        ({"reach": reach((-500, -1), (101, 900))}, None),  # a gap lay there
        ({"reach": []}, None),
        ({"reach": None}, Certainty.UNKNOWN),  # of an earlier version
        # Its account may be a few seconds old.
        ({"reach": [], "closed_at": None}, Certainty.UNSETTLED),
        ({"reach": reach((-9, -1)), "closed_at": None}, Certainty.UNSETTLED),
        ({"reach": [], "close_code": 1006}, Certainty.UNSETTLED),  # its process was killed
        # It was written as the connection was lost.
        ({"reach": [], "close_code": 1006, "detached_at": NOW}, None),
        ({"reach": [], "closed_at": None, "detached_at": NOW}, None),
        # Another stream, or over before the line was written.
        ({"reach": reach((0, 9)), "extension": "report-maker"}, None),
        ({"reach": reach((0, 9)), "tenant": "globex"}, None),
        ({"reach": None, "closed_at": NOW - dt.timedelta(seconds=59)}, Certainty.UNKNOWN),
        (
            {
                "reach": None,
                "opened_at": NOW - dt.timedelta(hours=1),
                "closed_at": NOW - dt.timedelta(minutes=6),
            },
            None,
        ),
    ],
)
def test_a_session_is_judged_by_what_it_was_sent(
    cast: Cast, more: dict[str, Any], certainty: Certainty | None
) -> None:
    session(cast, **more)
    found = sessions_shown(TARGET, LEAK)
    assert [each.certainty for each in found] == ([certainty] if certainty else [])


def test_every_transport_is_told_with_what_left_it_and_who_ran_a_replay(cast: Cast) -> None:
    rows = {
        kind: session(
            cast, transport=kind, reach=reach((0, 10)), filters=[{"q": "x", "level": None}]
        )
        for kind in ("ws", "sse", "poll", "replay")
    }
    for action, kind, data in (
        (trail.Action.SESSION_LINES_SAVED, "ws", {"code": "file, 9 lines", "lines": 9}),
        (trail.Action.REPLAY, "replay", {"run_by": "root@host"}),
        (trail.Action.SESSION_LINES_SAVED, "nobody", {"code": "file, 1 lines"}),
    ):
        key = str(rows[kind].pk) if kind in rows else "nobody"
        trail.record(
            trail.Entry(
                action, actor=trail.SYSTEM, subject_type="session", subject_id=key, data=data
            )
        )
    found = {each.session.transport: each for each in sessions_shown(TARGET, LEAK)}
    assert set(found) == set(rows)
    assert [data["lines"] for _, data in found["ws"].saved] == [9]
    assert found["replay"].replayed == {"run_by": "root@host"}
    assert found["sse"].saved == ()
    assert found["sse"].replayed is None
    assert not found["ws"].everything


def test_a_filter_that_leaves_nothing_out_is_told_apart(cast: Cast) -> None:
    nothing: dict[str, Any] = {"installs": [], "request": "", "streams": [], "level": None, "q": ""}
    session(cast, reach=reach((0, 10)), filters=[{**nothing, "q": "x"}, nothing])
    session(cast, reach=reach((0, 10)), filters=[{**nothing, "q": "x"}, {"more": 3}])
    assert sorted(each.everything for each in sessions_shown(TARGET, LEAK)) == [False, True]


def test_where_the_parts_that_meet_the_stretch_begin_and_end_is_told(cast: Cast) -> None:
    session(cast, reach=reach((-900, -800), (-5, 5), (90, 95), (500, 600)))
    (found,) = sessions_shown(TARGET, LEAK)
    assert (found.first, found.last) == (EntryId(MS - 5, 0), EntryId(MS + 95, 0))


def test_everything_is_asked_about_without_a_moment(cast: Cast) -> None:
    session(cast, reach=reach((-900, -800)))
    assert len(sessions_shown(TARGET, EVERYTHING)) == 1
    assert moment(2**63).year == 9999
