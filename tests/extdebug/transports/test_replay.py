"""Replaying: where it begins, what it writes, how it keeps the pace, and how it ends."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from typing import Any

import pytest

from extdebug.filters.filter import EVERYTHING
from extdebug.sessions import close_reasons
from extdebug.sessions.close_reasons import CloseReason
from extdebug.sessions.opening import OpeningRequest
from extdebug.transports import replay
from extdebug.transports.replay import (
    BadPlace,
    ReplayQuery,
    ReplayUnavailable,
    ReplayWriter,
    read_last,
    read_since,
    read_until,
)
from extdebug.wire.events import Gap, GapReason
from extdebug.wire.positions import Span, Start
from tests.extdebug.transports.scripted_feed import ScriptedFeed

NOW = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
NOON = 1_767_268_800_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("10m", NOON - 600_000),
        ("2026-01-01T13:00:00+01:00", NOON),
    ],
)
def test_since_is_a_time_or_an_age(text: str, ms: int):
    assert read_since(text, now=NOW) == Start(since_ms=ms)


@pytest.mark.parametrize("text", ["", "10", "tomorrow", "2026-01-01T12:00:01Z", "2126-01-01"])
def test_since_is_nothing_else(text: str):
    with pytest.raises(BadPlace):
        read_since(text, now=NOW)


def test_until_is_a_time_in_the_past_behind_since() -> None:
    since = Start(since_ms=NOON - 600_000)
    assert read_until("5m", start=since, now=NOW) == Span(until_ms=NOON - 300_000)
    assert read_until("1d", start=Start(tail=9), now=NOW) == Span(until_ms=NOON - 86_400_000)
    for text, says in (("10m", "after --since"), ("2126-01-01", "before now"), ("soon", "10m")):
        with pytest.raises(BadPlace, match=says):
            read_until(text, start=since, now=NOW)


@pytest.mark.parametrize("text", ["", "-1", "1.5", "20001", "١", "1e3"])
def test_last_is_a_number(text: str):
    with pytest.raises(BadPlace):
        read_last(text)


def test_last_is_a_tail():
    assert read_last("0") == Start(tail=0)
    assert read_last("20000") == Start(tail=20_000)


# --- playing ----------------------------------------------------------------------------------


class Written:
    """What a replay wrote, in order; `on_event` is called after each event."""

    def __init__(self, on_event: Any = None) -> None:
        self.lines: list[str] = []
        self._on_event = on_event
        self.flushed = 0  # lines that a reader of a pipe has

    def writer(self) -> ReplayWriter:
        return ReplayWriter(
            event=self._event, gap=self._gap, remark=self.lines.append, flush=self._flush
        )

    def _event(self, event: Any, encoded: bytes) -> None:
        assert json.loads(encoded)["message"] == event.message
        self.lines.append(event.message)
        if self._on_event is not None:
            self._on_event()

    def _flush(self) -> None:
        self.flushed = len(self.lines)

    def _gap(self, gap: Gap) -> None:
        self.lines.append(f"gap of {gap.missed}")


async def play(
    feed: ScriptedFeed,
    written: Written,
    *,
    follow: bool = False,
    speed: float | None = None,
    patience: float = replay.REDIS_PATIENCE,
    tail: int | None = None,
) -> CloseReason | None:
    one: Any = feed
    opening = OpeningRequest(
        tenant="acme",
        extension="invoice-sync",
        wanted=EVERYTHING,
        start=Start(since_ms=0) if tail is None else Start(tail=tail),
    )
    asked = ReplayQuery(opening=opening, follow=follow, speed=speed)
    async with asyncio.timeout(5):
        return await replay._Player(one, asked, written.writer(), patience=patience).run()


async def test_everything_is_written_in_order_up_to_now():
    feed, written = ScriptedFeed(), Written()
    feed.events("a", "b")
    feed.gap(Gap(GapReason.RETENTION, 7))
    feed.control("status", b"{}")
    feed.control("expiring", b"{}")
    feed.events("c")

    assert await play(feed, written) is None
    assert written.lines == ["a", "b", "gap of 7", "this session ends in 600 s", "c"]
    assert feed.flow.unacked == 0


async def test_what_is_written_reaches_the_reader_of_a_pipe_at_once():
    feed, written = ScriptedFeed(), Written()
    playing = asyncio.create_task(play(feed, written, follow=True))
    feed.events("a", "b")
    feed.gap(Gap(GapReason.RETENTION, 7))
    async with asyncio.timeout(5):
        while written.flushed < 3:  # noqa: ASYNC110 - a thread writes it
            await asyncio.sleep(0.01)
    playing.cancel()


@pytest.mark.parametrize("speed", [None, 1e9])
async def test_the_last_n_are_n_whatever_comes_meanwhile(speed: float | None):
    feed, written = ScriptedFeed(), Written()
    feed.events("a", "b", "c")
    feed.events("d")

    assert await play(feed, written, tail=2, speed=speed) is None
    assert written.lines == ["a", "b"]


async def test_following_the_last_n_goes_on_behind_them():
    feed, written = ScriptedFeed(), Written()
    feed.events("a", "b", "c")
    feed.close(close_reasons.SIGNED_OUT)

    await play(feed, written, tail=2, follow=True)
    assert written.lines == ["a", "b", "c"]


@pytest.mark.parametrize("follow", [True, False])
async def test_a_range_ends_a_replay_that_follows_too(follow: bool):
    feed, written = ScriptedFeed(), Written()
    feed.events("a")
    feed.end_of_range()

    assert await play(feed, written, follow=follow) is None
    assert written.lines == ["a"]


async def test_following_goes_on_until_the_session_ends():
    feed, written = ScriptedFeed(), Written()
    playing = asyncio.create_task(play(feed, written, follow=True))
    await asyncio.sleep(0)
    feed.events("late")
    feed.close(close_reasons.SIGNED_OUT)

    assert await playing is close_reasons.SIGNED_OUT
    assert written.lines == ["late"]


@pytest.mark.parametrize("speed", [None, 1e9])
async def test_nothing_more_is_written_after_a_cut(speed: float | None):
    feed = ScriptedFeed()

    def cut() -> None:
        feed.ending = close_reasons.SIGNED_OUT

    written = Written(cut)
    feed.events("a", "b")
    feed.events("c")

    assert await play(feed, written, speed=speed) is close_reasons.SIGNED_OUT
    assert written.lines == ["a"]


async def test_the_original_pace_is_divided_by_the_speed():
    """The scripted entries are a millisecond apart."""
    feed, written = ScriptedFeed(), Written()
    feed.events("a", "b", "c")
    began = asyncio.get_running_loop().time()
    await play(feed, written, speed=0.02)

    assert written.lines == ["a", "b", "c"]
    assert asyncio.get_running_loop().time() - began >= 0.099


async def test_a_redis_that_stays_away_ends_a_replay_that_does_not_follow():
    feed, written = ScriptedFeed(), Written()
    feed.problem = "Redis does not answer"
    for _ in range(3):
        feed.control("status", b"{}")

    with pytest.raises(ReplayUnavailable, match="does not answer"):
        await play(feed, written, patience=-1.0)
    assert written.lines == ["Redis does not answer"]
