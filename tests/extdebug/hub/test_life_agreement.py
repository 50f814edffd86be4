"""A session waits for its own process where the client knows of a new life or run before it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import pytest_asyncio
from redis.exceptions import ConnectionError as RedisConnectionError

from extdebug.hub.history import History
from extdebug.hub.hub import Hub
from extdebug.hub.life_agreement import agree
from extdebug.hub.pieces import Piece
from extdebug.hub.runner_buffer import OFF_STREAM
from extdebug.wire.positions import EPOCH_DIGITS, Cursor, EntryId, Start, behind
from policies.redaction.redactor import Redactor
from tests.extdebug.hub.test_history import drain, place_of, read_on, told
from tests.extdebug.hub.test_hub import KEY, TARGET, hub, until, watch, write
from tests.fixtures.redis import RedisServer

__all__ = ["hub"]  # the fixture


class Late:
    """Two processes on one server; the second learns of a restart only when it may."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.first, self.late = (
            Hub(url=server.url, prefix="ext-debug:", name=name, redactor=Redactor(key=None))
            for name in ("h1", "h2")
        )
        self.may_connect = asyncio.Event()

    async def restart(self) -> None:
        """After "old" both watch; then five lines are written into the new run."""
        write(self.server, "old")
        self.sub, self.here = watch(self.first), watch(self.late)
        await until(lambda: self.sub.boundary is not None and self.here.boundary is not None)
        old = self.sub.watched.cursor.epoch
        self.hold_back()
        await asyncio.to_thread(self.server.kill9)
        await asyncio.to_thread(self.server.start)
        self.new = write(self.server, *(f"new {n}" for n in range(5)))
        await until(lambda: self.sub.watched.cursor.epoch != old)
        await until(lambda: self.sub.watched.cursor.index == 6)

    async def roll_back(self) -> Cursor:
        """The second process watches and has read "read 0" and "read 1", which the server loses;
        then seven lines are written. The place of a client that was told "old 1"."""
        self.may_connect.set()
        old = write(self.server, "old 0", "old 1", "old 2")
        self.here = watch(self.late)
        await until(lambda: self.here.boundary is not None)
        with self.server.client() as client:
            client.save()
        write(self.server, "read 0", "read 1")
        await until(lambda: self.here.watched.cursor.index == 5)
        self.here.restart(self.here.selection)
        place = place_of(self.here, old[1], 2)
        self.hold_back()
        await asyncio.to_thread(self.server.kill9)
        await asyncio.to_thread(self.server.start)
        write(self.server, *(f"new {n}" for n in range(7)))
        return place

    async def noticed(self, place: Cursor) -> None:
        """The second process may connect, and has read on."""
        self.may_connect.set()
        await until(lambda: self.here.watched.cursor.epoch != place.epoch)
        await until(lambda: self.here.watched.cursor.index == 10)

    def hold_back(self) -> None:
        """From its next connection on the second process waits for `may_connect`."""
        self.may_connect.clear()
        [tail] = self.late._tails
        connect: Any = tail._connect

        async def connect_later() -> None:
            await self.may_connect.wait()
            await connect()

        tail._connect = connect_later  # type: ignore[method-assign]

    async def close(self) -> None:
        self.may_connect.set()
        await self.first.close()
        await self.late.close()


@pytest_asyncio.fixture
async def stage(redis_server_factory: Callable[..., RedisServer]) -> AsyncIterator[Late]:
    one = Late(redis_server_factory("--appendonly", "yes", "--appendfsync", "always"))
    await one.restart()
    yield one
    await one.close()


async def test_a_client_that_knows_of_a_restart_is_read_for_once_its_process_does(
    stage: Late,
) -> None:
    """It stands in the new run already: nothing of the old one is told or shown again."""
    place = place_of(stage.sub, stage.new[2], None)
    history = History(stage.late, stage.here, Start(cursor=place))
    beginning = asyncio.create_task(history.begin())
    await asyncio.sleep(0.2)
    assert not beginning.done(), "it waits for its own process"
    stage.may_connect.set()
    assert (await beginning).epoch == place.epoch
    pieces = await read_on(history)
    stage.here.ring.release()
    shown, gaps, end = told(place, pieces + drain(stage.here))
    assert (shown, gaps, end.epoch) == (["new 3", "new 4"], [], place.epoch)


async def test_a_process_that_does_not_notice_lets_the_session_say_that_it_waits(
    stage: Late,
) -> None:
    place = place_of(stage.sub, stage.new[2], None)
    with pytest.raises(RedisConnectionError, match="does not know"):
        await agree(stage.late, stage.here, place, looks=3)
    stage.may_connect.set()
    await agree(stage.late, stage.here, place)
    assert stage.here.watched.cursor.epoch == place.epoch


async def test_a_place_of_a_stream_that_is_gone_is_refused_by_nobody(stage: Late) -> None:
    """A process that does not know the present stream either is waited for, but not for ever."""
    gone = Cursor(EntryId.parse(stage.new[0]), 1, "0" * EPOCH_DIGITS)
    await asyncio.wait_for(agree(stage.first, stage.sub, gone), 0.5)
    await agree(stage.late, stage.here, gone, looks=3)
    beginning = asyncio.create_task(agree(stage.late, stage.here, gone))
    await asyncio.sleep(0.2)
    assert not beginning.done()
    stage.may_connect.set()
    await beginning
    assert stage.here.watched.cursor.epoch == stage.sub.watched.cursor.epoch


async def test_a_place_of_an_earlier_life_waits_for_nobody(stage: Late) -> None:
    place = place_of(stage.here, stage.new[0], 1)  # of the run that is over
    await asyncio.wait_for(agree(stage.first, stage.sub, place), 0.5)
    await asyncio.wait_for(agree(stage.first, stage.sub, None), 0.5)


async def test_lines_told_lost_by_another_process_are_not_shown_by_one_that_read_them_in_time(
    stage: Late,
) -> None:
    """This process holds two lines that were trimmed meanwhile; the client was told of their loss
    by one that came too late for them."""
    stage.may_connect.set()
    server, here = stage.server, stage.here
    await until(lambda: here.watched.cursor == stage.sub.watched.cursor)
    stood = here.watched.cursor
    read, go_on = asyncio.Event(), asyncio.Event()
    [tail] = stage.late._tails
    link: Any = tail._link
    exchange = link._exchange

    async def exchange_slowly(*asked: Any) -> Any:
        replies = await exchange(*asked)
        if "lost 1" in repr(replies):
            read.set()
            await go_on.wait()
        return replies

    link._exchange = exchange_slowly
    lost = write(server, "lost 0", "lost 1")
    await asyncio.wait_for(read.wait(), 5)
    with server.client() as client:
        client.xtrim(here.watched.key, maxlen=0, approximate=False)
    kept = write(server, "kept")
    until_id = behind(EntryId.parse(lost[-1]))
    place = Cursor(stood.id, (stood.index or 0) + 2, stood.epoch, ahead=2, until=until_id)
    history = History(stage.late, here, Start(cursor=place))
    beginning = asyncio.create_task(history.begin())
    await asyncio.sleep(0.2)
    assert not beginning.done(), "it waits for its own process"
    go_on.set()
    await beginning
    pieces = await read_on(history)
    here.ring.release()
    await until(lambda: str(here.watched.cursor.id) == kept[0])
    shown, gaps, end = told(place, pieces + drain(here))
    assert (shown, gaps, str(end.id)) == (["kept"], [], kept[0])


async def test_a_place_told_ahead_that_no_stream_reaches_waits_for_a_while_only(
    stage: Late,
) -> None:
    stage.may_connect.set()
    stood = stage.sub.watched.cursor
    forged = Cursor(stood.id, stood.index, stood.epoch, ahead=1, until=EntryId(1 << 50, 0))
    await asyncio.wait_for(agree(stage.first, stage.sub, forged, looks=3), 2)


@pytest_asyncio.fixture
async def forgetful(redis_server_factory: Callable[..., RedisServer]) -> AsyncIterator[Late]:
    one = Late(redis_server_factory())
    yield one
    await one.close()


async def what_the_server_lost_is_its_loss(stage: Late, place: Cursor, pieces: list[Piece]) -> None:
    stage.here.ring.release()
    await until(lambda: stage.here.watched.cursor.index == 10)
    shown, gaps, _ = told(place, pieces + drain(stage.here))
    assert shown == ["old 2", *(f"new {n}" for n in range(7))]
    assert [(gap.reason, gap.missed) for gap in gaps] == [("reset", None)]


async def test_what_the_server_lost_of_what_we_read_is_told_as_its_loss(forgetful: Late) -> None:
    """A client comes back to a process that has not noticed, for longer than a session waits in
    silence."""
    place = await forgetful.roll_back()
    history = History(forgetful.late, forgetful.here, Start(cursor=place))
    await history.begin()
    with pytest.raises(RedisConnectionError, match="what the server lost"):
        await read_on(history)
    await forgetful.noticed(place)
    pieces = await read_on(history)
    await what_the_server_lost_is_its_loss(forgetful, place, pieces)


@pytest.mark.parametrize("begun", [True, False])
async def test_a_process_that_notices_while_a_client_comes_back_tells_the_same(
    forgetful: Late, begun: bool
) -> None:
    """Its group stands at the end again when the session reads."""
    place = await forgetful.roll_back()
    history = History(forgetful.late, forgetful.here, Start(cursor=place))
    if begun:
        await history.begin()
        await forgetful.noticed(place)
    else:
        await forgetful.noticed(place)
        await history.begin()
    pieces = await read_on(history)
    await what_the_server_lost_is_its_loss(forgetful, place, pieces)


@pytest.fixture
def dies(monkeypatch: pytest.MonkeyPatch) -> Callable[[], AbstractContextManager[None]]:
    """Within it a connection dies when nearly all of a session's beginning is done."""

    async def away(*_: Any, **__: Any) -> None:
        raise RedisConnectionError("it just died")

    @contextmanager
    def once() -> Iterator[None]:
        with monkeypatch.context() as here:
            here.setattr("extdebug.hub.history.begin_sequences", away)
            with pytest.raises(RedisConnectionError, match="just died"):
                yield

    return once


async def test_what_was_found_before_the_process_noticed_is_told_once_all_the_same(
    forgetful: Late, dies: Callable[[], AbstractContextManager[None]]
) -> None:
    """A client was shown lines straight from a runner: a gap marks the seam."""
    place = await forgetful.roll_back()
    shown_until = Cursor(EntryId(place.id.ms, OFF_STREAM))
    history = History(forgetful.late, forgetful.here, Start(cursor=shown_until))
    with dies():
        await history.begin()
    await history.begin()
    await forgetful.noticed(place)
    _, gaps, _ = told(shown_until, await read_on(history))
    assert [gap.reason for gap in gaps] == ["failover", "reset"]


async def test_a_session_that_cannot_begin_again_now_does_it_later(
    forgetful: Late, dies: Callable[[], AbstractContextManager[None]]
) -> None:
    place = await forgetful.roll_back()
    history = History(forgetful.late, forgetful.here, Start(cursor=place))
    await history.begin()
    await forgetful.noticed(place)
    with dies():
        await read_on(history)
    await what_the_server_lost_is_its_loss(forgetful, place, await read_on(history))


async def test_a_process_that_is_about_to_tell_is_waited_for(forgetful: Late) -> None:
    """It knows what the server lost, and names the new run at this moment: its group is there."""
    place = await forgetful.roll_back()
    history = History(forgetful.late, forgetful.here, Start(cursor=place))
    await history.begin()
    with forgetful.server.client() as client:
        client.xgroup_setid(KEY, forgetful.late.group, "$")
    forgetful.here.watched.rollbacks[place.epoch] = place.id
    reading = asyncio.create_task(read_on(history))
    await asyncio.sleep(0.3)
    assert not reading.done()
    forgetful.may_connect.set()
    await what_the_server_lost_is_its_loss(forgetful, place, await reading)


async def test_a_group_that_stands_back_in_the_same_run_is_waited_for_by_nobody(
    hub: Hub, redis_server: RedisServer
) -> None:
    old = write(redis_server, *(f"old {n}" for n in range(5)))
    sub = watch(hub)
    await until(lambda: sub.boundary is not None)
    place = place_of(sub, old[0], 1)
    with redis_server.client() as client:
        client.xtrim(KEY, maxlen=3, approximate=False)
        client.xgroup_setid(KEY, hub.group, old[1])
    history = History(hub, sub, Start(cursor=place))
    await history.begin()
    shown, gaps, _ = told(place, await asyncio.wait_for(read_on(history), 1))
    assert shown == ["old 2", "old 3", "old 4"]
    assert [(gap.reason, gap.missed) for gap in gaps] == [("retention", 1)]


async def test_a_stream_that_was_emptied_before_it_was_read_is_waited_for_by_nobody(
    hub: Hub, redis_server: RedisServer
) -> None:
    [old] = write(redis_server, "old")
    sub = watch(hub)
    await until(lambda: sub.boundary is not None)
    with redis_server.client() as client:
        pipe = client.pipeline(transaction=True)
        pipe.xadd(KEY, {"message": "gone"})
        pipe.xtrim(KEY, maxlen=0, approximate=False)
        pipe.execute()
    hub.look(TARGET)
    await until(lambda: sub.watched.cursor.index == 2)
    place = place_of(sub, old, 1)
    back = watch(hub)
    history = History(hub, back, Start(cursor=place))
    await history.begin()
    pieces = await asyncio.wait_for(read_on(history), 1)
    shown, gaps, _ = told(place, pieces)
    assert shown == []
    assert [(gap.reason, gap.missed) for gap in gaps] == [("retention", 1)]
