"""What is asked for of a stream in one transaction, and what its replies mean."""

from __future__ import annotations

import pytest
from redis.exceptions import ResponseError

from extdebug.hub.snapshots import epochs_under, refusal, rows_of, snapshot_commands
from extdebug.streams import epochs
from extdebug.streams.connection import Link
from extdebug.streams.replies import read_info
from extdebug.wire.keys import EPOCH_PREFIX, MOVED_PREFIX
from tests.fixtures.redis import RedisServer

KEY = b"ext-debug:acme:invoice-sync"


def test_the_first_refusal_is_the_one_that_counts() -> None:
    first, second = ResponseError("one"), ResponseError("two")
    assert refusal([], None, first, second) is first
    assert refusal([], None) is None


def test_a_read_of_one_key_has_its_rows_or_none() -> None:
    rows = rows_of([[KEY, [[b"5-1", [b"a", b"b"]]]]])
    assert [(str(id), fields) for id, fields in rows] == [("5-1", [b"a", b"b"])]
    assert rows_of(None) == []


def test_a_snapshot_asks_for_stream_and_groups() -> None:
    assert [command[:2] for command in snapshot_commands(KEY)] == [
        ("XINFO", "STREAM"), ("XINFO", "GROUPS"),
    ]  # fmt: skip


@pytest.mark.redis
async def test_the_run_is_the_one_under_which_the_stream_lives(redis_server: RedisServer) -> None:
    link = Link(redis_server.url)
    run_id = read_info(await link.call("INFO", "server"))["run_id"]
    earlier = "1" * 40
    life = epochs.new_epoch(earlier)
    await link.call("XGROUP", "CREATE", KEY, f"{EPOCH_PREFIX}{life}", "0", "MKSTREAM")
    assert await epochs_under(link, KEY) == ((life,), run_id)
    move = epochs.move(run_id, earlier)
    await link.call("XGROUP", "CREATE", KEY, f"{MOVED_PREFIX}{move}", "0")
    assert await epochs_under(link, KEY) == ((life,), epochs.run_mark(earlier))
    await link.close()
