"""While runners are asked what waits keeps its place, and what nobody can read again is told."""

from __future__ import annotations

import pytest

from extdebug.filters.filter import EVERYTHING, Filter
from extdebug.sessions.catch_up import CatchUp
from extdebug.sessions.flow_control import GapNotice
from extdebug.wire.events import GapReason
from extdebug.wire.positions import Start
from policies.decisions.facts import SessionLimits
from policies.redaction.redactor import Redactor, Rule
from tests.extdebug.sessions.test_feed_at_once import Client, settled
from tests.extdebug.stage import Stage, allowed, shown


async def full_window(stage: Stage) -> Client:
    feed = stage.open(limits=SessionLimits(window_bytes=600), start=Start(tail=0))
    client = Client(feed, at_once=True)
    await settled()
    stage.hub.write("1" + "x" * 200)  # shown: less than the window is left
    await settled()
    return client


async def taken(client: Client) -> list[str]:
    for _ in range(9):
        client.feed.ack(client.feed.flow.seq)
        await settled()
    return [text[:2].rstrip("x") for text in shown(client.said)]


@pytest.fixture(params=["general", "short"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without the short way of a run that is a frame by itself."""
    if request.param == "general":
        monkeypatch.setattr(CatchUp, "whole_frame", lambda self: None)


@pytest.mark.usefixtures("either_way")
async def test_a_line_that_waits_for_the_window_is_told_before_later_lines_of_runners() -> None:
    stage = Stage()
    client = await full_window(stage)
    stage.hub.write("2" + "x" * 200)  # waits
    await settled()
    stage.hub.ask_runners()
    await settled()
    stage.hub.runner_says("r1" + "x" * 200, n=1)
    await settled()
    assert await taken(client) == ["1", "2", "r1"]
    client.task.cancel()


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("waits", [True, False])
async def test_a_line_of_a_runner_that_waits_for_the_window_outlives_another_filter(
    waits: bool,
) -> None:
    stage = Stage()
    client = await full_window(stage)
    if waits:
        stage.hub.write("2" + "x" * 200)
        await settled()
    stage.hub.ask_runners()
    await settled()
    stage.hub.runner_says("r1" + "x" * 200, n=1)
    await settled()
    client.feed.set_filter(EVERYTHING, rev=1)
    await settled()
    stage.hub.redis_is_back(("r1" + "x" * 200, 1))  # it was given to the session before
    await settled()
    told = await taken(client)
    assert sorted(told) == sorted(["1", *(["2"] if waits else []), "r1"])
    client.task.cancel()


async def test_a_line_of_a_runner_that_waits_for_the_window_is_shown_under_the_rules_of_then() -> (
    None
):
    stage = Stage()
    client = await full_window(stage)
    stage.hub.ask_runners()
    await settled()
    for n in (1, 2):  # the first was taken out of what the rules of now are put to
        stage.hub.runner_says("order-7" + "x" * 200, n=n)
    await settled()
    stage.hub.use(Redactor([Rule(name="order", pattern="order-[0-9]", example="order-7")]))
    client.feed.read_again()
    await settled()
    assert await taken(client) == ["1", "[r", "[r"]
    client.task.cancel()


@pytest.mark.usefixtures("either_way")
async def test_a_runner_s_line_is_shown_once_though_what_waits_is_read_again() -> None:
    stage = Stage()
    client = await full_window(stage)
    client.feed.ack(client.feed.flow.seq)
    stage.hub.ask_runners()
    stage.hub.runner_says("r1" + "x" * 700, n=1)  # shown, and the window is full
    await settled()
    stage.hub.redis_is_back(("r1" + "x" * 700, 1))  # the ring counts it, and it waits there
    for _ in range(2):
        client.feed.read_again()
        await settled()
    assert await taken(client) == ["1", "r1"]
    client.task.cancel()


async def test_what_a_runner_s_ring_dropped_is_told_though_the_filter_changes() -> None:
    stage = Stage()
    limits = SessionLimits(window_bytes=600, ring_bytes=1_500)
    client = Client(stage.open(limits=limits, start=Start(tail=0)), at_once=True)
    await settled()
    stage.hub.write("1" + "x" * 200)
    await settled()
    stage.hub.ask_runners()
    for n in range(1, 6):  # the first is taken and waits for the window, the next two are dropped
        stage.hub.runner_says(f"r{n}" + "x" * 500, n=n)
        await settled()
    client.feed.ack(client.feed.flow.seq)  # the first is told, and the gap is taken and waits
    await settled()
    client.feed.set_filter(EVERYTHING, rev=1)
    await settled()
    stage.hub.redis_is_back(*((f"r{n}" + "x" * 500, n) for n in range(1, 6)))
    assert await taken(client) == ["1", "r1", "r4", "r5"]
    lost = [one.gap for one in client.said if isinstance(one, GapNotice)]
    assert [(gap.reason, gap.missed) for gap in lost] == [
        (GapReason.NOT_CONSUMED, 2),
        (GapReason.FAILOVER, None),
    ]
    client.task.cancel()


@pytest.mark.parametrize("narrows", ["scope", "filter"])
async def test_what_runners_said_and_waits_is_chosen_anew(narrows: str) -> None:
    stage = Stage()
    client = await full_window(stage)
    stage.hub.ask_runners()
    await settled()
    for n in (1, 2):  # one was taken and waits for the window, one waits in the buffer
        stage.hub.runner_says(f"r{n}" + "x" * 200, n=n)
        await settled()
    if narrows == "scope":
        client.feed.apply(
            allowed(installs=frozenset({"a"}), limits=SessionLimits(window_bytes=600))
        )
    else:
        client.feed.set_filter(Filter.parse({"q": "nothing"}), rev=1)
    await settled()
    assert await taken(client) == ["1"]
    assert client.feed.flow.ledger.filtered == 2
    client.task.cancel()


async def test_refused_runner_lines_are_stated_though_the_filter_changes() -> None:
    stage = Stage()
    feed = stage.open(limits=SessionLimits(events_per_second=2), start=Start(tail=0))
    client = Client(feed, at_once=True)
    await settled()
    stage.hub.ask_runners()
    await settled()
    for n in range(1, 11):
        stage.hub.runner_says(f"r{n}", n=n)
        await settled()
    client.feed.set_filter(EVERYTHING, rev=1)
    await settled()
    stage.hub.redis_is_back(*((f"r{n}", n) for n in range(1, 11)))
    await settled()
    lost = sum(m.gap.missed or 0 for m in client.said if isinstance(m, GapNotice))
    told = len(shown(client.said))
    assert told + lost == 10
    client.task.cancel()


async def test_each_seam_that_waits_is_told_though_the_filter_changes_before() -> None:
    stage = Stage()
    client = await full_window(stage)
    stage.hub.write("2" + "x" * 500)  # waits for the window
    await settled()
    for _ in range(2):
        stage.hub.ask_runners()
        stage.hub.redis_is_back()
        await settled()
    for rev in (1, 2):
        client.feed.set_filter(EVERYTHING, rev=rev)
        await settled()
    assert await taken(client) == ["1", "2"]
    assert [one.gap.reason for one in client.said if isinstance(one, GapNotice)] == [
        GapReason.FAILOVER,
        GapReason.FAILOVER,
    ]
    client.task.cancel()


@pytest.mark.parametrize("window", [600, 1 << 18])
@pytest.mark.parametrize("refuses", [False, True])
async def test_the_seam_is_told_once_though_the_filter_changes_before(
    window: int, refuses: bool
) -> None:
    stage = Stage()
    limits = SessionLimits(window_bytes=window, events_per_second=2 * refuses)
    client = Client(stage.open(limits=limits, start=Start(tail=0)), at_once=True)
    await settled()
    stage.hub.ask_runners()
    await settled()
    for n in range(1, 6):
        stage.hub.runner_says(f"r{n}" + "x" * 150, n=n)
        await settled()
    stage.hub.redis_is_back()
    await settled()
    for rev in (1, 2):
        client.feed.set_filter(EVERYTHING, rev=rev)
        await settled()
    for _ in range(9):
        client.feed.ack(client.feed.flow.seq)
        await settled()
    client.feed.set_filter(EVERYTHING, rev=3)
    await settled()
    gaps = [one.gap.reason for one in client.said if isinstance(one, GapNotice)]
    assert gaps.count(GapReason.FAILOVER) == 1
    client.task.cancel()
