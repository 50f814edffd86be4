"""Counts leave as frames of a bounded size, beside the session's order and under its authority."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import ConnectionError as RedisConnectionError

from extdebug.filters.filter import EVERYTHING, Filter, FilterError, Problem
from extdebug.hub.overview import CELL_MS, LOST, Counts, TooBusy
from extdebug.hub.selection import Selection
from extdebug.protocol.client_frames import ErrorCode, Overview, ProtocolError
from extdebug.sessions import close_reasons
from extdebug.sessions.feed import Feed
from extdebug.sessions.flow_control import FlowControl
from extdebug.sessions.overview_requests import (
    ASKED,
    MOST_BUCKETS,
    USUAL_BUCKETS,
    bucket_of,
    in_buckets,
    overview,
)
from extdebug.sessions.session_frames import emptied
from extdebug.wire.positions import ZERO_ID, Cursor, EntryId
from policies.redaction.redactor import Redactor
from tests.extdebug.stage import Stage, allowed, frames, said

MINUTE = 60_000
T0 = 1_700_000_040_000  # a whole minute


def cells(*levels: tuple[int, int]) -> dict[int, list[int]]:
    """So many info lines at so many milliseconds after T0."""
    return {(T0 + ms) // CELL_MS: [0, 0, count, 0, 0, 0] for ms, count in levels}


def counts(found: dict[int, list[int]], *, oldest: int | None = T0, **more: Any) -> Counts:
    given: dict[str, Any] = {
        "first": EntryId(T0, 0), "last": EntryId(T0 + 5 * MINUTE, 0), "trimmed": 4, "done": True,
        "oldest": None if oldest is None else EntryId(oldest, 0), **more,
    }  # fmt: skip
    return Counts(found, **given)


def frame(wanted: Overview, found: Counts, flow: FlowControl | None = None) -> dict[str, Any]:
    one = overview(wanted, found, flow or new_flow(), now=0.0, wall=(T0 + 5 * MINUTE) / 1000)
    told: dict[str, Any] = json.loads(one.text())
    return told


def new_flow() -> FlowControl:
    return FlowControl(position=Cursor(ZERO_ID), rev=0, events_per_second=0, bytes_per_second=0)


def test_minutes_are_added_up_from_cells() -> None:
    told = frame(
        Overview(id="o", bucket=60),
        counts(cells((0, 1), (55_000, 2), (MINUTE, 4), (4 * MINUTE, 8))),
    )
    assert told["bucket"] == 60
    assert (told["since"], told["oldest"]) == ("2023-11-14T22:14:00.000Z",) * 2
    assert told["buckets"] == [
        {"n": 0, "levels": [0, 0, 3, 0, 0], "lost": 0},
        {"n": 1, "levels": [0, 0, 4, 0, 0], "lost": 0},
        {"n": 4, "levels": [0, 0, 8, 0, 0], "lost": 0},
    ]
    assert (told["trimmed"], told["done"]) == (4, True)


def test_a_range_within_what_is_kept_is_answered_and_no_more() -> None:
    wanted = Overview(id="o", since="2023-11-14T22:15:00Z", until="2023-11-14T22:16:00Z", bucket=60)
    told = frame(wanted, counts(cells((0, 1), (MINUTE, 2), (2 * MINUTE, 4))))
    assert (told["since"], told["until"]) == (
        "2023-11-14T22:15:00.000Z", "2023-11-14T22:16:00.000Z",
    )  # fmt: skip
    assert [bucket["levels"][2] for bucket in told["buckets"]] == [2]


def test_a_range_that_is_not_kept_any_more_is_empty_and_not_an_error() -> None:
    wanted = Overview(id="o", since="2001-01-01T00:00:00Z", until="2001-01-02T00:00:00Z")
    told = frame(wanted, counts(cells((0, 1))))
    assert told["since"] >= "2023-11-14"
    assert len(told["buckets"]) <= 1


def test_an_empty_stream_is_an_answer() -> None:
    told = frame(Overview(id="o"), counts({}, oldest=None))
    assert (told["oldest"], told["buckets"], told["done"]) == (None, [], True)


def test_a_part_says_which_part_it_is() -> None:
    told = frame(Overview(id="o"), counts({}, first=EntryId(T0 + MINUTE, 0), done=False))
    assert not told["done"]
    assert told["countedSince"] == "2023-11-14T22:15:00.000Z"
    assert told["countedUntil"] == "2023-11-14T22:19:00.000Z"


def test_a_frame_takes_a_number_and_credit() -> None:
    one = new_flow()
    told = frame(Overview(id="o"), counts(cells((0, 1))), one)
    assert told["seq"] == one.seq == 1
    assert one.unacked > 100


def test_an_emptied_answer_holds_no_counts_and_asks_to_be_asked_again() -> None:
    one = overview(Overview(id="o"), counts(cells((0, 1))), new_flow(), now=0.0, wall=T0 / 1000)
    told = json.loads(emptied(one).text())
    assert (told["id"], told["seq"], told["buckets"], told["done"]) == ("o", 1, [], False)
    assert (told["oldest"], told["trimmed"]) == (None, 0)


@given(span=st.integers(1, 10**11), least=st.none() | st.integers(1, 86_400))
def test_an_answer_has_a_bounded_number_of_buckets(span: int, least: int | None) -> None:
    seconds = bucket_of(T0, T0 + span, least=least)
    assert seconds * 1000 % CELL_MS == 0
    assert seconds >= (least or 0)
    assert span / (seconds * 1000) <= (USUAL_BUCKETS if least is None else MOST_BUCKETS)


@given(
    kept=st.dictionaries(st.integers(0, 400), st.integers(1, 9), max_size=40),
    width=st.sampled_from([5, 10, 30, 60, 300]),
)
def test_nothing_is_counted_twice_or_left_out(kept: dict[int, int], width: int) -> None:
    found = {number: [0, 0, count, 0, 0, count] for number, count in kept.items()}
    buckets = in_buckets(found, 0, 401 * CELL_MS * 60, width * 1000)
    assert sum(bucket.levels[2] for bucket in buckets) == sum(kept.values())
    assert sum(bucket.lost for bucket in buckets) == sum(kept.values())
    assert LOST == 5


# --- asking -----------------------------------------------------------------------------------


class PaperOverviews:
    """Counts as the test gives them, once it says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[Selection, int]] = []
        self.go = asyncio.Event()
        self.fails: Exception | None = None

    async def count(self, _: Any, __: Any, selection: Selection, *, since_ms: int) -> Counts:
        self.asked.append((selection, since_ms))
        await self.go.wait()
        if self.fails is not None:
            raise self.fails
        return counts(cells((0, len(self.asked))))


@pytest.fixture
async def stage() -> Stage:
    stage = Stage()
    stage.hub.overviews = PaperOverviews()
    return stage


def overviews(stage: Stage) -> PaperOverviews:
    found: PaperOverviews = stage.hub.overviews
    return found


async def answers(feed: Feed) -> list[dict[str, Any]]:
    return frames(await said(feed), "overview")


async def test_an_answer_does_not_hold_up_events(stage: Stage) -> None:
    feed = stage.open()
    await said(feed)
    feed.overviews.ask(Overview(id="o", since="2023-11-14T22:15:00Z"))
    stage.hub.write("meanwhile")
    messages = await said(feed)
    assert [type(message).__name__ for message in messages] == ["Events"]
    assert overviews(stage).asked == [(Selection(None, EVERYTHING), T0 + MINUTE)]
    overviews(stage).go.set()
    [told] = await answers(feed)
    assert told["id"] == "o"


async def test_too_many_at_once_are_refused(stage: Stage) -> None:
    feed = stage.open()
    for _ in range(ASKED):
        feed.overviews.ask(Overview(id="o"))
    with pytest.raises(ProtocolError) as refused:
        feed.overviews.ask(Overview(id="o"))
    assert refused.value.code is ErrorCode.TOO_FAST
    overviews(stage).go.set()
    assert len(await answers(feed)) == ASKED
    feed.overviews.ask(Overview(id="again"))


@pytest.mark.parametrize(
    ("fails", "code"),
    [
        (TooBusy(), "too_fast"),
        (RedisConnectionError("away"), "unavailable"),
        (FilterError(Problem.TOO_COSTLY, "a regex"), "too_costly"),
    ],
)
async def test_what_cannot_be_counted_is_said(stage: Stage, fails: Exception, code: str) -> None:
    feed = stage.open()
    overviews(stage).fails = fails
    overviews(stage).go.set()
    feed.overviews.ask(Overview(id="o"))
    [error] = frames(await said(feed), "error")
    assert error["code"] == code


@pytest.mark.parametrize("what", ["scope", "filter", "rules"])
async def test_what_was_counted_for_another_scope_filter_or_rules_is_never_told(
    stage: Stage, what: str
) -> None:
    feed = stage.open()
    await said(feed)
    feed.overviews.ask(Overview(id="o"))
    await said(feed)
    if what == "scope":
        feed.apply(allowed(installs=frozenset({"mine"})))
    elif what == "filter":
        feed.set_filter(Filter.parse({"q": "x"}), rev=2)
    else:
        stage.hub.use(Redactor(key=None))
    overviews(stage).go.set()
    [told] = await answers(feed)
    assert told["buckets"][0]["levels"][2] == 2, "counted again"
    assert overviews(stage).asked[-1][0].installs == (
        frozenset({"mine"}) if what == "scope" else None
    )


async def test_an_answer_that_waits_is_emptied_when_the_scope_changes(stage: Stage) -> None:
    feed = stage.open()
    await said(feed)
    overviews(stage).go.set()
    feed.overviews.ask(Overview(id="o"))
    await asyncio.sleep(0.01)
    feed.apply(allowed(installs=frozenset({"mine"})))
    [told] = await answers(feed)
    assert (told["buckets"], told["done"]) == ([], False)


async def test_an_ended_session_is_told_nothing(stage: Stage) -> None:
    feed = stage.open()
    await said(feed)
    feed.overviews.ask(Overview(id="o"))
    await said(feed)
    feed.end(close_reasons.SIGNED_OUT)
    overviews(stage).go.set()
    await asyncio.sleep(0.01)
    assert await said(feed) == [close_reasons.SIGNED_OUT]
    await feed.finish(gone=False)


async def test_nothing_is_told_before_the_supervisor_has_decided(stage: Stage) -> None:
    feed = stage.open(decided=False)
    overviews(stage).go.set()
    feed.overviews.ask(Overview(id="o"))
    assert await said(feed) == []
    feed.apply(feed.decision)
    assert len(await answers(feed)) == 1


async def test_whoever_leaves_is_not_counted_for(stage: Stage) -> None:
    feed = stage.open()
    feed.overviews.ask(Overview(id="o"))
    await said(feed)
    await feed.finish(gone=False)
    await asyncio.sleep(0.01)
    overviews(stage).go.set()
    assert feed.overviews._running == []
