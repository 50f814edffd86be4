"""A stream that becomes another one under traffic: nothing of the new life before its reset,
nothing doubled, and each loss with its true count."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
import redis

from extdebug.hub import stream_reader
from extdebug.hub.history import History
from extdebug.hub.hub import Hub
from extdebug.hub.stream_reader import StreamReader
from extdebug.hub.subscription import Subscription
from extdebug.wire.keys import EPOCH_PREFIX
from extdebug.wire.positions import Cursor, EntryId, Start
from policies.redaction.redactor import Redactor
from tests.extdebug.hub.test_history import read_on
from tests.extdebug.hub.test_history import told as told_client
from tests.extdebug.hub.test_hub import ALL, KEY, TARGET, groups, hub, until, watch, write
from tests.extdebug.hub.test_watched_stream import at, stream
from tests.fixtures.redis import RedisServer

__all__ = ["hub"]  # the fixture

LINES = 150  # written before and after each fault


class Traffic:
    """Lines `life:number`, written without a pause until it is told to stop."""

    def __init__(self, server: RedisServer) -> None:
        self.life = 0
        self.written: list[str] = []
        self._client = server.client()
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        with self._client as client:
            while True:
                for _ in range(5):
                    line = f"{self.life}:{len(self.written)}"
                    client.xadd(KEY, {"message": line})
                    self.written.append(line)
                await asyncio.sleep(0.002)

    async def more(self) -> None:
        wanted = len(self.written) + LINES
        await until(lambda: len(self.written) >= wanted)

    async def stop(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


def rename(client: Any) -> None:
    client.rename(KEY, "elsewhere")


def swap(client: Any) -> None:
    client.swapdb(0, 1)


def set_and_delete(client: Any) -> None:
    client.set(KEY, "not a stream")
    client.delete(KEY)


FAULTS: dict[str, Callable[[Any], Any]] = {
    "del": lambda client: client.delete(KEY),
    "flushall": lambda client: client.flushall(),
    "swapdb": swap,
    "rename": rename,
    "set and del": set_and_delete,
}


def told(sub: Subscription) -> list[str]:
    """Lines and gaps in order, as the ring holds them."""
    items: list[str] = []
    while (piece := sub.ring.take()) is not None:
        if piece.gap is not None:
            items.append(f"{piece.gap.reason}:{piece.gap.missed}")
        events = piece.chunk.events if piece.chunk else ()
        items += [one.event.message for one in events if one.event]
    return items


async def live(hub: Hub) -> Subscription:
    sub = watch(hub)
    await until(lambda: sub.boundary is not None)
    sub.ring.release()
    return sub


def newest(server: RedisServer) -> str:
    with server.client() as client:
        return str(client.xinfo_stream(KEY)["last-generated-id"].decode())


@pytest.mark.parametrize("fault", FAULTS)
async def test_nothing_of_the_new_life_comes_before_its_reset_and_nothing_twice(
    hub: Hub, redis_server: RedisServer, fault: str
) -> None:
    sub = await live(hub)
    traffic = Traffic(redis_server)
    await traffic.more()
    with redis_server.client() as client:
        FAULTS[fault](client)  # no await: the traffic's next line is of the new life
    traffic.life = 1
    await traffic.more()
    await traffic.stop()
    await until(lambda: str(sub.watched.cursor.id) == newest(redis_server))
    items = told(sub)
    assert items.count("reset:None") == 1
    reset = items.index("reset:None")
    before, after = items[:reset], items[reset + 1 :]
    assert all(line.startswith("0:") for line in before)
    assert after == [line for line in traffic.written if line.startswith("1:")]
    assert max(Counter(items).values()) == 1
    assert before == traffic.written[: len(before)]


async def test_a_group_destroyed_by_hand_costs_nothing(hub: Hub, redis_server: RedisServer) -> None:
    sub = await live(hub)
    epoch = sub.watched.cursor.epoch
    traffic = Traffic(redis_server)
    await traffic.more()
    with redis_server.client() as client:
        assert client.xgroup_destroy(KEY, "ee-debug-ui:h1")
        await traffic.more()
        await traffic.stop()
        await until(lambda: str(sub.watched.cursor.id) == newest(redis_server))
        assert told(sub) == traffic.written
        await until(lambda: b"ee-debug-ui:h1" in groups(client))
    assert sub.watched.cursor.epoch == epoch


async def test_reading_anew_under_traffic_loses_and_doubles_nothing(
    hub: Hub, redis_server: RedisServer
) -> None:
    sub = await live(hub)
    traffic = Traffic(redis_server)
    for _ in range(30):
        hub.read_again(TARGET)
        await asyncio.sleep(0.01)
    await traffic.more()
    await traffic.stop()
    await until(lambda: str(sub.watched.cursor.id) == newest(redis_server))
    assert told(sub) == traffic.written


async def test_lines_that_were_purged_are_not_delivered_after_they_are_read_anew(
    hub: Hub, redis_server: RedisServer
) -> None:
    """A watcher that keeps up, and has no room just now, lets the reader hold lines back."""
    sub = hub.subscribe(TARGET, ALL, lambda: None, ring_bytes=50_000)
    sub.keeps_up = lambda: True
    await until(lambda: sub.boundary is not None)
    sub.ring.release()
    write(redis_server, *(f"{number} {'x' * 200}" for number in range(LINES)))
    watched: Any = sub.watched
    await until(lambda: watched.pending)
    with redis_server.client() as client:
        client.xtrim(KEY, maxlen=0, approximate=False)
    hub.read_again(TARGET)
    await until(lambda: not watched.pending)
    items = told(sub)
    write(redis_server, "next")
    await until(lambda: sub.ring.count)
    items += told(sub)
    shown = sum("xx" in item for item in items)
    assert 0 < shown < LINES
    assert items[shown:] == [f"retention:{LINES - shown}", "next"]


async def test_an_epoch_destroyed_by_hand_is_made_again_under_its_name(
    hub: Hub, redis_server: RedisServer
) -> None:
    sub = await live(hub)
    epoch = sub.watched.cursor.epoch
    traffic = Traffic(redis_server)
    await traffic.more()
    with redis_server.client() as client:
        assert client.xgroup_destroy(KEY, EPOCH_PREFIX + epoch)
        await until(lambda: (EPOCH_PREFIX + epoch).encode() in groups(client))
    await traffic.stop()
    await until(lambda: str(sub.watched.cursor.id) == newest(redis_server))
    assert told(sub) == traffic.written
    assert sub.watched.cursor.epoch == epoch


async def test_two_processes_that_attach_at_once_read_the_same_life(
    redis_server: RedisServer,
) -> None:
    """Each may have made an epoch; a place under one goes on under the other, without a reset."""
    hubs = [
        Hub(url=redis_server.url, prefix="ext-debug:", name=f"h{n}", redactor=Redactor(key=None))
        for n in range(4)
    ]
    try:
        ids = write(redis_server, *(f"m{n}" for n in range(5)))
        subs = [watch(one) for one in hubs]
        await until(lambda: all(sub.boundary for sub in subs))
        with redis_server.client() as client:  # whoever attaches now takes the greatest
            old = subs[0].watched.cursor.epoch
            client.xgroup_create(KEY, f"{EPOCH_PREFIX}fffffffffff{old[11:]}", "0")
        late = Hub(url=redis_server.url, prefix="ext-debug:", name="x", redactor=Redactor(key=None))
        hubs.append(late)
        subs.append(watch(late))
        await until(lambda: subs[-1].boundary)
        assert len({sub.watched.cursor.epoch for sub in subs}) > 1
        for there in hubs:
            for sub in subs:
                place = Cursor(EntryId.parse(ids[1]), 2, sub.watched.cursor.epoch)
                here = watch(there)
                history = History(there, here, Start(cursor=place))
                found = await history.begin()
                shown, gaps, _ = told_client(found, await read_on(history))
                assert (shown, gaps) == (["m2", "m3", "m4"], [])
    finally:
        for one in hubs:
            await one.close()


async def test_trims_and_deletions_by_hand_are_counted_to_the_unit(
    hub: Hub, redis_server: RedisServer
) -> None:
    sub = await live(hub)
    with redis_server.client() as client:
        for burst in range(12):
            pipe = client.pipeline()  # one transaction: what it trims nobody can have read
            for n in range(60):
                pipe.xadd(KEY, {"message": f"{burst}:{n}"})
            pipe.xtrim(KEY, maxlen=20 + burst, approximate=False)
            pipe.execute()
            held = [id for id, _ in client.xrange(KEY)]
            client.xdel(KEY, *held[5:8])
        added = client.xinfo_stream(KEY)["entries-added"]
    await until(lambda: str(sub.watched.cursor.id) == newest(redis_server))
    await until(lambda: sub.watched.cursor.index == added)
    items = told(sub)
    lines = [item for item in items if not item.startswith("retention")]
    missed = sum(int(item.split(":")[1]) for item in items if item.startswith("retention"))
    assert len(lines) == len(set(lines))
    assert len(lines) + missed == added == 12 * 60
    assert missed > 0


async def without_memory(server: RedisServer, work: Callable[[], Awaitable[None]]) -> None:
    with server.client() as client:
        client.config_set("maxmemory", 1)
        try:
            await work()
        finally:
            client.config_set("maxmemory", 0)


async def test_without_memory_for_a_group_the_stream_is_read_plainly(
    hub: Hub, redis_server: RedisServer
) -> None:
    ids = write(redis_server, *(f"m{n}" for n in range(5)))

    async def work() -> None:
        sub = await live(hub)
        assert str(sub.watched.cursor.id) == ids[-1]
        with redis_server.client() as client:
            assert not groups(client)

    await without_memory(redis_server, work)
    sub = watch(hub)
    sub.ring.release()
    write(redis_server, "after")
    await until(lambda: sub.ring.count == 1)
    assert told(sub) == ["after"]


@pytest.mark.parametrize("keeps", [True, False])
async def test_a_restart_shows_nothing_twice_and_says_what_cannot_be_known(
    redis_server_factory: Callable[..., RedisServer], keeps: bool
) -> None:
    server = redis_server_factory(
        *(("--appendonly", "yes", "--appendfsync", "always") if keeps else ())
    )
    hub = Hub(url=server.url, prefix="ext-debug:", name="h1", redactor=Redactor(key=None))
    try:
        sub = await live(hub)
        write(server, *(f"old {n}" for n in range(20)))
        await until(lambda: sub.watched.cursor.index == 20)
        await asyncio.to_thread(server.kill9)
        await asyncio.to_thread(server.start)
        write(server, *(f"new {n}" for n in range(30)))
        await until(lambda: str(sub.watched.cursor.id) == newest(server))
        assert told(sub) == [
            *(f"old {n}" for n in range(20)), "reset:None", *(f"new {n}" for n in range(30)),
        ]  # fmt: skip
    finally:
        await hub.close()


async def test_an_older_copy_after_a_restart_shows_nothing_twice(
    redis_server_factory: Callable[..., RedisServer],
) -> None:
    server = redis_server_factory()
    hub = Hub(url=server.url, prefix="ext-debug:", name="h1", redactor=Redactor(key=None))
    try:
        sub = await live(hub)
        write(server, *(f"saved {n}" for n in range(10)))
        await until(lambda: sub.watched.cursor.index == 10)
        with server.client() as client:
            client.save()
        write(server, *(f"unsaved {n}" for n in range(10)))
        await until(lambda: sub.watched.cursor.index == 20)
        await asyncio.to_thread(server.kill9)
        await asyncio.to_thread(server.start)
        write(server, *(f"new {n}" for n in range(5)))
        await until(lambda: str(sub.watched.cursor.id) == newest(server))
        assert told(sub) == [
            *(f"saved {n}" for n in range(10)), *(f"unsaved {n}" for n in range(10)),
            "reset:None", *(f"new {n}" for n in range(5)),
        ]  # fmt: skip
    finally:
        await hub.close()


async def test_an_id_from_the_future_is_not_followed(hub: Hub, redis_server: RedisServer) -> None:
    await live(hub)
    with redis_server.client() as client:
        client.xadd(KEY, {"message": "far"}, id="9999999999999-0")
    await until(lambda: "future" in hub.problem(TARGET))
    with redis_server.client() as client, pytest.raises(redis.ResponseError):
        client.xadd(KEY, {"message": "now"}, id="5-0")


# --- proofs by a snapshot alone -------------------------------------------------------------------

INFO: dict[str, Any] = {
    "length": 2, "last-generated-id": b"9-0", "entries-added": 9, "groups": 2,
    "first-entry": [b"8-0", []], "last-entry": [b"9-0", []],
}  # fmt: skip


def answer(**changes: Any) -> list[Any]:
    """What Redis answers to a reader's question."""
    told = INFO | {name.replace("_", "-"): value for name, value in changes.items()}
    return [part for name, value in told.items() for part in (name.encode(), value)]


def resting() -> StreamReader:
    """A reader that stands at the ninth of nine entries."""
    nobody: Any = None
    reader = StreamReader(stream(9), nobody, nobody, group=b"g", clock=lambda: 100.0)
    reader._group.synced = True
    reader._doubted, reader._groups = False, 2
    assert reader.rests
    return reader


def test_a_snapshot_proves_that_all_was_read_and_the_look_is_done() -> None:
    reader = resting()
    for _ in range(2):  # the second time by the answer's likeness
        reader.look_at = 0.0
        assert reader.proved(answer())
        assert 102.5 < reader.look_at <= 105, "together with others, and not at once"
    assert reader.proved(answer(length=1, first_entry=[b"9-0", []])), "it was trimmed by age"
    watched = reader.watched
    assert watched.snapshot is not None
    assert (watched.snapshot.length, watched.cursor, watched.counts.lost) == (1, at(9), {})


@pytest.mark.parametrize(
    "said",
    [
        answer(entries_added=10), answer(entries_added=8), answer(last_generated_id=b"10-0"),
        answer(last_generated_id=b"8-0"), answer(groups=1), redis.ResponseError("no such key"),
        redis.ResponseError("NOPERM"),
    ],
)  # fmt: skip
def test_a_snapshot_that_proves_less_has_the_stream_read_at_once(said: Any) -> None:
    reader = resting()
    assert reader.proved(answer())
    assert not reader.proved(said)
    assert reader.look_at == 0.0
    assert not reader.provable(100.0), "now it takes a whole look"


def test_nothing_that_was_called_for_meanwhile_is_proved_away() -> None:
    for call in (StreamReader.due, StreamReader.read_again, StreamReader.reconnected):
        reader = resting()
        assert reader.proved(answer())
        call(reader)
        assert not reader.proved(answer())


async def test_streams_that_rest_cost_snapshots_alone_and_a_silent_loss_is_told(
    hub: Hub, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_reader, "IDLE_LOOK", 0.2)
    sub = await live(hub)
    with redis_server.client() as client:

        def calls(command: str) -> int:
            stats = client.info("commandstats")
            return int(stats.get(f"cmdstat_{command}", {"calls": 0})["calls"])

        looks, proofs = calls("exec"), calls("xinfo|stream")
        await until(lambda: calls("xinfo|stream") >= proofs + 3)
        assert calls("exec") == looks
        pipe = client.pipeline()  # written and trimmed at once: nobody can have read it
        for n in range(7):
            pipe.xadd(KEY, {"message": f"m{n}"})
        pipe.xtrim(KEY, maxlen=0, approximate=False)
        pipe.execute()
    await until(lambda: sub.ring)
    assert told(sub) == ["retention:7"]
