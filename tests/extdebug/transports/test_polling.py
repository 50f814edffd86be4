"""Polling: one answer holds what came, says where to go on, and whether to ask again at once."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from extdebug.sessions import close_reasons
from extdebug.transports.polling import POLL_BYTES, POLL_EVENTS, poll
from extdebug.wire.events import Gap, GapReason
from tests.extdebug.transports.scripted_feed import ScriptedFeed


async def polled(feed: ScriptedFeed, *, wait: float = 0.0) -> tuple[dict[str, Any], bool]:
    one: Any = feed
    async with asyncio.timeout(5):
        body, truncated = await poll(one, wait=wait)
    return json.loads(body), truncated


async def test_an_answer_holds_events_and_gaps_and_the_next_place():
    feed = ScriptedFeed()
    feed.events("a", "b")
    feed.gap(Gap(GapReason.RETENTION, 7, after="2-0"))
    feed.control("status", b'{"type":"status"}')
    feed.events("c")
    answer, truncated = await polled(feed)

    assert [event["message"] for event in answer["events"]] == ["a", "b", "c"]
    assert [(gap["reason"], gap["scope"], gap["missed"]) for gap in answer["gaps"]] == [
        ("retention", "entries", 7),
    ]  # fmt: skip
    assert (answer["lastId"], answer["session"]) == ("3-0.3~session-1", "session-1")
    assert answer["ledger"] == {"entries": 10, "shown": 3, "filtered": 0, "lost": {"retention": 7}}
    assert answer["expiresAt"] == "2026-01-01T00:00:00+00:00"
    assert answer["closing"] is None
    assert (truncated, answer["truncated"]) == (False, False)
    assert feed.flow.unacked == 0
    assert feed.finishes == [{"gone": True}], "kept, so that the next poll resumes it"


async def test_nothing_new_is_an_empty_answer():
    answer, truncated = await polled(ScriptedFeed())

    assert (answer["events"], answer["gaps"], truncated) == ([], [], False)
    assert answer["lastId"] == "0-0.0~session-1"


async def test_a_poll_waits_for_the_first_event():
    feed = ScriptedFeed()
    waiting = asyncio.create_task(polled(feed, wait=4.0))
    await asyncio.sleep(0)
    assert not waiting.done()
    feed.events("late")
    answer, _ = await waiting

    assert [event["message"] for event in answer["events"]] == ["late"]


async def test_a_stuck_feed_is_not_waited_for():
    feed = ScriptedFeed()
    feed.stuck = True
    answer, _ = await polled(feed)

    assert answer["events"] == []


async def test_a_long_answer_is_cut_between_frames_and_says_so():
    feed = ScriptedFeed()
    for _ in range(POLL_EVENTS // 100 + 1):
        feed.events(*["x"] * 100)
    answer, truncated = await polled(feed)

    assert len(answer["events"]) == POLL_EVENTS
    assert (truncated, answer["truncated"]) == (True, True)
    answer, truncated = await polled(feed)
    assert (len(answer["events"]), truncated) == (100, False)


async def test_a_heavy_answer_is_cut_too():
    feed = ScriptedFeed()
    for _ in range(20):
        feed.events("x" * (POLL_BYTES // 10))
    answer, truncated = await polled(feed)

    assert len(answer["events"]) == 10
    assert truncated


async def test_the_end_of_a_range_is_an_end_with_a_reason():
    feed = ScriptedFeed()
    feed.end_of_range()
    answer, _ = await polled(feed, wait=4.0)

    assert (answer["closing"]["code"], answer["closing"]["reason"]) == (4410, "end_of_range")
    assert feed.finishes == [{"gone": False}]


async def test_an_ended_session_is_closed_and_its_reason_told():
    feed = ScriptedFeed()
    feed.events("a")
    feed.close(close_reasons.SIGNED_OUT)
    answer, _ = await polled(feed, wait=4.0)

    assert [event["message"] for event in answer["events"]] == ["a"]
    answer, _ = await polled(feed, wait=4.0) if answer["closing"] is None else (answer, False)
    assert answer["closing"]["code"] == int(close_reasons.SIGNED_OUT.code)
    assert feed.finishes[-1] == {"gone": False}
