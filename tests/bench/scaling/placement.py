"""Which process gets which watcher, and which shard which stream, as the product does it.

A balancer spreads connections evenly and knows nothing of streams; a process reads each stream that
one of its watchers watches. A stream's key names one of 64 buckets, a bucket is in one slot, and
a cluster gives each shard an equal range of slots.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Final

from extdebug.wire.keys import BUCKETS, Keys, Target, slot_of

SLOTS: Final = 16_384
SEED: Final = 20_261_127  # the same spread in each run
KEYS: Final = Keys(prefix="ext-debug:", bucketed=True)


def zipf(count: int, *, skew: float) -> list[float]:
    """Shares of `count`, that fall with the power `skew` of the rank; 0: equal."""
    weights = [1 / rank**skew for rank in range(1, count + 1)]
    whole = sum(weights)
    return [weight / whole for weight in weights]


def in_whole_numbers(shares: Sequence[float], number: int) -> list[int]:
    """`number` things by these shares; what is left over goes to the largest remainders."""
    exact = [share * number for share in shares]
    given = [int(value) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: given[i] - exact[i])
    for index in by_remainder[: number - sum(given)]:
        given[index] += 1
    return given


def capped(amounts: Sequence[float], most: float) -> list[float]:
    """The same sum with nothing above `most`: the others get what is above, in proportion."""
    found = list(amounts)
    for _ in range(len(found)):
        over = sum(value - most for value in found if value > most)
        rest = sum(value for value in found if value < most)
        if over <= 1e-9 * most or not rest:
            break
        found = [
            min(value, most) if value >= most else value * (1 + over / rest) for value in found
        ]
    return [min(value, most) for value in found]


def spread_watchers(watchers: Sequence[int], processes: int) -> list[Counter[int]]:
    """For each process how many watchers of which stream it has; `watchers` are of each stream."""
    all_of_them = [stream for stream, count in enumerate(watchers) for _ in range(count)]
    random.Random(SEED).shuffle(all_of_them)
    return [Counter(all_of_them[number::processes]) for number in range(processes)]


def gather_watchers(watchers: Sequence[int], processes: int) -> list[Counter[int]]:
    """The same if a balancer kept the watchers of a stream, and the streams of a bucket, together:
    equal parts of all watchers in that order. No balancer can today: the stream is named in the
    first frame, when the connection has its process."""
    streams = sorted(range(len(watchers)), key=bucket_of)
    in_order = [stream for stream in streams for _ in range(watchers[stream])]
    bounds = [len(in_order) * number // processes for number in range(processes + 1)]
    return [Counter(in_order[bounds[n] : bounds[n + 1]]) for n in range(processes)]


@cache
def bucket_of(stream: int) -> int:
    """The bucket of the stream with this number, by the console's own rule."""
    bucket = KEYS.bucket(Target(f"tenant-{stream // 20}", f"extension-{stream % 20}"))
    assert bucket is not None
    return bucket


def shard_of(bucket: int, shards: int) -> int:
    """The shard with the bucket's slot, where `redis-cli --cluster create` divides the slots."""
    return slot_of(bucket) * shards // SLOTS


def spread_streams(streams: int, shards: int) -> list[list[int]]:
    """The streams of each shard."""
    found: list[list[int]] = [[] for _ in range(shards)]
    for stream in range(streams):
        found[shard_of(bucket_of(stream), shards)].append(stream)
    return found


def buckets_of_the_fullest(shards: int) -> int:
    """Buckets of the shard that has most of them."""
    return max(Counter(shard_of(bucket, shards) for bucket in range(BUCKETS)).values())
