"""Trimming on a real redis-server: old entries go, everything that may still be wanted stays."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from extdebug.streams.acl import AclRole, Version, rules
from extdebug.streams.retention import EMPTY_FOR_MS, Tidied, UnsafePrefix, server_time_ms, tidy
from extdebug.wire.keys import EPOCH_PREFIX, GROUP_PREFIX, NAMING_PREFIX, Keys, Target
from tests.fixtures.programs import wait_until
from tests.fixtures.redis import RedisServer

KEY = "ext-debug:acme:invoice-sync"
RETENTION = 900.0


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    with redis_server.client() as connected:
        yield connected


def sweep(client: redis.Redis, **more: Any) -> Tidied:
    wanted: dict[str, Any] = {
        "keys": Keys("ext-debug:"), "retention": RETENTION, "alive": set, "watched": set, **more,
    }  # fmt: skip
    return tidy(client, **wanted)


def fill(client: redis.Redis, key: str, count: int, *, age: float, text: str = "") -> int:
    """`count` entries that ended `age` seconds ago; the ms of the last."""
    last = server_time_ms(client) - int(age * 1000)
    pipeline = client.pipeline(transaction=False)
    for number in range(count):
        id = f"{last - count + 1 + number}-0"
        pipeline.execute_command("XADD", key, id, "message", f"{number} {text}")
    pipeline.execute()
    return last


def test_entries_beyond_the_retention_go_and_the_others_stay(client: redis.Redis):
    fill(client, KEY, 25_000, age=1_000)  # more than one XTRIM ~ removes
    fill(client, KEY, 50, age=10)

    done = sweep(client)

    # An active stream is trimmed by whole nodes of 100: at most one node's old entries stay.
    assert 50 <= client.xlen(KEY) < 150
    assert done.entries == 25_050 - client.xlen(KEY)
    assert done.streams == 1


def test_a_stream_that_went_quiet_is_trimmed_to_the_entry(client: redis.Redis):
    fill(client, KEY, 30, age=1_000)

    assert sweep(client).entries == 30
    assert client.xlen(KEY) == 0
    assert client.exists(KEY)  # its count and last id are still wanted


def test_a_second_sweep_finds_nothing(client: redis.Redis):
    fill(client, KEY, 250, age=1_000)
    fill(client, "ext-debug:acme:old", 5, age=EMPTY_FOR_MS / 1000 + 1_000)
    first, second = sweep(client), sweep(client)

    assert (first.entries, first.keys) == (255, 1)
    assert second == Tidied(streams=1)


def test_no_key_ever_gets_an_expiry(client: redis.Redis):
    fill(client, KEY, 30, age=1_000)
    sweep(client)

    assert client.ttl(KEY) == -1


def test_only_a_stream_empty_for_long_is_removed(client: redis.Redis):
    fill(client, "ext-debug:acme:long", 1, age=EMPTY_FOR_MS / 1000 + 60)
    fill(client, "ext-debug:acme:short", 1, age=EMPTY_FOR_MS / 1000 - 60)

    assert sweep(client).keys == 1
    assert client.keys("*") == [b"ext-debug:acme:short"]


def test_an_empty_stream_that_is_watched_or_read_by_others_stays(client: redis.Redis):
    old = EMPTY_FOR_MS / 1000 + 60
    for name in ("watched", "grouped", "foreign"):
        fill(client, f"ext-debug:acme:{name}", 1, age=old)
    client.xgroup_create("ext-debug:acme:grouped", f"{GROUP_PREFIX}living", "$")
    client.xgroup_create("ext-debug:acme:foreign", "somebody-elses", "$")

    done = sweep(client, alive=lambda: {"living"}, watched=lambda: {Target("acme", "watched")})

    assert (done.keys, done.groups, done.entries) == (0, 0, 3)
    assert len(client.keys("*")) == 3


def test_groups_that_only_name_a_life_do_not_keep_an_empty_stream(client: redis.Redis):
    """Nor does one that a process left which died as it gave the name."""
    fill(client, KEY, 1, age=EMPTY_FOR_MS / 1000 + 60)
    for name in (EPOCH_PREFIX + "0" * 24, NAMING_PREFIX + "ab12cd34"):
        client.xgroup_create(KEY, name, "0")
    assert sweep(client).keys == 1


def test_groups_of_dead_hubs_go_and_those_of_the_living_stay(client: redis.Redis):
    fill(client, KEY, 3, age=1)
    for name in (f"{GROUP_PREFIX}dead", f"{GROUP_PREFIX}living", "somebody-elses"):
        client.xgroup_create(KEY, name, "$")

    assert sweep(client, alive=lambda: {"living"}).groups == 1
    assert {group["name"] for group in client.xinfo_groups(KEY)} == {
        f"{GROUP_PREFIX}living".encode(), b"somebody-elses",
    }  # fmt: skip


def test_a_hub_that_begins_while_we_look_keeps_its_group(client: redis.Redis):
    """The groups are read before the living are asked for, and a hub is known before its group."""
    fill(client, KEY, 3, age=1)

    def alive() -> set[str]:
        client.xgroup_create(KEY, f"{GROUP_PREFIX}new", "$")
        return set()

    assert sweep(client, alive=alive).groups == 0
    assert len(client.xinfo_groups(KEY)) == 1


def test_a_line_that_comes_between_looking_and_removing_is_kept(client: redis.Redis):
    fill(client, KEY, 1, age=EMPTY_FOR_MS / 1000 + 60)

    def watched() -> set[Target]:
        client.xadd(KEY, {"message": "new"})
        return set()

    assert sweep(client, watched=watched).keys == 0
    assert client.xlen(KEY) == 1


def test_streams_of_others_and_other_types_are_left_alone(client: redis.Redis):
    for key in ("other:acme:x", "ext-debug:a:b:c", "ext-debug:Acme:x", "ext-debug:"):
        fill(client, key, 5, age=10_000)
    client.set("ext-debug:acme:text", "x")

    assert sweep(client) == Tidied(foreign=3)
    assert client.xlen("other:acme:x") == 5


def test_a_prefix_is_no_pattern(client: redis.Redis):
    fill(client, "extXdebug:acme:x", 5, age=10_000)
    fill(client, "ext?debug:acme:x", 5, age=10_000)

    assert sweep(client, keys=Keys("ext?debug:")).streams == 1
    assert client.xlen("extXdebug:acme:x") == 5


def test_an_empty_prefix_is_refused(client: redis.Redis):
    fill(client, "sessions", 5, age=10_000)

    with pytest.raises(UnsafePrefix):
        sweep(client, keys=Keys(""))
    assert client.xlen("sessions") == 5


def test_an_id_from_the_future_is_reported_and_stays(client: redis.Redis):
    client.execute_command("XADD", KEY, "4102444800000-0", "message", "year 2100")

    done = sweep(client)

    assert done.entries == 0
    assert done.problems == [
        "acme:invoice-sync: its last id 4102444800000-0 lies in the future"
    ]  # fmt: skip


def test_one_forbidden_key_does_not_keep_the_others_from_their_turn(
    redis_server: RedisServer, client: redis.Redis
):
    fill(client, KEY, 30, age=1_000)
    fill(client, "ext-debug:globex:invoice-sync", 30, age=1_000)
    client.execute_command(
        "ACL", "SETUSER", "narrow", "on", "nopass", "~ext-debug:acme:*", "+@all"
    )  # fmt: skip
    with redis.Redis(port=redis_server.port, username="narrow", password="x") as narrow:
        done = sweep(narrow)

    assert done.entries == 30
    assert [problem.partition(":")[0] for problem in done.problems] == ["globex"]


def test_the_janitors_own_acl_is_enough(redis_server: RedisServer, client: redis.Redis):
    fill(client, KEY, 250, age=1_000)
    fill(client, "ext-debug:acme:old", 5, age=EMPTY_FOR_MS / 1000 + 60)
    client.xgroup_create(KEY, f"{GROUP_PREFIX}dead", "$")
    words = rules(
        AclRole.JANITOR,
        version=Version(major=7, minor=0),
        keys=Keys("ext-debug:"),
        layer_prefix="asgi",
    )
    client.execute_command(
        "ACL", "SETUSER", "janitor", *[">pw" if word.startswith("#") else word for word in words]
    )
    with redis.Redis(port=redis_server.port, username="janitor", password="pw") as restricted:
        done = sweep(restricted)

    assert (done.entries, done.keys, done.groups, done.problems) == (255, 1, 1, [])


def test_trimming_restores_writes_when_memory_is_full(
    redis_server_factory: Callable[..., RedisServer],
):
    server = redis_server_factory("--maxmemory-policy", "noeviction")
    with server.client() as client:
        fill(client, KEY, 20_000, age=1_000, text="x" * 500)

        def used() -> int:
            return int(client.info("memory")["used_memory"])

        limit = used() - 2_000_000
        client.config_set("maxmemory", limit)
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            client.xadd(KEY, {"message": "new"})

        assert sweep(client).entries == 20_000
        wait_until(lambda: used() < limit, what="the memory is given back")
        assert client.xadd(KEY, {"message": "new"})


def test_two_sweeps_at_once_remove_each_entry_once(redis_server: RedisServer, client: redis.Redis):
    for number in range(20):
        fill(client, f"ext-debug:acme:x{number}", 500, age=1_000)
    done: list[Tidied] = []

    def work() -> None:
        with redis_server.client() as mine:
            done.append(sweep(mine))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(one.entries for one in done) == 20 * 500
    assert not any(one.problems for one in done)
