"""A session is told of those it may know of, at once of less, and shares nothing unasked."""

from __future__ import annotations

import dataclasses
import datetime as dt
import tracemalloc
from typing import Any, Final

import pytest

from extdebug.filters.filter import FilterError
from extdebug.protocol.client_frames import FilterSpec, ProtocolError, ViewSpec
from extdebug.sessions.feed import Feed
from extdebug.sessions.presence import MOST_TOLD, Presence
from extdebug.sessions.watcher_rows import Watcher
from policies.decisions.audience import Standing
from policies.redaction.redactor import Redactor
from policies.redaction.rules import Rule
from tests.extdebug.stage import (
    TARGET,
    VIEWER,
    PaperHub,
    Stage,
    allowed,
    frames,
    kinds,
    said,
)

SINCE: Final = dt.datetime(2026, 1, 1, 14, tzinfo=dt.UTC)
EVERYONE: Final = Standing(None, operator=False)
VIEW: Final = {
    "filter": {"installs": [], "request": None, "streams": [], "level": None, "q": "x"},
    "line": "5-0", "live": False,
}  # fmt: skip


def watcher(name: str = "dora", **more: Any) -> Watcher:
    given: dict[str, Any] = {
        "session": f"s-{name}", "user_id": 2, "name": name, "transport": "sse", "since": SINCE,
        "standing": EVERYONE, "shared": None, **more,
    }  # fmt: skip
    return Watcher(**given)


async def opened(stage: Stage) -> Feed:
    feed = stage.open()
    await said(feed)
    return feed


async def told(feed: Feed) -> list[list[str]]:
    """The names of each `presence` frame that comes now."""
    found = frames(await said(feed), "presence")
    return [[one["name"] for one in frame["others"]] for frame in found]


async def test_somebody_who_comes_and_goes_is_told_once_each() -> None:
    feed = await opened(Stage())
    feed.presence.tell((watcher(),))
    [frame] = frames(await said(feed), "presence")
    [one] = frame["others"]
    assert (one["name"], one["transport"], one["since"]) == (
        "dora",
        "sse",
        "2026-01-01T14:00:00.000Z",
    )
    assert one["view"] is None
    assert "s-dora" not in str(frame), "a session's id is its own person's to resume"
    feed.presence.tell((watcher(),))
    assert await told(feed) == []
    feed.presence.tell(())
    assert await told(feed) == [[]]


async def test_whoever_watches_alone_hears_nothing_of_it() -> None:
    feed = await opened(Stage())
    feed.presence.tell((watcher("dan", user_id=1), watcher("dan", session="tab 2", user_id=1)))
    assert kinds(await said(feed)) == []


async def test_a_decision_that_narrows_takes_away_at_once_and_unasked() -> None:
    feed = await opened(Stage())
    of_one = Standing(frozenset({"inst-1"}), operator=False)
    feed.presence.tell((watcher(), watcher("eve", standing=of_one, user_id=3)))
    assert await told(feed) == [["dora", "eve"]]
    feed.apply(allowed(installs=frozenset({"inst-1"})))
    assert await told(feed) == [["eve"]]
    feed.apply(allowed(installs=frozenset({"inst-2"})))
    assert await told(feed) == [[]]


async def test_what_was_not_told_before_a_narrower_decision_never_is() -> None:
    feed = await opened(Stage())
    feed.presence.tell((watcher(shared=VIEW),))
    feed.apply(allowed(installs=frozenset({"inst-1"})))
    assert await told(feed) == []


async def test_an_end_is_the_last_word() -> None:
    feed = await opened(Stage())
    feed.presence.tell((watcher(),))
    feed.apply(allowed(allowed=False, code="denied"))
    assert kinds(await said(feed)) == []


async def test_nothing_is_told_before_the_session_is_confirmed() -> None:
    feed = Stage().open(decided=False)
    feed.presence.tell((watcher(),))
    assert await told(feed) == []


async def test_an_operator_is_told_to_an_admin_of_the_tenant_without_their_view() -> None:
    feed = await opened(Stage())
    stands = Standing(None, operator=True)
    feed.presence.tell((watcher("olivia", standing=stands, shared=VIEW),))
    assert await told(feed) == []
    narrow = frozenset({"inst-1"})
    feed.apply(allowed(installs=narrow, tenant_admin=True))
    [frame] = frames(await said(feed), "presence")
    assert [(one["name"], one["view"]) for one in frame["others"]] == [("olivia", None)]
    feed.apply(allowed(installs=None, tenant_admin=True))
    [frame] = frames(await said(feed), "presence")
    assert frame["others"][0]["view"] == VIEW


async def test_the_list_is_bounded_and_says_so() -> None:
    feed = await opened(Stage())
    many = tuple(watcher(f"w{number}", user_id=number + 10) for number in range(MOST_TOLD + 1))
    feed.presence.tell(many)
    [frame] = frames(await said(feed), "presence")
    assert len(frame["others"]) == MOST_TOLD
    assert frame["more"] is True


def test_what_was_told_costs_an_idle_session_no_copy_of_it() -> None:
    """Fifty others are 8 KB in each of two thousand sessions."""
    presence = Presence(VIEWER, TARGET, allowed(), hub=PaperHub(), wake=lambda: None)
    others = tuple(watcher(f"p{number}", user_id=10 + number) for number in range(MOST_TOLD))
    presence.tell(others)
    decision = allowed(related=True)
    assert presence.frame(decision) is not None
    presence.tell(())
    assert presence.frame(decision) is not None
    presence.tell(others)
    tracemalloc.start()
    try:
        frame = presence.frame(decision)
        assert frame is not None
        size = len(frame.data)
        del frame
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 5_000
    assert kept < size // 4
    assert presence.frame(decision) is None, "the same is not told twice"


@pytest.mark.parametrize("transport", ["sse", "poll", "replay"])
async def test_only_pages_are_told(transport: str) -> None:
    presence = Presence(
        dataclasses.replace(VIEWER, transport=transport), TARGET, allowed(), hub=PaperHub(),
        wake=lambda: None,
    )  # fmt: skip
    presence.tell((watcher(),))
    assert not presence.told_of_others
    assert presence.frame(allowed()) is None


# --- sharing ----------------------------------------------------------------------------------


def spec(**more: Any) -> ViewSpec:
    return ViewSpec(filter=FilterSpec(**more), line="5-0", live=False)


async def test_nothing_is_shared_unasked_and_the_last_word_counts() -> None:
    feed = await opened(Stage())
    presence = feed.presence
    assert presence.unwritten(feed.decision) is None
    presence.share(spec(q="a"))
    presence.share(spec(q="b"))
    entry = presence.unwritten(feed.decision)
    assert entry is not None
    assert entry.shared is not None
    assert (entry.shared["filter"]["q"], entry.shared["line"]) == ("b", "5-0")
    assert not presence.shares
    presence.wrote(entry)
    assert presence.shares
    presence.share(None)
    entry = presence.unwritten(feed.decision)
    assert entry is not None
    assert entry.shared is None


async def test_a_view_that_was_taken_back_before_it_was_written_is_not_written() -> None:
    feed = await opened(Stage())
    feed.presence.share(spec(q="a"))
    feed.presence.share(None)
    assert feed.presence.unwritten(feed.decision) is None


async def test_a_filter_that_does_not_run_is_refused_and_the_earlier_view_stays() -> None:
    feed = await opened(Stage())
    feed.presence.share(spec(q="a"))
    with pytest.raises(FilterError):
        feed.presence.share(spec(q="(never closed"))
    entry = feed.presence.unwritten(feed.decision)
    assert entry is not None
    assert entry.shared is not None
    assert entry.shared["filter"]["q"] == "a"


async def test_a_secret_in_a_shared_filter_is_masked_by_the_rules_in_force() -> None:
    stage = Stage()
    feed = await opened(stage)
    feed.presence.share(spec(q='"secret-12"', request="secret-34"))
    rule = Rule(name="own", pattern=r"secret-\d+", example="secret-1")
    stage.hub.use(Redactor([rule], key=None))
    entry = feed.presence.unwritten(feed.decision)
    assert entry is not None
    assert "secret-" not in str(entry.shared)


async def test_a_filter_that_masks_break_is_not_shared() -> None:
    stage = Stage()
    rule = Rule(name="own", pattern=r"secret-\d+\"?", example="secret-1")
    stage.hub.use(Redactor([rule], key=None))
    feed = await opened(stage)
    with pytest.raises(ProtocolError, match="secret"):
        feed.presence.share(spec(q='"secret-12"'))
    assert feed.presence.unwritten(feed.decision) is None


async def test_another_scope_is_to_be_written_down() -> None:
    feed = await opened(Stage())
    feed.apply(allowed(installs=frozenset({"inst-1"})))
    entry = feed.presence.unwritten(feed.decision)
    assert entry is not None
    assert entry.standing.installs == {"inst-1"}
