"""Events and queues that cost little: they wake whoever waits, and lose nothing."""

from __future__ import annotations

import asyncio

import pytest

from extdebug.wire.light_waits import LightEvent, LightQueue


async def settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_an_event_wakes_all_who_wait_and_stays_set():
    event = LightEvent()
    waiting = [asyncio.create_task(event.wait()) for _ in range(3)]
    await settle()
    assert not event.is_set()
    assert not any(task.done() for task in waiting)
    event.set()
    await asyncio.wait_for(asyncio.gather(*waiting), 1)
    assert event.is_set()
    await asyncio.wait_for(event.wait(), 1)


async def test_an_event_that_was_cleared_is_waited_for_again():
    event = LightEvent()
    event.set()
    event.clear()
    waiting = asyncio.create_task(event.wait())
    await settle()
    assert not waiting.done()
    event.set()
    await asyncio.wait_for(waiting, 1)


async def test_who_gave_up_waiting_for_an_event_does_not_hold_up_the_others():
    event = LightEvent()
    gone, here = [asyncio.create_task(event.wait()) for _ in range(2)]
    await settle()
    gone.cancel()
    event.set()
    await asyncio.wait_for(here, 1)
    await asyncio.wait([gone])
    assert gone.cancelled()


async def test_a_queue_gives_its_items_in_order_to_who_waits_and_who_comes_later():
    queue = LightQueue[int]()
    assert queue.empty()
    reading = asyncio.create_task(queue.get())
    await settle()
    for item in (1, 2, 3):
        queue.put_nowait(item)
    assert await asyncio.wait_for(reading, 1) == 1
    assert not queue.empty()
    assert [await queue.get(), await queue.get()] == [2, 3]
    assert queue.empty()


@pytest.mark.parametrize("woken", [False, True])
async def test_a_reader_that_gives_up_takes_nothing(woken: bool):
    queue = LightQueue[int]()
    reading = asyncio.create_task(queue.get())
    await settle()
    if woken:
        queue.put_nowait(1)
    reading.cancel()
    await asyncio.wait([reading])
    if not woken:
        queue.put_nowait(1)
    assert await asyncio.wait_for(queue.get(), 1) == 1


async def test_a_queue_has_one_reader_at_a_time():
    queue = LightQueue[int]()
    reading = asyncio.create_task(queue.get())
    await settle()
    with pytest.raises(RuntimeError, match="reads already"):
        await queue.get()
    queue.put_nowait(1)
    assert await asyncio.wait_for(reading, 1) == 1


async def test_one_function_is_called_each_time_that_an_event_is_set() -> None:
    event, called = LightEvent(), []
    event.call(lambda: called.append(event.is_set()))
    assert called == []
    event.set()
    event.clear()
    event.set()
    assert called == [True, True]
