"""A limit for who answers is reached by their silence, not by our own work."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from extdebug.wire.deadlines import Deadline

Ends = tuple[asyncio.StreamReader, socket.socket]


@pytest_asyncio.fixture
async def ends() -> AsyncIterator[Ends]:
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    with theirs:
        yield reader, theirs
    writer.close()


async def read(reader: asyncio.StreamReader, *, within: float) -> bytes:
    async with asyncio.timeout(None) as patience:
        with Deadline(patience, within):
            return await reader.read(10)


async def test_who_says_nothing_is_waited_for_until_the_limit(ends: Ends) -> None:
    reader, _ = ends
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await read(reader, within=0.2)
    assert time.monotonic() - began >= 0.2


async def test_what_came_while_we_were_busy_came_in_time(ends: Ends) -> None:
    reader, theirs = ends
    asked = asyncio.create_task(read(reader, within=0.2))
    await asyncio.sleep(0)
    theirs.send(b"an answer")
    time.sleep(0.5)  # noqa: ASYNC251 - it is what this is about
    assert await asked == b"an answer"


async def test_who_says_nothing_while_we_are_busy_is_waited_for_a_little_longer(
    ends: Ends,
) -> None:
    reader, theirs = ends
    asked = asyncio.create_task(read(reader, within=1.0))
    await asyncio.sleep(0)
    time.sleep(1.2)  # noqa: ASYNC251 - it is what this is about
    asyncio.get_running_loop().call_later(0.05, theirs.send, b"late")
    assert await asked == b"late"


async def test_who_answered_has_no_limit_any_more(ends: Ends) -> None:
    reader, theirs = ends
    failed: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
    theirs.send(b"soon")
    assert await read(reader, within=0.1) == b"soon"
    await asyncio.sleep(0.2)
    assert not failed
