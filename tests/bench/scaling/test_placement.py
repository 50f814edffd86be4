"""Every watcher and every stream is placed once, by the product's own rules."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.wire.keys import BUCKETS, Target
from tests.bench.scaling.placement import (
    KEYS,
    bucket_of,
    buckets_of_the_fullest,
    capped,
    gather_watchers,
    in_whole_numbers,
    shard_of,
    spread_streams,
    spread_watchers,
    zipf,
)
from tests.bench.scaling.sizing import SHARDS

WATCHERS = st.lists(st.integers(0, 12), min_size=1, max_size=40)


@pytest.mark.parametrize("spread", [spread_watchers, gather_watchers])
@given(watchers=WATCHERS, processes=st.integers(1, 9))
def test_every_watcher_is_on_one_process(spread, watchers, processes):
    placed = spread(watchers, processes)

    assert len(placed) == processes
    assert sum(placed, Counter()) == Counter(
        {stream: count for stream, count in enumerate(watchers) if count}
    )
    sizes = [each.total() for each in placed]
    assert max(sizes) - min(sizes) <= 1


def test_an_even_spread_puts_a_popular_stream_on_every_process():
    assert all(each[0] for each in spread_watchers([400, 1, 1], 4))


def test_watchers_that_are_kept_together_are_on_few():
    placed = gather_watchers([10] * 40, 4)

    assert sum(len(each) for each in placed) <= 40 + 3


@pytest.mark.parametrize("shards", SHARDS)
def test_every_stream_is_on_one_shard(shards: int):
    placed = spread_streams(500, shards)

    assert sorted(stream for each in placed for stream in each) == list(range(500))
    assert {shard_of(bucket, shards) for bucket in range(BUCKETS)} <= set(range(shards))


def test_a_stream_lies_where_its_key_says():
    assert bucket_of(41) == KEYS.bucket(Target("tenant-2", "extension-1"))
    assert shard_of(bucket_of(41), 1) == 0


def test_buckets_do_not_fall_evenly():
    """Sixteen shards would have four each; the fullest has more."""
    assert buckets_of_the_fullest(1) == BUCKETS
    assert buckets_of_the_fullest(16) > 4


@given(st.integers(1, 300), st.floats(0, 2), st.integers(0, 5_000))
def test_shares_are_whole_and_fall_with_the_rank(count, skew, number):
    shares = zipf(count, skew=skew)
    given_out = in_whole_numbers(shares, number)

    assert sum(shares) == pytest.approx(1)
    assert shares == sorted(shares, reverse=True)
    assert sum(given_out) == number
    assert all(abs(n - share * number) < 1 for n, share in zip(given_out, shares, strict=True))


def test_what_is_above_the_most_goes_to_the_others():
    assert capped([70, 20, 10], 40) == pytest.approx([40, 40, 20])
    assert capped([1, 2], 40) == [1, 2]
    assert capped([90, 90], 40) == [40, 40]  # there is no room for all
