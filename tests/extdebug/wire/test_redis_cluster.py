"""Who owns a slot is what most nodes say; who gave one away by itself still has others."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from redis.exceptions import AskError, ClusterDownError, MovedError, ResponseError, TryAgainError

from extdebug.wire import redis_cluster
from extdebug.wire.keys import BUCKETS, slot_of
from extdebug.wire.redis_address import RedisAddress
from extdebug.wire.redis_causes import NoMaster, cause
from extdebug.wire.redis_cluster import (
    Node,
    away,
    buckets_in_loop,
    heir,
    masters,
    on_its_way_to,
    owner,
    owner_in_loop,
    owner_of,
    read_slots,
)
from tests.fixtures.programs import free_port
from tests.fixtures.redis import RedisServer
from tests.fixtures.redis_cluster import Cluster

OLD, NEW = ("old", 1), ("new", 2)


def slots(*ranges: tuple[int, int, tuple[str, int]], asked: tuple[str, int] = OLD) -> Any:
    rows = [
        [first, last, [host.encode(), port, f"id-{host}".encode(), []]]
        for first, last, (host, port) in ranges
    ]
    return read_slots(rows, asked=asked)


def test_a_node_that_does_not_tell_its_host_is_where_it_was_asked():
    for silent in (None, b"", b"?"):
        (one,) = read_slots([[0, 5, [silent, 7, b"id", []], [b"replica", 8, b"x", []]]], asked=OLD)
        assert one.owner == Node(("old", 7), "id")


def test_a_slot_has_the_owner_of_its_range_or_none():
    told = slots((0, 5, OLD), (7, 9, NEW))
    assert [owner_of(slot, told) for slot in (0, 5, 7, 9)] == [
        Node(OLD, "id-old"), Node(OLD, "id-old"), Node(NEW, "id-new"), Node(NEW, "id-new"),
    ]  # fmt: skip
    assert owner_of(6, told) is None


@pytest.mark.parametrize(
    ("ranges", "found"),
    [
        ([(0, 4, OLD), (5, 5, NEW)], "id-new"),  # one slot moved
        ([(0, 5, NEW)], ""),  # all at once: somebody took its place
        ([(0, 5, OLD)], ""),  # it is its own
        ([(0, 4, OLD)], ""),  # nobody's
    ],
)
def test_who_gave_one_slot_away_still_owns_others(ranges: list[Any], found: str):
    assert heir(5, slots(*ranges), myself="id-old") == found


def test_replies_tell_where_the_slot_is():
    told = away([b"OK", MovedError("5 new:2"), ClusterDownError("down")])
    assert told is not None
    assert told.place == NEW
    assert away([b"OK", AskError("5 new:2"), TryAgainError(""), ResponseError("ERR")]) is None
    down = away([ClusterDownError("The cluster is down")])
    assert down is not None
    assert down.place is None
    assert "cluster is down" in cause(down)
    assert on_its_way_to([b"OK", AskError("5 new:2")]) == NEW
    assert on_its_way_to([MovedError("5 new:2")]) is None


# --- nodes that disagree


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the node of each host answers: the owner of slot 5, or an error."""
    answers: dict[str, Any] = {}

    def ask(_: RedisAddress, place: tuple[str, int]) -> Any:
        answer = answers[place[0]]
        if isinstance(answer, Exception):
            raise answer
        return slots((5, 5, answer)) if answer else []

    async def ask_in_loop(address: RedisAddress, place: tuple[str, int]) -> Any:
        await asyncio.sleep(0)
        if answers[place[0]] == "never":
            await asyncio.sleep(60)
        return ask(address, place)

    monkeypatch.setattr(redis_cluster, "ask_slots", ask)
    monkeypatch.setattr(redis_cluster, "_ask_in_loop", ask_in_loop)
    return answers


THREE = RedisAddress.parse("redis+cluster://a:1,b:1,c:1/")
GONE = ConnectionRefusedError(111, "refused")


@pytest.mark.parametrize(
    "answers",
    [
        {"a": OLD, "b": NEW, "c": NEW},
        {"a": NEW, "b": NEW, "c": OLD},
        {"a": GONE, "b": NEW, "c": NEW},
        {"a": None, "b": NEW, "c": GONE},
        {"a": GONE, "b": GONE, "c": NEW},
    ],
)
async def test_most_of_the_nodes_are_believed(says: dict[str, Any], answers: Mapping[str, Any]):
    says.update(answers)
    for _ in range(6):  # they are asked in any order
        assert owner(THREE, 5) == NEW
        assert await owner_in_loop(THREE, 5) == NEW


async def test_nobody_waits_for_a_node_whose_answer_changes_nothing(says: dict[str, Any]):
    says.update({"a": "never", "b": NEW, "c": NEW})
    async with asyncio.timeout(5):
        assert await owner_in_loop(THREE, 5) == NEW


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"a": GONE, "b": GONE, "c": GONE}, "nobody listens on this port"),
        ({"a": None, "b": GONE, "c": GONE}, "nobody in its cluster owns the slot"),
    ],
)
async def test_without_an_owner_the_reason_is_said(
    says: dict[str, Any], answers: Mapping[str, Any], said: str
):
    says.update(answers)
    with pytest.raises(NoMaster, match=said):
        owner(THREE, 5)
    with pytest.raises(NoMaster, match=said):
        await owner_in_loop(THREE, 5)
    with pytest.raises(NoMaster, match=said):
        masters(THREE)


# --- a real one


@pytest.mark.redis
async def test_a_real_cluster_names_its_owners(one_cluster: Cluster):
    address = RedisAddress.parse(one_cluster.url)
    for bucket in range(0, BUCKETS, 7):
        place = ("127.0.0.1", one_cluster.owner(bucket).port)
        assert owner(address, slot_of(bucket)) == place
        assert await owner_in_loop(address, slot_of(bucket)) == place
    ports = {server.port for server in one_cluster.masters}
    assert {port for _, port in masters(address)} == ports
    found = {one_cluster.owner(bucket).port for bucket in await buckets_in_loop(address)}
    assert found == ports


@pytest.mark.redis
async def test_one_living_node_of_the_address_is_enough(one_cluster: Cluster):
    living = one_cluster.masters[2].port
    address = RedisAddress.parse(
        f"redis+cluster://127.0.0.1:{free_port()},127.0.0.1:{living},127.0.0.1:{free_port()}/"
    )
    place = ("127.0.0.1", one_cluster.owner(7).port)
    assert owner(address, slot_of(7)) == await owner_in_loop(address, slot_of(7)) == place
    assert len(masters(address)) == 3
    assert len(await buckets_in_loop(address)) == 3


@pytest.mark.redis
async def test_a_server_that_is_in_no_cluster_says_how_to_write_it(redis_server: RedisServer):
    address = RedisAddress.parse(f"redis+cluster://127.0.0.1:{redis_server.port}/")
    with pytest.raises(NoMaster, match="name it by redis://"):
        owner(address, 5)
    with pytest.raises(NoMaster, match="name it by redis://"):
        await owner_in_loop(address, 5)
    with pytest.raises(NoMaster, match="name it by redis://"):
        await buckets_in_loop(address)
