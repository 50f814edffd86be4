"""A session shows nothing before it was decided twice, and nothing found for a wider scope."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.utils import timezone

from extdebug.demo.sample import Cast
from extdebug.filters.filter import EVERYTHING, Filter
from extdebug.hub.hub import Hub
from extdebug.models import DebugSession
from extdebug.protocol.client_frames import Fetch
from extdebug.protocol.server_frames import PONG
from extdebug.sessions.close_reasons import CloseReason, OpeningRefused
from extdebug.sessions.feed import Feed
from extdebug.sessions.flow_control import Events
from extdebug.sessions.node import Node
from extdebug.sessions.opening import OpeningRequest, open_feed
from extdebug.sessions.session_frames import ControlFrame
from extdebug.sessions.target_names import names_of
from extdebug.streams.connection import Link
from extdebug.wire.keys import Target
from extdebug.wire.positions import Start
from policies import access
from policies.identity import tickets
from policies.identity.viewers import Viewer
from policies.models import Lock
from policies.redaction.redactor import Redactor
from tests.fixtures.console import session_key
from tests.fixtures.redis import RedisServer

KEY = "ext-debug:acme:invoice-sync"


def entry(message: str, **more: str) -> dict[str, str]:
    return {
        "ts": "1732356000000", "level": "info", "stream": "stdout", "tenant": "acme",
        "extension": "invoice-sync", "message": message, **more,
    }  # fmt: skip


class WatchedHub(Hub):
    """A hub that says when a session's own read of Redis was answered."""

    answered: Callable[[], None] | None = None

    @contextlib.asynccontextmanager
    async def reader(self, target: Target) -> AsyncIterator[Link]:
        async with super().reader(target) as link:
            yield link
        if self.answered is not None:
            self.answered()


@pytest_asyncio.fixture
async def node(redis_server: RedisServer, transactional_db: None) -> AsyncIterator[Node]:
    """A node whose supervisor has not begun: `node.supervisor.start()`."""
    hub = WatchedHub(
        url=redis_server.url, prefix="ext-debug:", name="test", redactor=Redactor(key=None)
    )
    one = Node(hub=hub, name="test")
    yield one
    for feed in one.supervisor.feeds:
        await feed.finish(gone=False)
    await one.supervisor.stop()
    await hub.close()


def viewer_of(user: Any, transport: str = "ws") -> Viewer:
    return access.viewer_of(user, transport=transport)


async def opened(node: Node, viewer: Viewer, **more: Any) -> Feed:
    given: dict[str, Any] = {
        "tenant": "acme", "extension": "invoice-sync", "wanted": EVERYTHING, "rev": 0,
        "start": Start(tail=100), **more,
    }  # fmt: skip
    read_names = given.pop("read_names", None)
    feed, _ = await open_feed(node, viewer, OpeningRequest(**given), read_names=read_names)
    return feed


async def messages(feed: Feed, *, within: float = 0.5) -> list[str]:
    """What is shown now."""
    shown: list[str] = []
    while True:
        try:
            message = await asyncio.wait_for(feed.next(), within)
        except TimeoutError:
            return shown
        if isinstance(message, Events):
            shown += [event["message"] for event in json.loads(message.text())["events"]]
            feed.ack(message.seq)


async def test_nothing_is_shown_before_it_was_decided_again(
    node: Node, redis_server: RedisServer, cast: Cast
) -> None:
    """A lock between the first decision and the supervisor's is as good as one before."""
    with redis_server.client() as client:
        client.xadd(KEY, entry("not yours any more", install="inst-acme"))
    feed = await opened(node, viewer_of(cast.dan))
    assert await messages(feed) == []
    await Lock.objects.acreate(user=cast.dan, reason="lost laptop", created_by=cast.olivia)
    node.supervisor.start()
    async with asyncio.timeout(5):
        assert isinstance(await feed.next(), CloseReason)


async def test_a_page_found_for_a_wider_scope_is_not_sent(
    node: Node, redis_server: RedisServer, cast: Cast
) -> None:
    with redis_server.client() as client:
        client.xadd(KEY, entry("mine", install="inst-acme"))
        client.xadd(KEY, entry("of no install"))
    feed = await opened(node, viewer_of(cast.dan))
    feed.apply(feed.decision)
    assert await messages(feed) == ["mine", "of no install"]
    feed.fetch(Fetch(id="p", limit=10))
    task = asyncio.create_task(feed.next())
    await asyncio.sleep(0)  # it asks Redis now
    feed.say(ControlFrame("pong", PONG))
    first = await task
    assert isinstance(first, ControlFrame)
    assert first.kind == "pong", "the page waits behind it"
    feed.apply(replace(feed.decision, installs=frozenset({"inst-acme"})))
    second = await asyncio.wait_for(feed.next(), 5)
    assert isinstance(second, ControlFrame)
    assert second.kind == "page"
    page = json.loads(second.text())
    assert page["events"] == []
    assert not page["done"]


async def test_a_fetch_under_way_is_answered_for_the_scope_of_its_answer(
    node: Node, redis_server: RedisServer, cast: Cast
) -> None:
    with redis_server.client() as client:
        client.xadd(KEY, entry("mine", install="inst-acme"))
        client.xadd(KEY, entry("of no install"))
    feed = await opened(node, viewer_of(cast.dan))
    feed.apply(feed.decision)
    await messages(feed)

    def narrow() -> None:
        if feed.decision.installs is None:
            feed.apply(replace(feed.decision, installs=frozenset({"inst-acme"})))

    assert isinstance(node.hub, WatchedHub)
    node.hub.answered = narrow
    feed.fetch(Fetch(id="p", limit=10))
    async with asyncio.timeout(5):
        while not (
            isinstance(message := await feed.next(), ControlFrame) and message.kind == "page"
        ):
            pass
    assert [event["message"] for event in json.loads(message.text())["events"]] == ["mine"]


async def test_filters_of_before_a_reconnect_stay_on_record(node: Node, cast: Cast) -> None:
    first = await opened(node, viewer_of(cast.dan), wanted=Filter.parse({"q": "alpha"}))
    await first.finish(gone=True)
    again = await opened(
        node, viewer_of(cast.dan), wanted=Filter.parse({"q": "beta"}), resume=first.lease.id
    )
    for number in range(25):
        again.set_filter(Filter.parse({"q": f"decoy{number}"}), rev=number)
    await again.finish(gone=False)
    row = await DebugSession.objects.aget(pk=first.lease.id)
    used = [each.get("q") for each in row.filters]
    assert used[:2] == ["alpha", "beta"]
    assert row.filters[-1] == {"more": 7}, "those beyond are counted, not forgotten"


async def test_reconnecting_has_a_rate(node: Node, cast: Cast) -> None:
    feed = await opened(node, viewer_of(cast.dan))
    answers = await asyncio.gather(
        *(opened(node, viewer_of(cast.dan), resume=feed.lease.id) for _ in range(60)),
        return_exceptions=True,
    )
    refused = [answer.end for answer in answers if isinstance(answer, OpeningRefused)]
    assert 20 <= len(refused) <= 40
    assert {int(end.code) for end in refused} == {4429}
    assert refused[0].retry


async def test_a_ticket_does_not_outlive_its_sign_in(node: Node, cast: Cast) -> None:
    key = await sync_to_async(session_key)(cast.dan)
    viewer = access.viewer_of(cast.dan, transport="ws", session_key=key)
    issue = sync_to_async(tickets.issue_ticket)
    raw = await issue(viewer, tenant="acme", extension="invoice-sync")
    from django.contrib.sessions.models import Session

    await Session.objects.all().adelete()
    redeemed = await sync_to_async(tickets.redeem_ticket)(raw, ip="")
    assert redeemed is not None
    with pytest.raises(OpeningRefused) as refused:
        await opened(node, redeemed[0])
    assert int(refused.value.end.code) == 4401
    assert not await DebugSession.objects.aexists()


async def test_who_leaves_while_the_session_opens_leaves_no_open_row(
    node: Node, cast: Cast
) -> None:
    """A request that is cancelled at whatever point takes its row and its feed with it."""
    reached = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(*args: Any) -> Any:
        loop.call_soon_threadsafe(reached.set)
        return names_of([args])[0]

    task = asyncio.create_task(opened(node, viewer_of(cast.dan), read_names=slow))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    deadline = loop.time() + 5
    while await DebugSession.objects.filter(closed_at=None).aexists():
        assert loop.time() < deadline, "the row stays open"
        await asyncio.sleep(0.02)
    assert await DebugSession.objects.acount() == 1
    assert not node.supervisor.feeds


async def test_a_session_that_could_not_begin_leaves_no_open_row(node: Node, cast: Cast) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("the database went away")

    with pytest.raises(RuntimeError):
        await opened(node, viewer_of(cast.dan), read_names=broken)
    row = await DebugSession.objects.aget()
    assert row.closed_at is not None


async def test_an_answer_that_was_long_on_its_way_prolongs_nothing(node: Node, cast: Cast) -> None:
    import datetime as dt

    feed = await opened(node, viewer_of(cast.dan))
    loop, now = asyncio.get_running_loop(), timezone.now()
    late = replace(feed.decision, now=now, until=now + dt.timedelta(seconds=5))
    feed.apply(late, asked_at=loop.time() - 6)
    assert feed.due


async def test_a_session_whose_time_is_up_ends_though_its_transport_is_stuck(
    node: Node, cast: Cast
) -> None:
    feed = await opened(node, viewer_of(cast.dan))
    loop = asyncio.get_running_loop()
    assert not feed.unserved(loop.time())
    feed.lifetime.until(timezone.now(), now=loop.time())
    assert not feed.unserved(loop.time()), "it is told first"
    assert feed.ending is not None
    assert int(feed.ending.code) == 4408
    assert feed.unserved(loop.time() + 6)
