"""One reader per process however many watch; history joins live without hole or double."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from extdebug.filters.filter import EVERYTHING
from extdebug.hub.history import History
from extdebug.hub.hub import Hub
from extdebug.hub.selection import Selection
from extdebug.hub.subscription import Subscription
from extdebug.wire.keys import Keys, Target
from extdebug.wire.positions import Start
from policies.redaction.redactor import Redactor
from tests.fixtures.redis import RedisServer
from tests.fixtures.redis_cluster import Cluster

TARGET = Target("acme", "invoice-sync")
KEY = "ext-debug:acme:invoice-sync"
ALL = Selection(None, EVERYTHING)


@pytest_asyncio.fixture
async def hub(redis_server: RedisServer) -> AsyncIterator[Hub]:
    one = Hub(url=redis_server.url, prefix="ext-debug:", name="h1", redactor=Redactor(key=None))
    yield one
    await one.close()


async def until(condition: Callable[[], Any], *, within: float = 8) -> None:
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


def write(server: RedisServer, *messages: str, key: str = KEY, **more: str) -> list[str]:
    with server.client() as client:
        return [client.xadd(key, {"message": m, **more}).decode() for m in messages]


def watch(hub: Hub, target: Target = TARGET, selection: Selection = ALL) -> Subscription:
    return hub.subscribe(target, selection, lambda: None)


async def test_many_watchers_of_many_streams_cost_one_blocking_reader(
    hub: Hub, redis_server: RedisServer
) -> None:
    subs = [watch(hub, Target("acme", f"e{n % 20}")) for n in range(200)]
    await until(lambda: all(sub.boundary for sub in subs))
    for sub in subs:
        sub.ring.release()
    for n in range(20):
        write(redis_server, "line", key=f"ext-debug:acme:e{n}")
    await until(lambda: all(sub.ring.count for sub in subs))
    with redis_server.client() as client:
        readers = [c for c in client.client_list() if c["cmd"].startswith(("xread", "exec"))]
    assert len(readers) == 1
    assert len(hub._tails) == 1


async def test_more_keys_than_one_read_takes_get_a_second_one(hub: Hub) -> None:
    subs = [watch(hub, Target("acme", f"e{n}")) for n in range(130)]
    await until(lambda: all(sub.boundary for sub in subs))
    assert [len(tail.watched) for tail in hub._tails] == [128, 2]


async def test_one_more_stream_is_watched_without_waiting_for_the_running_read(hub: Hub) -> None:
    first = watch(hub)
    await until(lambda: first.boundary is not None)
    took = []
    for n in range(10):
        began = time.monotonic()
        sub = watch(hub, Target("acme", f"other{n}"))
        await until(lambda: sub.boundary is not None)  # noqa: B023
        took.append(time.monotonic() - began)
    assert sorted(took)[5] < 0.5, "the read blocks for a second"


def groups(client: Any, key: str = KEY) -> dict[bytes, Any]:
    return {group["name"]: group for group in client.xinfo_groups(key)}


async def test_the_last_one_out_ends_the_watch_and_its_group_and_leaves_the_epoch(
    hub: Hub, redis_server: RedisServer
) -> None:
    write(redis_server, "a")
    one, two = watch(hub), watch(hub)
    await until(lambda: one.boundary is not None)
    with redis_server.client() as client:
        ours = groups(client)[b"ee-debug-ui:h1"]
        assert (ours["last-delivered-id"], ours["lag"]) == (str(one.watched.cursor.id).encode(), 0)
        [epoch] = [name for name in groups(client) if name.startswith(b"ee-debug-epoch:")]
        assert one.watched.cursor.epoch == epoch.decode().removeprefix("ee-debug-epoch:")
        hub.unsubscribe(one)
        hub.unsubscribe(one)
        assert hub.health()
        hub.unsubscribe(two)
        assert not hub.health()
        watch(hub, Target("acme", "elsewhere"))
        await until(lambda: list(groups(client)) == [epoch])


async def test_a_bad_key_is_quarantined_alone(hub: Hub, redis_server: RedisServer) -> None:
    bad, good = watch(hub, Target("acme", "bad")), watch(hub)
    await until(lambda: good.boundary is not None)
    good.ring.release()
    with redis_server.client() as client:
        client.delete("ext-debug:acme:bad")
        client.set("ext-debug:acme:bad", "not a stream")
        await until(lambda: "WRONGTYPE" in hub.problem(bad.watched.target))
    write(redis_server, "goes on")
    await until(lambda: good.ring.count == 1)
    assert hub.problem(TARGET) == ""


async def test_redis_going_and_coming_is_told(hub: Hub, redis_server: RedisServer) -> None:
    sub = watch(hub)
    await until(lambda: sub.boundary is not None)
    await asyncio.to_thread(redis_server.kill9)
    await until(lambda: "does not answer" in hub.problem(TARGET))
    await asyncio.to_thread(redis_server.start)
    await until(lambda: hub.problem(TARGET) == "")


# --- on a cluster --------------------------------------------------------------------------------

KEYS = Keys("ext-debug:", bucketed=True)
BUCKET = 7


def of_the_bucket(count: int) -> list[Target]:
    names = (Target("acme", f"e{number}") for number in range(2000))
    return [target for target in names if KEYS.bucket(target) == BUCKET][:count]


@pytest.mark.redis
async def test_each_bucket_has_a_reader_of_its_own(one_cluster: Cluster) -> None:
    hub = Hub(url=one_cluster.url, prefix="ext-debug:", name="h1", redactor=Redactor(key=None))
    targets = [*of_the_bucket(3), *(Target("acme", f"other{number}") for number in range(9))]
    subs = [watch(hub, target) for target in targets]
    await until(lambda: all(sub.boundary for sub in subs))
    for sub in subs:
        sub.ring.release()
    for target in targets:
        write(one_cluster.owner(KEYS.bucket(target) or 0), "line", key=KEYS.of(target))
    await until(lambda: all(sub.ring.count for sub in subs))
    buckets = {KEYS.bucket(target) for target in targets}
    assert len(hub._tails) == len(buckets)
    assert {tail.bucket for tail in hub._tails} == buckets
    for target in targets:
        async with hub.reader(target) as link:
            assert await link.call("XLEN", KEYS.of(target)) == 1
    await hub.close()


@pytest.mark.redis
async def test_a_bucket_is_read_on_where_it_moved_and_its_next_stream_at_once(
    cluster_factory: Callable[..., Cluster],
) -> None:
    """The connection that wakes the reader has moved with it."""
    cluster = await asyncio.to_thread(cluster_factory)
    hub = Hub(url=cluster.url, prefix="ext-debug:", name="h1", redactor=Redactor(key=None))
    first, second, *others = of_the_bucket(10)
    sub = watch(hub, first)
    await until(lambda: sub.boundary is not None)
    sub.ring.release()
    woken = watch(hub, second)
    await until(lambda: woken.boundary is not None)
    heir = next(one for one in cluster.masters if one is not cluster.owner(BUCKET))
    for step in (cluster.begin_move, cluster.move_keys, cluster.end_move):
        await asyncio.to_thread(step, BUCKET, heir)
    write(heir, "line", key=KEYS.of(first))
    await until(lambda: sub.ring.count)
    piece = sub.ring.take()
    assert piece is not None
    assert piece.gap is None
    link, control = hub._tails[0].links
    await until(lambda: control.place in (None, link.place))
    took = []
    for target in others:
        began = time.monotonic()
        more = watch(hub, target)
        await until(lambda: more.boundary is not None)  # noqa: B023
        took.append(time.monotonic() - began)
    assert sorted(took)[4] < 0.5, "the read blocks for a second"
    assert [tail.bucket for tail in hub._tails] == [BUCKET]
    await hub.close()


@pytest.mark.redis
async def test_while_one_stream_is_on_its_way_the_others_of_its_bucket_go_on(
    cluster_factory: Callable[..., Cluster],
) -> None:
    cluster = await asyncio.to_thread(cluster_factory)
    hub = Hub(url=cluster.url, prefix="ext-debug:", name="h1", redactor=Redactor(key=None))
    gone, stays = of_the_bucket(2)
    subs = [watch(hub, target) for target in (gone, stays)]
    await until(lambda: all(sub.boundary for sub in subs))
    for sub in subs:
        sub.ring.release()
    owner = cluster.owner(BUCKET)
    heir = next(one for one in cluster.masters if one is not owner)
    await asyncio.to_thread(cluster.begin_move, BUCKET, heir)
    cluster.ask(owner, "MIGRATE", "127.0.0.1", heir.port, KEYS.of(gone), 0, 5000)
    await until(lambda: "being moved" in hub.problem(gone))
    write(owner, "meanwhile", key=KEYS.of(stays))
    await until(lambda: subs[1].ring.count, within=2)
    assert hub.problem(stays) == ""
    await asyncio.to_thread(cluster.move_keys, BUCKET, heir)
    await asyncio.to_thread(cluster.end_move, BUCKET, heir)
    for target in (gone, stays):
        write(heir, "behind it", key=KEYS.of(target))
    await until(lambda: subs[0].ring.count == 1 and subs[1].ring.count == 2)
    await until(lambda: not hub.problem(gone))
    for sub in subs:
        while (piece := sub.ring.take()) is not None:
            assert piece.gap is None
    await hub.close()


@pytest.mark.parametrize("again", [False, True])
async def test_the_past_of_a_session_is_freed_when_it_was_read(
    hub: Hub, redis_server: RedisServer, again: bool
) -> None:
    """Not when the collector finds it: 2,000 who come at once would hold 6 KB each until then."""
    write(redis_server, "m")
    sub = watch(hub)
    await until(lambda: sub.boundary is not None)
    gc.collect()
    gc.disable()
    try:
        history = History(hub, sub, Start(tail=5))
        streams = [weakref.ref(history._private)]
        for _ in range(1 + again):
            await history.begin()
            streams.append(weakref.ref(history._private))
        while not history.done:
            await history.page()
        del history
        await until(lambda: not any(stream() for stream in streams), within=2)
    finally:
        gc.enable()
