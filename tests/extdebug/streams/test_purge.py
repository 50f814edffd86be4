"""Purging on a real redis-server: what was asked for goes, and nothing else, with a true count."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from extdebug.streams.purge import EVERYTHING, MOST, Stretch, look, remove
from extdebug.wire.positions import ZERO_ID, EntryId
from tests.fixtures.redis import RedisServer

KEY = "ext-debug:acme:invoice-sync"
OTHER = "ext-debug:globex:invoice-sync"


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    with redis_server.client() as connected:
        for key in (KEY, OTHER):
            for number in range(1, 1201):  # more than two pages
                connected.xadd(key, {"message": f"line {number}"}, id=f"{number}-0")
        yield connected


def ids(client: redis.Redis, key: str = KEY) -> list[int]:
    rows: Any = client.xrange(key)
    return [int(row[0].split(b"-")[0]) for row in rows]


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (EVERYTHING, []),
        (Stretch(ZERO_ID, EntryId(700, 0)), [*range(701, 1201)]),
        (Stretch(EntryId(300, 0), EntryId(900, MOST.seq)), [*range(1, 300), *range(901, 1201)]),
        (Stretch(EntryId(600, 0), MOST), [*range(1, 600)]),
        (Stretch(EntryId(600, 1), EntryId(600, 9)), [*range(1, 1201)]),
        (Stretch(EntryId(5000, 0), MOST), [*range(1, 1201)]),
    ],
)
def test_what_was_asked_for_goes_and_is_counted(
    client: redis.Redis, wanted: Stretch, left: list[int]
) -> None:
    held = look(client, KEY, wanted)
    assert held.entries == 1200 - len(left)
    if held.entries:
        gone = sorted(set(range(1, 1201)) - set(left))
        assert (held.first, held.last) == (EntryId(gone[0], 0), EntryId(gone[-1], 0))

    assert remove(client, KEY, held.stretch) == held.entries
    assert ids(client) == left
    assert len(ids(client, OTHER)) == 1200, "another tenant's stream"
    assert client.xinfo_stream(KEY)["entries-added"] == 1200, "watchers count by it"
    assert remove(client, KEY, held.stretch) == 0, "safe to repeat"


def test_what_is_written_after_the_look_stays(client: redis.Redis) -> None:
    held = look(client, KEY, EVERYTHING)
    client.xadd(KEY, {"message": "new"}, id="1201-0")
    assert remove(client, KEY, held.stretch) == 1200
    assert ids(client) == [1201]


def test_the_beginning_is_trimmed_so_that_the_loss_has_a_place(client: redis.Redis) -> None:
    """A deleted entry leaves `max-deleted-entry-id` behind, a trimmed one a first entry."""
    remove(client, KEY, Stretch(ZERO_ID, EntryId(10, 0)))
    assert client.xinfo_stream(KEY)["max-deleted-entry-id"] == b"0-0"
    remove(client, KEY, Stretch(EntryId(20, 0), EntryId(30, 0)))
    assert client.xinfo_stream(KEY)["max-deleted-entry-id"] == b"30-0"


def test_a_stream_that_is_none_holds_nothing(client: redis.Redis) -> None:
    held = look(client, "ext-debug:acme:nothing", EVERYTHING)
    assert held.entries == 0
    assert remove(client, "ext-debug:acme:nothing", held.stretch) == 0
    assert not client.exists("ext-debug:acme:nothing")


def test_a_key_of_another_type_is_an_error_and_stays(client: redis.Redis) -> None:
    client.set("ext-debug:acme:text", "x")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        remove(client, "ext-debug:acme:text", EVERYTHING)
    assert client.get("ext-debug:acme:text") == b"x"
