"""What a session says beside events: its beginning, its state, its end that nears, and pages."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from extdebug.hub.page import PAGE_BYTES, Page
from extdebug.protocol.server_frames import StreamState
from extdebug.sessions import session_frames
from extdebug.sessions.flow_control import FlowControl
from extdebug.sessions.lifetime import Lifetime
from extdebug.sessions.store import Lease
from extdebug.wire.positions import Cursor, EntryId
from tests.extdebug.hub.test_ring_buffer import prepared
from tests.extdebug.stage import NAMES, allowed

NOW = 10.0


def flow() -> FlowControl:
    return FlowControl(
        position=Cursor.parse("4-0.4"), rev=2, events_per_second=0, bytes_per_second=0,
        window=1 << 20,
    )  # fmt: skip


def lifetime() -> Lifetime:
    one = Lifetime()
    one.until(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=600), now=NOW)
    return one


def lease(**more: Any) -> Lease:
    now = dt.datetime.now(dt.UTC)
    return Lease("session-1", "h", now, now, now + dt.timedelta(hours=1), **more)


@pytest.mark.parametrize(("on_runners", "mode"), [(True, "runner"), (False, "redis")])
def test_ready_says_what_is_watched_and_for_how_long(on_runners: bool, mode: str) -> None:
    decision = allowed(
        grant_id=3, grant_label="G-3", grant_reason="invoices stuck", break_glass=True
    )
    frame = session_frames.ready(
        lease(resumed=True), decision, NAMES, lifetime=lifetime(), now=NOW, rev=2,
        on_runners=on_runners,
    )  # fmt: skip
    said = json.loads(frame.text())
    assert (frame.kind, said["type"], said["session"]) == ("ready", "ready", "session-1")
    assert (said["mode"], said["resumed"], said["rev"]) == (mode, True, 2)
    assert said["ttl"] == 600
    assert said["grant"]["id"] == 3
    assert (said["grant"]["reason"], said["grant"]["breakGlass"]) == ("invoices stuck", True)
    assert said["grant"]["until"] == said["expiresAt"], "a grant without end ends with the session"


@pytest.mark.parametrize(("placed", "cursor"), [(True, "4-0.4"), (False, None)])
def test_status_names_a_place_once_there_is_one(placed: bool, cursor: str | None) -> None:
    frame = session_frames.status(
        StreamState.LIVE, "", flow=flow(), lifetime=lifetime(), now=NOW, lag_ms=3, placed=placed
    )
    said = json.loads(frame.text())
    assert (said["state"], said["cursor"], said["lagMs"]) == ("live", cursor, 3)
    assert said["ledger"]["entries"] == 0


def test_a_page_weighs_no_more_than_one_may_and_takes_credit() -> None:
    found = [prepared(n, size=PAGE_BYTES // 3) for n in range(1, 6)]
    one = flow()
    frame = session_frames.page(
        "p", Page(found, Cursor(EntryId(9, 0)), done=True), flow=one, now=NOW
    )
    assert '"seq":1' in frame.text().replace(" ", "")
    assert one.unacked > PAGE_BYTES * 0.9
    text = frame.text()
    assert '"done":false' in text.replace(" ", "")
    assert '"cursor":"3-0"' in text.replace(" ", ""), "the place behind the last event that fits"


def test_a_single_event_above_the_bound_is_a_page_of_its_own() -> None:
    found = [prepared(1, size=PAGE_BYTES * 2), prepared(2)]
    frame = session_frames.page("p", Page(found, None, done=True), flow=flow(), now=NOW)
    assert '"cursor":"1-0"' in frame.text().replace(" ", "")


def test_an_emptied_page_keeps_its_number_and_asks_to_be_asked_again() -> None:
    found = Page([], Cursor(EntryId(9, 0)), done=True)
    frame = session_frames.page("p", found, flow=flow(), now=NOW)
    said = json.loads(session_frames.emptied(frame).text())
    assert (said["id"], said["seq"], said["events"], said["done"]) == ("p", 1, [], False)
    assert said["cursor"] is None
    other = session_frames.expiring(lifetime(), now=NOW)
    assert session_frames.emptied(other) is other
