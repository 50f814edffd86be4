"""On a cluster each bucket has a sender: its order, its node, and its part of what may wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from extdebug.runner.config import PublisherConfig
from extdebug.runner.publish.bucket_senders import LEAST, BucketSenders, sender
from extdebug.runner.publish.commands import Packed, pack
from extdebug.runner.publish.lane import Bounds, Stream
from extdebug.runner.publish.sender import FIGURES
from extdebug.wire.keys import Keys, Target
from tests.fixtures.programs import wait_until
from tests.fixtures.redis_cluster import Cluster

KEYS = Keys("ext-debug:", bucketed=True)
NOBODY = "redis+cluster://127.0.0.1:1/"


def stream(bucket: int) -> Stream:
    """One of this bucket."""
    names = (("acme", f"ext-{number}") for number in range(2000))
    return next(name for name in names if KEYS.bucket(Target(*name)) == bucket)


def line(of: Stream, text: str) -> Packed:
    return Packed(
        pack(KEYS.of(Target(*of)), ["message", text], src="s", maxlen=100_000).command, "s"
    )


@pytest.fixture
def senders() -> Iterator[Callable[..., BucketSenders]]:
    made: list[BucketSenders] = []

    def make(url: str, *, total: int = 1 << 20) -> BucketSenders:
        config = PublisherConfig(redis_url=url, reply_timeout=2)
        bounds = Bounds(total_bytes=total)
        made.append(BucketSenders(config, KEYS, bounds=bounds, unsettled=lambda *_: None))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_it_counts_what_a_sender_counts() -> None:
    one = sender(
        PublisherConfig(redis_url=NOBODY),
        KEYS,
        bounds=Bounds(),
        unsettled=lambda *_: None,
        bucket=1,
    )
    assert tuple(one.stats()) == FIGURES


def test_before_the_first_event_there_is_nothing(senders: Callable[..., BucketSenders]) -> None:
    one = senders(NOBODY)
    assert one.idle()
    assert one.stats() == {**dict.fromkeys(FIGURES, 0), "connected": False}
    assert (one.dropped, one.trouble) == ({}, None)


def test_the_bytes_that_may_wait_are_shared(senders: Callable[..., BucketSenders]) -> None:
    """However many buckets there are, and nothing is lost without being counted."""
    total, size = 8 * LEAST, 1000
    one = senders(NOBODY, total=total)
    put = 0
    for bucket in range(8):
        of = stream(bucket)
        for _ in range(total // size // 4):
            one.put(of, [line(of, "x" * size)])
            put += 1
    found = one.stats()
    assert found["unsent_bytes"] <= total
    assert found["unsent"] + one.dropped["queue_full"] == put
    assert found["unsent"] > 0


def test_many_senders_end_together(senders: Callable[..., BucketSenders]) -> None:
    one = senders(NOBODY)
    for bucket in range(16):
        of = stream(bucket)
        one.put(of, [line(of, "x")])
    wait_until(lambda: one.trouble, what="a reason")
    began = time.monotonic()
    one.close()
    assert time.monotonic() - began < 4
    assert "could be asked" in (one.trouble or "")


@pytest.mark.redis
def test_each_stream_keeps_its_order_while_its_slot_moves(
    cluster_factory: Callable[..., Cluster], senders: Callable[..., BucketSenders]
) -> None:
    cluster = cluster_factory()
    one = senders(cluster.url)
    moving, still = stream(7), stream(next(b for b in range(8, 64) if b != 7))
    numbers = iter(range(1, 100_000))
    written = 0

    def write(count: int) -> None:
        nonlocal written
        for _ in range(count):
            n = next(numbers)
            for of in (moving, still):
                one.put(of, [line(of, str(n))])
            written = n

    write(300)
    wait_until(one.idle, what="the first lines")
    for number in range(3):
        owner = cluster.owner(7)
        heir = [node for node in cluster.masters if node is not owner][number % 2]
        cluster.begin_move(7, heir)
        write(100)
        cluster.move_keys(7, heir)
        write(100)
        time.sleep(0.1)
        cluster.end_move(7, heir)
        write(100)
        assert "redis+cluster://" not in (one.trouble or "")
        wait_until(one.idle, what="the lines behind a move")
    for of in (moving, still):
        owner = cluster.owner(KEYS.bucket(Target(*of)) or 0)
        with owner.client() as client:
            rows = client.xrange(KEYS.of(Target(*of)))
        assert [int(fields[b"message"]) for _, fields in rows] == list(range(1, written + 1))
    assert one.dropped == {}
    assert "slot" in (one.trouble or ""), "nothing was refused: this proved nothing"


@pytest.mark.redis
def test_a_node_that_hangs_holds_up_nobody_elses_streams(
    cluster_factory: Callable[..., Cluster], senders: Callable[..., BucketSenders]
) -> None:
    cluster = cluster_factory()
    one = senders(cluster.url)
    frozen = cluster.owner(7)
    other = next(b for b in range(64) if cluster.owner(b) is not frozen)
    there, here = stream(7), stream(other)
    for of in (there, here):
        one.put(of, [line(of, "1")])
    wait_until(one.idle, what="both are written")
    with frozen.paused():
        one.put(there, [line(there, "2")])
        one.put(here, [line(here, "2")])
        with cluster.owner(other).client() as client:
            key = KEYS.of(Target(*here))
            wait_until(lambda: client.xlen(key) == 2, seconds=0.9, what="the other stream")
    wait_until(lambda: one.stats()["unsent"] == 0, what="all are sent or counted")
