"""What is said early waits in order, and who leaves while work is done for them stops it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from extdebug.transports.inbox import EARLY, Gone, Inbox


class Client:
    def __init__(self, *, keeps: bool = False) -> None:
        self.queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.inbox = Inbox(self.queue.get, keeps=keeps)
        self.cancelled = False

    def say(self, *texts: str) -> None:
        for text in texts:
            self.queue.put_nowait({"type": "websocket.receive", "text": text})

    def leave(self, code: int | None) -> None:
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code})

    async def work(self, done: asyncio.Event) -> str:
        try:
            await done.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return "done"


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize("keeps", [False, True])
async def test_what_is_said_meanwhile_comes_afterwards_in_its_order(keeps: bool) -> None:
    client, done = Client(keeps=keeps), asyncio.Event()
    working = asyncio.create_task(client.inbox.while_there(client.work(done)))
    client.say("a", "b")
    await settle()
    done.set()
    assert await working == "done"
    client.say("c")
    assert [await client.inbox.text() for _ in range(3)] == ["a", "b", "c"]


async def worked_for(client: Client) -> None:
    """Something was done for a client that said nothing meanwhile."""
    done = asyncio.Event()
    working = asyncio.create_task(client.inbox.while_there(client.work(done)))
    await settle()
    done.set()
    await working


@pytest.mark.parametrize("begun", [False, True])
async def test_what_is_said_as_the_reader_begins_is_heard_once_and_in_order(begun: bool) -> None:
    client = Client(keeps=True)
    await worked_for(client)
    if begun:
        reading = asyncio.create_task(client.inbox.text())
        await asyncio.sleep(0)  # so it stops the task that heard meanwhile
        client.say("a", "b")
    else:
        client.say("a", "b")  # which that task has not taken yet
        reading = asyncio.create_task(client.inbox.text())
    assert await asyncio.wait_for(reading, 1) == "a"
    assert await asyncio.wait_for(client.inbox.text(), 1) == "b"


async def test_a_reader_that_waits_needs_no_task_beside_its_own() -> None:
    client = Client(keeps=True)
    await worked_for(client)
    before = len(asyncio.all_tasks())
    reading = asyncio.create_task(client.inbox.text())
    await settle()
    assert len(asyncio.all_tasks()) == before
    client.leave(1001)
    with pytest.raises(Gone):
        await asyncio.wait_for(reading, 1)


@pytest.mark.parametrize(("code", "told"), [(1000, 1000), (None, 1006)])
async def test_who_leaves_meanwhile_stops_the_work(code: int | None, told: int) -> None:
    client = Client()
    working = asyncio.create_task(client.inbox.while_there(client.work(asyncio.Event())))
    await settle()
    client.leave(code)
    with pytest.raises(Gone) as gone:
        await working
    assert gone.value.code == told
    assert client.cancelled


async def test_who_left_before_the_work_began_is_noticed_before_it_gets_far() -> None:
    client = Client()
    client.leave(1006)
    with pytest.raises(Gone):
        await client.inbox.while_there(client.work(asyncio.Event()))


async def test_somebody_who_floods_is_not_listened_to_for_ever() -> None:
    client, done = Client(), asyncio.Event()
    client.say(*(str(n) for n in range(EARLY + 9)))
    working = asyncio.create_task(client.inbox.while_there(client.work(done)))
    async with asyncio.timeout(5):
        while client.queue.qsize() > 9:
            await settle()
    await settle()
    assert client.queue.qsize() == 9
    done.set()
    await working
    assert [await client.inbox.text() for _ in range(EARLY + 9)] == [
        str(n) for n in range(EARLY + 9)
    ]


async def test_what_the_work_fails_with_is_raised() -> None:
    async def refused() -> None:
        raise ValueError("refused")

    client = Client()
    with pytest.raises(ValueError, match="refused"):
        await client.inbox.while_there(refused())
    client.inbox.close()
    await settle()
    client.say("nobody listens")
    assert client.queue.qsize() == 1
