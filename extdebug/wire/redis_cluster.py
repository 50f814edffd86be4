"""Asks nodes of a cluster who owns a slot, from threads and from event loops.

A node that is cut off from the others names owners of yesterday. Whoever connects therefore asks
the nodes of the address until more than half of them name the same one, and else believes most.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from redis.exceptions import (
    AskError,
    ClusterDownError,
    MovedError,
    RedisError,
    ResponseError,
    TryAgainError,
)

from extdebug.wire.keys import BUCKETS, slot_of
from extdebug.wire.redis_address import RedisAddress
from extdebug.wire.redis_causes import NoMaster, SlotAway, cause
from extdebug.wire.redis_sentinels import Place, bare, bare_in_loop, drop

NODE_SECONDS: Final = 1.0  # for one node: connecting to it and its answer
SLOTS: Final = ("CLUSTER", "SLOTS")
MYID: Final = ("CLUSTER", "MYID")
ON_ITS_WAY: Final = (AskError, TryAgainError)  # a slot between two nodes: it passes


class Node(NamedTuple):
    """A node of the cluster: where it listens, and its id, which it keeps for life."""

    place: Place
    id: str


class Owned(NamedTuple):
    """A range of slots, both ends with it, and the master that owns it."""

    first: int
    last: int
    owner: Node


def read_slots(answer: Any, *, asked: Place) -> list[Owned]:
    """From the reply of CLUSTER SLOTS. A node that does not tell its host is where we asked."""
    owned = []
    for first, last, master, *_ in answer:
        host = master[0].decode() if isinstance(master[0], bytes) else master[0]
        place = (host if host and host != "?" else asked[0], int(master[1]))
        owned.append(Owned(int(first), int(last), Node(place, master[2].decode())))
    return owned


def owner_of(slot: int, owned: Iterable[Owned]) -> Node | None:
    return next((one.owner for one in owned if one.first <= slot <= one.last), None)


def heir(slot: int, owned: Sequence[Owned], *, myself: str) -> str:
    """The id of the node to which `myself` gave the slot; empty where that is not what happened.

    Who takes a master's place takes all of its slots in one step: one that still owns others gave
    this one away by itself, with all that is in it.
    """
    found = owner_of(slot, owned)
    still = any(one.owner.id == myself for one in owned)
    return found.id if found is not None and found.id != myself and still else ""


def owner(address: RedisAddress, slot: int) -> Place:
    """Who owns the slot. NoMaster."""
    votes: Counter[Place] = Counter()
    whys: list[Exception | None] = []
    for place in _shuffled(address):
        try:
            found = owner_of(slot, ask_slots(address, place))
        except (RedisError, OSError) as error:
            whys.append(error)
            continue
        whys.append(None)
        if found is not None:
            votes[found.place] += 1
            if _most(address, votes):
                break
    return _elected(address, votes, whys)


async def owner_in_loop(address: RedisAddress, slot: int) -> Place:
    """`owner` for an event loop; all are asked at once."""
    votes: Counter[Place] = Counter()
    whys: list[Exception | None] = []
    asked = [asyncio.ensure_future(_ask_in_loop(address, place)) for place in _shuffled(address)]
    try:
        for each in asyncio.as_completed(asked):
            try:
                found = owner_of(slot, await each)
            except (RedisError, OSError, TimeoutError) as error:
                whys.append(error)
                continue
            whys.append(None)
            if found is not None:
                votes[found.place] += 1
                if _most(address, votes):
                    break
    finally:
        for one in asked:
            one.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    return _elected(address, votes, whys)


async def buckets_in_loop(address: RedisAddress) -> list[int]:
    """A bucket of each master that owns one, by the first node that answers. NoMaster."""
    whys: list[Exception | None] = []
    for place in _shuffled(address):
        try:
            owned = await _ask_in_loop(address, place)
        except (RedisError, OSError, TimeoutError) as error:
            whys.append(error)
            continue
        found = {owner_of(slot_of(bucket), owned): bucket for bucket in range(BUCKETS)}
        if None not in found:
            return list(found.values())
        whys.append(None)
    raise _no_owner(whys)


def masters(address: RedisAddress) -> list[Place]:
    """Every master that owns slots, by the first node that answers. NoMaster."""
    whys: list[Exception | None] = []
    for place in _shuffled(address):
        try:
            owned = ask_slots(address, place)
        except (RedisError, OSError) as error:
            whys.append(error)
            continue
        if owned:
            return list(dict.fromkeys(one.owner.place for one in owned))
        whys.append(None)
    raise _no_owner(whys)


def ask_slots(address: RedisAddress, place: Place) -> list[Owned]:
    """What one node says. RedisError, OSError."""
    seconds = {"socket_connect_timeout": NODE_SECONDS, "socket_timeout": NODE_SECONDS}
    node = bare(address.transport, **{**address.options, **seconds}, host=place[0], port=place[1])
    try:
        node.connect()
        node.send_command(*SLOTS)
        return read_slots(node.read_response(disable_decoding=True), asked=place)
    finally:
        with suppress(RedisError, OSError):
            node.disconnect()


async def _ask_in_loop(address: RedisAddress, place: Place) -> list[Owned]:
    seconds = {"socket_connect_timeout": NODE_SECONDS, "socket_timeout": None}
    node = bare_in_loop(
        address.transport, **{**address.options, **seconds}, host=place[0], port=place[1]
    )
    try:
        async with asyncio.timeout(NODE_SECONDS):
            await node.connect()
            await node.send_command(*SLOTS)
            return read_slots(await node.read_response(disable_decoding=True), asked=place)
    finally:
        await drop(node)


def away(replies: Iterable[Any]) -> SlotAway | None:
    """What the replies of one exchange with a node say of the slot: that it does not serve it."""
    for reply in replies:
        if isinstance(reply, MovedError):
            host, port = reply.host, reply.port
            return SlotAway("another node owns the slot now", place=(host, int(port)))
        if isinstance(reply, ClusterDownError):
            return SlotAway("the cluster is down, or this part of it", place=None)
    return None


def on_its_way_to(replies: Iterable[Any]) -> Place | None:
    """The node to which the slot is on its way, if a reply says so."""
    told = (reply for reply in replies if type(reply) is AskError)
    return next(((reply.host, int(reply.port)) for reply in told), None)


def _shuffled(address: RedisAddress) -> list[Place]:
    return random.sample(address.nodes, len(address.nodes))


def _most(address: RedisAddress, votes: Counter[Place]) -> bool:
    return any(count * 2 > len(address.nodes) for count in votes.values())


def _elected(
    address: RedisAddress, votes: Counter[Place], whys: Sequence[Exception | None]
) -> Place:
    if not votes:
        raise _no_owner(whys)
    return votes.most_common(1)[0][0]


def _no_owner(whys: Sequence[Exception | None]) -> NoMaster:
    why = None if None in whys else whys[0]
    if why is None:
        return NoMaster("nobody in its cluster owns the slot: look at `redis-cli --cluster check`")
    if isinstance(why, ResponseError) and "cluster support disabled" in str(why):
        return NoMaster("it is no node of a cluster: name it by redis:// or rediss://")
    return NoMaster(f"none of its cluster's nodes could be asked: {cause(why)}")
