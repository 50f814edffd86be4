"""A process has one node per loop: it drains in order, counts its sessions and signs off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from extdebug.hub.hub import Hub
from extdebug.models import Process
from extdebug.sessions import close_reasons, heartbeats
from extdebug.sessions.node import Node, current_node, running_node, stop_node
from extdebug.wire.events import GapReason
from policies.redaction.redactor import Redactor
from policies.redaction.rules import Rule
from tests.extdebug.stage import TARGET, PaperNode, Stage


@pytest_asyncio.fixture
async def node() -> AsyncIterator[Node]:
    """A node without Redis, whose supervisor has not begun."""
    hub = Hub(url="", prefix="ext-debug:", name="here", redactor=Redactor(key=None))
    one = Node(hub=hub, name="here", records=PaperNode().records)
    yield one
    await one.supervisor.stop()
    await one.hub.close()


def on(node: Node) -> Stage:
    """A stage whose feeds belong to this node."""
    stage, owner = Stage(), node
    paper: Any = owner
    stage.node = paper
    return stage


async def test_a_feed_that_is_over_is_forgotten_and_counted(node: Node) -> None:
    feed = on(node).open()
    node.supervisor.watch(feed)
    assert node.health()["sessions"] == 1
    await feed.finish(gone=True)
    assert node.supervisor.feeds == ()
    assert node.stats.ended == {"lost": 1}


async def test_a_drain_tells_everyone_and_waits_for_their_rows(node: Node) -> None:
    feeds = [on(node).open() for _ in range(2)]
    node.supervisor.watch(feeds[0])
    draining = asyncio.create_task(node.drain())
    await asyncio.sleep(0)
    assert node.draining
    assert feeds[0].ending is not None
    assert int(feeds[0].ending.code) == 4012
    assert not draining.done()
    await feeds[0].finish(gone=False)
    await asyncio.wait_for(draining, 2)


async def test_new_rules_reach_the_hub_and_every_session(node: Node) -> None:
    feed = on(node).open()
    node.supervisor.watch(feed)
    before = list(node.hub._watches[TARGET].subscriptions)
    rules = Redactor([Rule(name="own", pattern="x+", example="x")], key=None)
    node._use_rules(rules)
    [subscription] = node.hub._watches[TARGET].subscriptions
    assert node.hub.redactor is rules
    assert subscription in before
    assert subscription.watched.decoder.redactor is rules


async def test_health_names_streams_and_their_losses(node: Node) -> None:
    on(node).open()
    node.hub._watches[TARGET].counts.lost[GapReason.RETENTION] += 3
    [stream] = node.health()["streams"]
    assert (stream["target"], stream["watchers"]) == (str(TARGET), 1)
    assert stream["lost"] == {"retention": 3}


@pytest.mark.django_db(transaction=True)
async def test_a_loop_has_one_node_which_beats_and_signs_off() -> None:
    assert running_node() is None
    first, second = await asyncio.gather(current_node(), current_node())
    assert first is second is running_node()
    async with asyncio.timeout(5):
        while not await Process.objects.filter(name=first.name).aexists():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await stop_node()
    assert running_node() is None
    assert not await Process.objects.filter(name=first.name).aexists()
    assert first.draining


@pytest.mark.parametrize("others", [0, 1])
async def test_deciding_soon_is_the_supervisors(node: Node, others: int) -> None:
    feeds = [on(node).open() for _ in range(1 + others)]
    for feed in feeds:
        node.supervisor.watch(feed)
    node.decide_soon(*feeds)
    assert node.supervisor._soon >= set(feeds)
    assert node.name != heartbeats.JANITOR
    assert (feeds[0].ending is close_reasons.TAKEN) is bool(others), "the later one wins"
