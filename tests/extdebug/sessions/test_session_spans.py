"""What is said of a session that is followed, from figures and clocks of the test."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace
from typing import Any, Final

import pytest

from audit.tracing import spans
from extdebug.filters.filter import EVERYTHING
from extdebug.hub.history import History
from extdebug.hub.pieces import Piece
from extdebug.hub.selection import Selection
from extdebug.sessions import session_spans
from extdebug.sessions.flow_control import FlowControl
from extdebug.sessions.session_spans import Followed, Reading, SessionSpans, TracedHistory
from extdebug.sessions.store import Lease
from extdebug.wire.events import Gap, GapReason
from extdebug.wire.positions import ZERO_ID, Cursor, Start
from tests.extdebug.hub.test_ring_buffer import chunk
from tests.extdebug.sessions.pieces import Queue, deliver_all, deliver_next
from tests.extdebug.sessions.test_place import at
from tests.extdebug.stage import TARGET, PaperHub, allowed

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
LEASE = Lease("s-1", "holder-1", NOW, NOW, NOW)
ABOUT: Final[dict[str, spans.Value]] = {
    "session": "s-1", "tenant": "acme", "extension": "invoice-sync", "process": "p-1",
}  # fmt: skip


class Recorder:
    """A tracer of paper. `place` is the span that is open, None for one that nobody records."""

    counts: Any = None

    def __init__(self, place: object | None = "the opening") -> None:
        self.place = place
        self.noted: dict[str, Any] = {}
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.times: list[tuple[int, int]] = []

    def span(self, *_: object) -> AbstractContextManager[None]:
        return nullcontext()

    def note(self, attributes: dict[str, Any]) -> None:
        self.noted |= attributes

    def here(self) -> object | None:
        return self.place

    def record(
        self, name: str, under: object, began: int, ended: int, attributes: dict[str, Any]
    ) -> None:
        assert under == self.place
        assert {key: attributes.pop(key) for key in ABOUT} == ABOUT
        self.said.append((name, attributes))
        self.times.append((began, ended))


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    spans.use(recorder)  # type: ignore[arg-type]
    yield recorder
    spans.use(None)


def flow_of(**more: Any) -> FlowControl:
    given: dict[str, Any] = {"events_per_second": 1000, "bytes_per_second": 1_000_000, **more}
    return FlowControl(position=Cursor(ZERO_ID), rev=0, **given)


def feed(flow: FlowControl, *, due: bool = False) -> Any:
    return SimpleNamespace(flow=flow, lease=LEASE, due=due)


async def followed(flow: FlowControl | None = None) -> SessionSpans:
    sessions = SessionSpans("p-1")
    sessions.begin(LEASE, TARGET)
    if flow is not None:
        sessions.attend(feed(flow))
    return sessions


@pytest.mark.parametrize("recorded", [True, False])
async def test_a_session_is_followed_if_its_opening_is_recorded(recorder: Recorder, recorded: bool):
    if not recorded:
        recorder.place = None
    sessions = await followed(flow_of())
    assert len(sessions) == recorded
    assert recorder.noted["session"] == "s-1"
    assert (sessions.history_of(LEASE) is History) is not recorded
    sessions.left(LEASE)
    await sessions.stop()
    assert len(sessions) == 0


async def test_while_traces_are_off_nothing_is_kept_and_nothing_runs():
    tasks = asyncio.all_tasks()
    sessions = await followed(flow_of())
    sessions.decided(feed(flow_of()), allowed(), asked_at=0.0)
    assert (len(sessions), asyncio.all_tasks()) == (0, tasks)
    assert sessions.history_of(LEASE) is History


async def test_a_delivery_span_sums_up_what_was_sent_since_the_last_one(recorder: Recorder):
    flow = flow_of()
    sessions = await followed(flow)
    one, two = Piece(at(4), chunk=chunk(1, 4, size=10)), Piece(at(6), 3, chunk(5, 2, size=10))
    deliver_all(flow, Queue(one, two))
    flow.lose(Gap(GapReason.RETENTION, 3, "6-0", "9-0"), at(9), 0.0)
    sessions.look(now=10**19)
    sessions.look(now=10**19)
    sessions.left(LEASE)
    await sessions.stop()

    ((name, said),) = recorder.said
    assert name == "session.deliver"
    assert (said["events"], said["gaps"], said["frames"]) == (6, 1, 2)
    assert (said["filtered"], said["bytes"]) == (flow.ledger.filtered, flow.told_bytes)
    assert said["bytes"] > 0
    assert said["window_full_seconds"] == 0
    assert recorder.times[0][0] <= recorder.times[0][1]


async def test_before_its_time_a_look_says_nothing(recorder: Recorder):
    flow = flow_of()
    sessions = await followed(flow)
    deliver_all(flow, Queue(Piece(at(4), chunk=chunk(1, 4))))
    sessions.look(now=0)
    assert recorder.said == []
    await sessions.stop()


async def test_a_client_that_takes_nothing_shows_as_time_with_a_full_window(recorder: Recorder):
    flow = flow_of(window=1)
    sessions = await followed(flow)
    assert deliver_next(flow, Queue(Piece(at(4), chunk=chunk(1, 4)))) is not None
    sessions.look(now=0)
    sessions.look(now=0)
    sessions.left(LEASE)
    await sessions.stop()
    ((_, said),) = recorder.said
    assert said["window_full_seconds"] == 2 * session_spans.LOOK
    assert said["unacknowledged_bytes"] == flow.unacked > 0


async def test_a_filter_that_begins_the_account_anew_takes_nothing_from_the_sum(
    recorder: Recorder,
):
    flow = flow_of()
    deliver_all(flow, Queue(Piece(at(4), 7, chunk(1, 4))))
    sessions = await followed(flow)
    flow.ledger.shown, flow.ledger.filtered = 2, 1
    flow.number(1, 0.0)
    sessions.left(LEASE)
    await sessions.stop()
    ((_, said),) = recorder.said
    assert (said["events"], said["filtered"]) == (2, 1)


def test_each_decision_says_why_it_was_asked_for(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
):
    clock = [1000.0]
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: SimpleNamespace(time=lambda: clock[0]))
    sessions = SessionSpans("p-1")
    sessions._followed[LEASE.holder] = Followed("the opening", ABOUT)
    for due, passed in ((True, 0), (False, 1), (True, 1), (False, session_spans.AFRESH)):
        clock[0] += passed
        sessions.decided(feed(flow_of(), due=due), allowed(), asked_at=clock[0])
    refused = allowed(allowed=False, checks=(SimpleNamespace(rule="consent", ok=False),))
    sessions.decided(feed(flow_of()), refused, asked_at=clock[0] - 0.5)

    assert [said["why"] for _, said in recorder.said] == [
        "opening", "change", "due", "time", "change",
    ]  # fmt: skip
    assert [said["allowed"] for _, said in recorder.said] == [True] * 4 + [False]
    assert recorder.said[-1][1]["failed_rule"] == "consent"
    began, ended = recorder.times[-1]
    assert ended - began >= 0.5e9


async def test_the_first_page_and_the_whole_reading_are_told_once(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
):
    sessions = await followed(flow_of())
    hub, subscription = reading_stage()
    pages = iter(
        [[Piece(at(4), chunk=chunk(1, 4))], [Piece(at(5), chunk=chunk(5, 1)), Piece(at(6))]]
    )

    async def page(self: History) -> list[Piece]:
        pieces = next(pages)
        self.done = len(pieces) == 2
        return pieces

    monkeypatch.setattr(History, "page", page)
    history = sessions.history_of(LEASE)(hub, subscription, Start(tail=10))
    await history.page()
    await history.page()
    sessions.left(LEASE)
    await sessions.stop()

    assert recorder.said == [
        ("session.first_page", {"pages": 1, "events": 4, "gaps": 0}),
        ("session.read_past", {"pages": 2, "events": 5, "gaps": 0, "whole": True}),
    ]


async def test_a_reading_that_is_given_up_says_how_far_it_came(recorder: Recorder):
    sessions = await followed(flow_of())
    hub, subscription = reading_stage()
    make = sessions.history_of(LEASE)
    make(hub, subscription, Start(tail=1))
    entry = sessions._followed[LEASE.holder]
    assert entry.reading is not None
    entry.page(entry.reading, [Piece(at(4), chunk=chunk(1, 4))], done=False)
    later = make(hub, subscription, Start(tail=1))  # another filter
    assert isinstance(later, TracedHistory)
    sessions.left(LEASE)
    await sessions.stop()
    assert [name for name, _ in recorder.said] == ["session.first_page", "session.read_past"]
    assert recorder.said[1][1]["whole"] is False
    assert entry.reading is None


def reading_stage() -> tuple[Any, Any]:
    hub = PaperHub()
    return hub, hub.subscribe(TARGET, Selection(None, EVERYTHING), lambda: None, ring_bytes=1000)


def test_a_page_adds_its_events_and_gaps():
    reading = Reading()
    reading.add(
        [Piece(at(4), chunk=chunk(1, 4)), Piece(at(9), gap=Gap(GapReason.RESET, None, "4-0", None))]
    )
    assert reading.figures() == {"pages": 1, "events": 4, "gaps": 1}
