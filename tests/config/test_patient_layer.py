"""The channel layer's receiver waits for a message instead of asking ten times a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio.client import PubSub

from config.channel_layer import channel_layer
from config.patient_layer import WAIT, PatientLayer
from tests.fixtures.redis import RedisServer

GROUP = "cuts"


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each question for a message waits."""
    asked: list[float] = []
    whole = PubSub.get_message

    async def get_message(self: PubSub, **options: Any) -> Any:
        asked.append(options["timeout"])
        return await whole(self, **options)

    monkeypatch.setattr(PubSub, "get_message", get_message)
    return asked


@pytest.fixture
async def layer(redis_server: RedisServer, waits: list[float]) -> AsyncIterator[PatientLayer]:
    made = PatientLayer(**channel_layer(redis_server.url, prefix="p")["CONFIG"])
    yield made
    await made.flush()


async def heard(layer: PatientLayer, channel: str) -> str:
    async with asyncio.timeout(WAIT / 2):
        return str((await layer.receive(channel))["kind"])


async def test_a_message_ends_the_wait_and_so_does_another_group(
    layer: PatientLayer, waits: list[float]
) -> None:
    channel = await layer.new_channel()
    await layer.group_add(GROUP, channel)
    await layer.group_send(GROUP, {"type": "cut.hint", "kind": "grant"})
    assert await heard(layer, channel) == "grant"
    await layer.group_add("late", channel)  # while the receiver waits for the next message
    await layer.group_send("late", {"type": "cut.hint", "kind": "lock"})
    assert await heard(layer, channel) == "lock"
    assert waits
    assert set(waits) == {WAIT}, "the library asks ten times a second"


async def test_a_server_that_comes_back_is_heard_again(
    layer: PatientLayer, redis_server: RedisServer
) -> None:
    channel = await layer.new_channel()
    await layer.group_add(GROUP, channel)
    redis_server.kill9()
    redis_server.start()
    got = asyncio.create_task(heard(layer, channel))
    while not got.done():
        with redis_server.client() as client:
            if client.pubsub_numsub(f"p__group__{GROUP}".encode())[0][1]:
                await layer.group_send(GROUP, {"type": "cut.hint", "kind": "grant"})
        await asyncio.sleep(0.05)
    assert got.result() == "grant"


def test_each_event_loop_has_connections_of_its_own(redis_server: RedisServer) -> None:
    layer = PatientLayer(**channel_layer(redis_server.url, prefix="p")["CONFIG"])

    async def speak() -> str:
        channel = await layer.new_channel()
        await layer.group_add(GROUP, channel)
        await layer.group_send(GROUP, {"type": "cut.hint", "kind": "grant"})
        try:
            return await heard(layer, channel)
        finally:
            await layer.flush()

    assert [asyncio.run(speak()) for _ in range(2)] == ["grant", "grant"]
