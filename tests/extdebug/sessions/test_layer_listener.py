"""Hints are handed on as they come; a layer that fails is joined again, and all is decided anew."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer

from extdebug.sessions.layer_listener import listen
from policies.cuts import LAYER_GROUP


class BreakableLayer(InMemoryChannelLayer):  # type: ignore[misc] # channels has no types
    """A layer whose receiver fails when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.failing: Exception | None = None

    async def receive(self, channel: str) -> Any:
        message = await super().receive(channel)
        if self.failing is not None:
            failing, self.failing = self.failing, None
            raise failing
        return message


class Listening:
    """What a listener heard, and how often it joined."""

    def __init__(self) -> None:
        self.layer = BreakableLayer()
        self.heard: list[Any] = []
        self.joined = 0
        self.changed = asyncio.Event()
        self.found = 0

    def join(self) -> None:
        self.joined += 1
        self.changed.set()

    def hear(self, message: Any) -> None:
        self.heard.append(message)
        self.changed.set()

    def find(self) -> Any:
        self.found += 1
        return self.layer

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(5):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


@contextlib.asynccontextmanager
async def listening(one: Listening) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(
        listen(heard=one.hear, joined=one.join, find_layer=one.find, again=0.01)
    )
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_is_said_to_the_group_is_heard() -> None:
    one = Listening()
    async with listening(one):
        await one.until(lambda: one.joined == 1)
        await one.layer.group_send(LAYER_GROUP, {"type": "cut.hint", "kind": "version"})
        await one.until(lambda: one.heard)
    assert one.heard == [{"type": "cut.hint", "kind": "version"}]


async def test_a_layer_that_fails_is_joined_again_and_says_so_without_a_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    one = Listening()
    async with listening(one):
        await one.until(lambda: one.joined == 1)
        one.layer.failing = ConnectionError("redis is away")
        await one.layer.group_send(LAYER_GROUP, {"type": "cut.hint", "kind": "lost"})
        await one.until(lambda: one.joined == 2)
        await one.layer.group_send(LAYER_GROUP, {"type": "cut.hint", "kind": "logout"})
        await one.until(lambda: one.heard)
    assert [message["kind"] for message in one.heard] == ["logout"]
    [record] = [r for r in caplog.records if r.name.endswith("layer_listener")]
    assert "polling goes on: redis is away" in record.getMessage()
    assert record.exc_info is None


async def test_it_ends_when_it_is_cancelled_and_only_then() -> None:
    one = Listening()
    async with listening(one) as task:
        await one.until(lambda: one.joined == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert one.found == 1
