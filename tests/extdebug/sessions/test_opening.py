"""Of two connections of one session the later wins, and the session is one all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async

from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from extdebug.filters.filter import EVERYTHING, Filter
from extdebug.hub.hub import Hub
from extdebug.models import DebugSession
from extdebug.sessions import close_reasons, session_records
from extdebug.sessions.close_reasons import OpeningRefused
from extdebug.sessions.feed import Feed
from extdebug.sessions.flow_control import Events
from extdebug.sessions.node import Node
from extdebug.sessions.opening import OpeningRequest, open_feed
from extdebug.wire.positions import Cursor, Start
from policies import access
from policies.models import Limits
from policies.redaction.redactor import Redactor
from tests.extdebug.opened_rows import taken_over
from tests.extdebug.stage import said, shown
from tests.extdebug.test_live import KEY, entry
from tests.fixtures.redis import RedisServer


@pytest_asyncio.fixture
async def nodes(
    redis_server: RedisServer, transactional_db: None
) -> AsyncIterator[Callable[[str], Node]]:
    """`nodes(name)`: a process of its own, whose supervisor has not begun."""
    made: dict[str, Node] = {}

    def node(name: str) -> Node:
        hub = Hub(url=redis_server.url, prefix="ext-debug:", name=name, redactor=Redactor(key=None))
        made[name] = Node(hub=hub, name=name)
        return made[name]

    yield node
    for one in made.values():
        for feed in one.supervisor.feeds:
            await feed.finish(gone=False)
        await one.supervisor.stop()
        await one.hub.close()


def asked(**more: Any) -> OpeningRequest:
    given: dict[str, Any] = {
        "tenant": "acme", "extension": "invoice-sync", "wanted": EVERYTHING,
        "start": Start(tail=100), **more,
    }  # fmt: skip
    return OpeningRequest(**given)


async def opened(node: Node, user: Any, **more: Any) -> Feed:
    feed, _ = await open_feed(node, access.viewer_of(user, transport="ws"), asked(**more))
    feed.apply(feed.decision)
    return feed


async def until(condition: Callable[[], object], *, within: float = 5) -> None:
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


async def read(feed: Feed, count: int) -> list[str]:
    """The next `count` events; each frame is acknowledged."""
    out: list[str] = []
    async with asyncio.timeout(5):
        while len(out) < count:
            message = await feed.next()
            out += shown([message])
            if isinstance(message, Events):
                feed.ack(message.seq)
    return out


async def rows() -> list[DebugSession]:
    return [row async for row in DebugSession.objects.all()]


async def test_an_opening_is_one_row_one_record_and_one_count(
    nodes: Callable[[str], Node], cast: Cast
) -> None:
    node = nodes("one")
    feed, ready = await open_feed(node, access.viewer_of(cast.dan, transport="ws"), asked(rev=4))
    assert (feed.target.tenant, feed.flow.rev, ready.kind) == ("acme", 4, "ready")
    [row] = await rows()
    assert (str(row.pk), row.process, row.holder) == (feed.lease.id, "one", feed.lease.holder)
    assert await AuditRecord.objects.filter(action="session.opened").acount() == 1
    assert node.stats.opened == {"ws": 1}
    assert node.supervisor.feeds == (feed,)


@pytest.mark.parametrize(
    ("user", "wanted", "code"),
    [
        ("mallory", {}, 4404),
        ("dan", {"tenant": "nobody"}, 4404),
        ("dan", {"extension": "Not An Id!"}, 4400),
        ("dan", {"extension": "unknown", "tenant": None}, 4404),
        ("dan", {"tenant": None}, 4400),  # two tenants: they are named to choose from
    ],
)
async def test_what_may_not_begin_is_refused_and_counted_and_leaves_no_row(
    nodes: Callable[[str], Node], cast: Cast, user: str, wanted: dict[str, Any], code: int
) -> None:
    node = nodes("one")
    with pytest.raises(OpeningRefused) as refused:
        await opened(node, getattr(cast, user), **wanted)
    assert int(refused.value.end.code) == code
    assert sum(node.stats.refused.values()) == 1
    assert await rows() == []


async def test_an_id_that_is_none_costs_one_write_a_minute_and_is_on_record(
    nodes: Callable[[str], Node], cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused before any rate of openings: the write must not be without one."""
    written: list[str] = []
    record = session_records.record_refusal

    def counted(viewer: access.Viewer, **said: Any) -> None:
        written.append(viewer.username)
        record(viewer, **said)

    monkeypatch.setattr(session_records, "record_refusal", counted)
    node = nodes("one")
    refused = await asyncio.gather(
        *(opened(node, cast.dan, extension=f"Not An Id {n}") for n in range(30)),
        opened(node, cast.mallory, extension="Not An Id"),
        return_exceptions=True,
    )
    assert {type(error) for error in refused} == {OpeningRefused}
    assert sorted(written) == ["dan", "mallory"]
    rows = AuditRecord.objects.filter(action="session.denied")
    assert {row.actor_name async for row in rows} == {"dan", "mallory"}


async def test_a_refusal_without_a_tenant_is_on_record_and_a_question_is_not(
    nodes: Callable[[str], Node], cast: Cast
) -> None:
    node = nodes("one")
    for extension in ("unknown", "invoice-sync"):  # none at all, and one of two tenants
        with pytest.raises(OpeningRefused):
            await opened(node, cast.dan, tenant=None, extension=extension)
    row = await AuditRecord.objects.aget(action="session.denied")
    assert (row.tenant, row.extension, row.data["code"]) == ("", "unknown", "not_found")


async def test_a_process_that_drains_begins_nothing(
    nodes: Callable[[str], Node], cast: Cast
) -> None:
    node = nodes("one")
    node.draining = True
    with pytest.raises(OpeningRefused) as refused:
        await opened(node, cast.dan)
    assert int(refused.value.end.code) == 4012
    assert await rows() == []


async def test_a_later_connection_on_the_same_process_ends_the_earlier_at_once(
    nodes: Callable[[str], Node], cast: Cast
) -> None:
    """Nobody polls here: it is told by the opening itself."""
    node = nodes("one")
    first = await opened(node, cast.dan)
    second = await opened(node, cast.dan, resume=first.lease.id)
    assert first.ending is close_reasons.TAKEN
    assert second.ending is None
    assert second.lease.resumed
    assert second.lease.id == first.lease.id
    await first.finish(gone=True)
    [row] = await rows()
    assert (row.holder, row.closed_at, row.detached_at) == (second.lease.holder, None, None)
    assert node.supervisor.serving(first.lease.id) is second


async def test_a_later_connection_on_another_process_ends_the_earlier_when_it_looks(
    nodes: Callable[[str], Node], cast: Cast
) -> None:
    here, there = nodes("here"), nodes("there")
    first = await opened(here, cast.dan)
    second = await opened(there, cast.dan, resume=first.lease.id)
    here.supervisor.start()
    there.supervisor.start()
    await until(lambda: first.ending)
    assert first.ending is close_reasons.TAKEN
    await first.finish(gone=True)
    await asyncio.sleep(1)
    assert second.ending is None, "whoever holds the row stays"
    [row] = await rows()
    assert (row.process, row.closed_at) == ("there", None)


async def test_what_the_earlier_was_told_last_is_in_the_record_of_the_session(
    nodes: Callable[[str], Node], redis_server: RedisServer, cast: Cast
) -> None:
    """Its row was never written: whoever took it over knows nothing of these lines."""
    here, there = nodes("here"), nodes("there")
    with redis_server.client() as client:
        ids = [client.xadd(KEY, entry(f"line {number}")).decode() for number in range(3)]
        first = await opened(here, cast.dan)
        assert len(await read(first, 3)) == 3
        second = await opened(
            there, cast.dan, resume=first.lease.id, start=Start(cursor=first.flow.position)
        )
        assert second.account.shown == 0
        here.supervisor.start()
        await until(lambda: first.ending)
        await first.finish(gone=True)
        ids.append(client.xadd(KEY, entry("after")).decode())
        assert await read(second, 1) == ["after"]
    await second.finish(gone=False)
    [row] = await rows()
    assert (row.shown, row.closed_at is not None) == (4, True)
    closing = await AuditRecord.objects.aget(action="session.closed")
    assert closing.data["shown"] == 4
    assert closing.data["reach"] == [[ids[0], ids[2]], [ids[3], ids[3]]]


async def test_whoever_left_before_its_turn_takes_the_session_from_nobody(
    nodes: Callable[[str], Node], cast: Cast
) -> None:
    """It came back by another process, which was faster."""
    here, there = nodes("here"), nodes("there")
    first = await opened(here, cast.dan)
    others = asyncio.all_tasks()
    async with there.resume_order.turn(first.lease.id):
        stale = asyncio.create_task(opened(there, cast.dan, resume=first.lease.id))
        await asyncio.sleep(0.1)
        opening = asyncio.all_tasks() - others
        stale.cancel()
        await asyncio.gather(stale, return_exceptions=True)
        second = await opened(here, cast.dan, resume=first.lease.id)
    await asyncio.wait_for(asyncio.gather(*opening, return_exceptions=True), 10)
    [row] = await rows()
    assert (row.holder, row.detached_at) == (second.lease.holder, None)


async def test_whoever_left_within_its_turn_lets_the_session_go(
    nodes: Callable[[str], Node], cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = nodes("here"), nodes("there")
    first = await opened(here, cast.dan)
    began = asyncio.Event()

    async def slow(question: Any) -> Any:
        began.set()
        return await taking(question)

    taking = there.comebacks.ask
    monkeypatch.setattr(there.comebacks, "ask", slow)
    stale = asyncio.create_task(opened(there, cast.dan, resume=first.lease.id))
    await began.wait()
    stale.cancel()
    await asyncio.gather(stale, return_exceptions=True)
    async with asyncio.timeout(5):
        while (await rows())[0].detached_at is None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    [row] = await rows()
    assert row.closed_at is None, "it may be resumed"


async def test_of_many_connections_at_once_exactly_the_holder_of_the_row_lives(
    nodes: Callable[[str], Node], cast: Cast
) -> None:
    node = nodes("one")
    first = await opened(node, cast.dan)
    node.supervisor.start()
    later = await asyncio.gather(
        *(opened(node, cast.dan, resume=first.lease.id) for _ in range(20))
    )
    [row] = await rows()
    feeds = [first, *later]
    alive = [feed for feed in feeds if feed.ending is None]
    assert [feed.lease.holder for feed in alive] == [row.holder]
    await asyncio.sleep(1.0)  # the supervisor has looked at the rows
    assert [feed for feed in feeds if feed.ending is None] == alive
    assert {feed.ending for feed in feeds} == {None, close_reasons.TAKEN}
    assert len(node.resume_order) == 0
    assert node.stats.resumed == {"ws": 20}


async def test_connections_of_one_session_count_once_against_the_caps(
    nodes: Callable[[str], Node], cast: Cast
) -> None:
    await Limits.objects.aupdate_or_create(
        tenant=None, extension=None, defaults={"sessions_per_user": 1}
    )
    node = nodes("one")
    first = await opened(node, cast.dan)
    for _ in range(3):
        first = await opened(node, cast.dan, resume=first.lease.id)
    with pytest.raises(OpeningRefused) as refused:
        await opened(node, cast.dan)
    assert int(refused.value.end.code) == 4429
    assert len(await rows()) == 1


async def test_the_ledger_goes_on_over_a_resume_uncounted_reasons_included(
    nodes: Callable[[str], Node], redis_server: RedisServer, cast: Cast
) -> None:
    node = nodes("one")
    with redis_server.client() as client:
        for number in range(3):
            client.xadd(KEY, entry(f"line {number}"))
        first = await opened(node, cast.dan)
        assert len(await read(first, 3)) == 3
        # A place without an epoch, beyond the stream: it was another one, and nobody can count.
        first.set_filter(EVERYTHING, rev=1, start=Start(cursor=Cursor.parse("9999999999999-0")))
        await until_lost(first)
        assert len(await read(first, 3)) == 3, "what the stream holds is read anew after the loss"
        await first.finish(gone=True)
        [row] = await rows()
        assert row.uncounted == ["reset"]
        client.xadd(KEY, entry("after"))
        second = await opened(
            node, cast.dan, resume=first.lease.id, start=Start(cursor=first.flow.position)
        )
        assert await read(second, 1) == ["after"]
    frame = second.flow.ledger.frame()
    assert frame.lost == {"reset": None}
    assert frame.shown == first.account.shown + 1
    await second.finish(gone=False)
    closing = await AuditRecord.objects.aget(action="session.closed")
    assert closing.data["uncounted"] == ["reset"]
    assert closing.data["shown"] == frame.shown


async def until_lost(feed: Feed) -> None:
    async with asyncio.timeout(5):
        while not feed.flow.ledger.lost:
            message = await feed.next()
            feed.ack(feed.flow.seq)
            assert message is not feed.ending


async def test_a_connection_on_the_same_process_goes_on_with_what_the_earlier_was_told(
    nodes: Callable[[str], Node], redis_server: RedisServer, cast: Cast
) -> None:
    """Its row is written every few seconds only; the feed knows to the unit."""
    node = nodes("one")
    with redis_server.client() as client:
        for number in range(5):
            client.xadd(KEY, entry(f"line {number}"))
    first = await opened(node, cast.dan, wanted=Filter.parse({"q": "-3"}))
    assert len(await read(first, 4)) == 4
    await said(first)
    second = await opened(
        node, cast.dan, resume=first.lease.id, start=Start(cursor=first.flow.position)
    )
    ledger = second.flow.ledger
    assert (ledger.shown, ledger.filtered) == (4, 1)
    await first.finish(gone=True)
    assert node.stats.totals([second]).shown == 4, "what was shown is counted once"
    assert [used.get("q") for used in second.account.filters] == ["-3", ""]


async def test_no_row_is_taken_by_somebody_else(nodes: Callable[[str], Node], cast: Cast) -> None:
    node = nodes("one")
    first = await opened(node, cast.dan)
    other = await opened(node, cast.alice, resume=first.lease.id)
    assert other.lease.id != first.lease.id
    assert first.ending is None
    take = sync_to_async(taken_over)
    viewer = access.viewer_of(cast.alice, transport="ws")
    assert await take(first.lease.id, viewer, first.target, process="p") is None
