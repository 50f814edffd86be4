"""The producers' numbers before a place, from what the stream still holds."""

from __future__ import annotations

from extdebug.hub.sequence_scan import PAGE, scan_sequences
from extdebug.streams.connection import Link
from extdebug.streams.sequence_gaps import SequenceGaps
from extdebug.wire.events import Origin
from extdebug.wire.positions import ZERO_ID, EntryId
from tests.extdebug.hub.test_hub import KEY, TARGET, write
from tests.fixtures.redis import RedisServer

LATER = EntryId(9_999_999_999_999, 0)


async def scanned(server: RedisServer, until: str) -> SequenceGaps:
    link = Link(server.url)
    try:
        return await scan_sequences(
            link, KEY.encode(), TARGET, until=EntryId.parse(until), run_began=ZERO_ID
        )
    finally:
        await link.close()


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
