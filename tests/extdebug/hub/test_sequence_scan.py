"""The producers' numbers before a place, from what the stream still holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from extdebug.hub.hub import Hub
from extdebug.hub.sequence_scan import PAGE, scan_sequences
from extdebug.streams.connection import Link
from extdebug.streams.sequence_gaps import SequenceGaps
from extdebug.wire.events import Origin
from extdebug.wire.positions import ZERO_ID, Cursor, EntryId, Start
from policies.redaction.redactor import Redactor
from tests.extdebug.hub.test_history import past, told
from tests.extdebug.hub.test_hub import KEY, TARGET, hub, until, watch, write
from tests.fixtures.redis import RedisServer

__all__ = ["hub"]  # the fixture

LATER = EntryId(9_999_999_999_999, 0)


async def scanned(server: RedisServer, until: str) -> SequenceGaps:
    found = await scan(Link(server.url), until)
    assert found is not None
    return found


async def scan(link: Link, until: str) -> SequenceGaps | None:
    try:
        return await scan_sequences(
            link, KEY.encode(), TARGET, until=EntryId.parse(until), run_began=ZERO_ID
        )
    finally:
        await link.close()


class Interrupted(Link):
    """After its first page of entries, something happens to the stream."""

    def __init__(self, server: RedisServer, act: Callable[[Any], Any]) -> None:
        super().__init__(server.url)
        self._server, self._act = server, act
        self._acted = False

    async def call(self, *command: str | bytes | int, timeout: float | None = None) -> Any:
        reply = await super().call(*command, timeout=timeout)
        if command[0] == "XRANGE" and not self._acted:
            self._acted = True
            with self._server.client() as client:
                self._act(client)
        return reply


def refill(client: Any) -> None:
    client.delete(KEY)
    for n in range(1, 2 * PAGE):
        client.xadd(KEY, {"message": "of another", "src": "s", "n": str(n)})


@pytest.mark.parametrize(
    "act",
    [refill, lambda client: client.delete(KEY), lambda client: client.xtrim(KEY, maxlen=0)],
    ids=["another stream", "none", "emptied"],
)
async def test_a_stream_that_changes_as_it_is_read_teaches_nothing(
    redis_server: RedisServer, act: Callable[[Any], Any]
) -> None:
    """Half of it would: its producers would seem to have stopped at the first page's end."""
    with redis_server.client() as client:
        pipe = client.pipeline()
        for n in range(1, 2 * PAGE):
            pipe.xadd(KEY, {"message": "m", "src": "s", "n": str(n)})
        place = pipe.execute()[-1].decode()
    assert await scan(Interrupted(redis_server, act), place) is None
    if act is not refill:
        assert await scan(Link(redis_server.url), place) is not None


async def test_every_producer_up_to_the_place_is_known_and_none_after_it(
    redis_server: RedisServer,
) -> None:
    write(redis_server, "a", src="early", n="4")
    write(redis_server, *("loud" for _ in range(2 * PAGE)))
    [place] = write(redis_server, "b", src="here", n="7")
    write(redis_server, "c", src="here", n="8")
    write(redis_server, "d", src="later", n="9")
    numbers = await scanned(redis_server, place)
    assert numbers.complete
    assert numbers.account(Origin("early", 6), at=LATER).hole == 1
    assert numbers.account(Origin("here", 10), at=LATER).hole == 2
    assert numbers.account(Origin("later", 9), at=LATER).hole == 0


async def test_entries_that_nobody_can_read_do_not_stop_it(redis_server: RedisServer) -> None:
    with redis_server.client() as client:
        client.xadd(KEY, {"nonsense": b"\xff"})
    [place] = write(redis_server, "a", src="s", n="2")
    numbers = await scanned(redis_server, place)
    assert numbers.account(Origin("s", 4), at=LATER).hole == 1


async def test_an_absent_stream_is_learnt_completely(redis_server: RedisServer) -> None:
    assert (await scanned(redis_server, "5-0")).complete


@pytest.mark.parametrize("process", ["same", "other"])
@pytest.mark.parametrize("stood", ["before the marker", "behind it"])
async def test_a_hole_whose_marker_was_taken_for_an_earlier_ones_is_told_once_to_who_comes_back(
    hub: Hub, redis_server: RedisServer, stood: str, process: str
) -> None:
    """The earlier hole had no marker, and the stream shows it no more."""
    write(redis_server, "a", src="s", n="1")
    live = watch(hub)
    await until(lambda: live.boundary is not None)
    write(redis_server, "b", src="s", n="5")
    [kept] = write(redis_server, "c", src="s", n="6")
    [marker] = write(redis_server, "3 were dropped", src="s", lost="3", why="queue full")
    await until(lambda: str(live.watched.cursor.id) == marker)
    with redis_server.client() as client:
        client.xtrim(KEY, minid=kept, approximate=False)
    write(redis_server, "d", src="s", n="10")
    epoch = live.watched.cursor.epoch
    place = Cursor(EntryId.parse(kept), 3, epoch)
    if stood == "behind it":
        place = Cursor(EntryId.parse(marker), 4, epoch, untold=3)
        assert live.watched.sequence_gaps.log.as_of(place.id)["s"].untold == 3
    other = Hub(url=redis_server.url, prefix="ext-debug:", name="h2", redactor=Redactor(key=None))
    try:
        reader = hub if process == "same" else other
        shown, gaps, _ = told(place, await past(reader, watch(reader), Start(cursor=place)))
    finally:
        await other.close()
    assert shown == ["d"]
    assert [(gap.reason, gap.missed) for gap in gaps] == [("producer", 3)]
