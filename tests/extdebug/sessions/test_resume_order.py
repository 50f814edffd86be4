"""Resumes of one session happen one after another, in the order in which they came."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from extdebug.sessions.resume_order import ResumeOrder

SESSION = str(uuid.UUID(int=7))


async def test_resumes_of_one_session_happen_in_the_order_they_came() -> None:
    order, entered = ResumeOrder(), []
    go_on = [asyncio.Event() for _ in range(3)]

    async def resume(number: int, spelling: str) -> None:
        async with order.turn(spelling):
            entered.append(number)
            await go_on[number].wait()

    spellings = (SESSION, SESSION.upper(), SESSION.replace("-", ""))
    tasks = [asyncio.create_task(resume(n, name)) for n, name in enumerate(spellings)]
    for number in range(3):
        for _ in range(10):
            await asyncio.sleep(0)
        assert entered == list(range(number + 1))
        go_on[number].set()
    await asyncio.gather(*tasks)
    assert len(order) == 0, "nothing is kept of sessions that nobody resumes"


@pytest.mark.parametrize("other", [str(uuid.UUID(int=8)), None, "", "nonsense"])
async def test_nobody_waits_for_another_session(other: str | None) -> None:
    order = ResumeOrder()
    async with order.turn(SESSION), asyncio.timeout(1), order.turn(other):
        assert len(order) >= 1


async def test_a_resume_that_fails_or_is_cancelled_lets_the_next_one_in() -> None:
    order = ResumeOrder()
    with pytest.raises(ValueError, match="no row"):
        async with order.turn(SESSION):
            raise ValueError("no row")
    async with order.turn(SESSION):
        waiting = asyncio.create_task(order.turn(SESSION).__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(1), order.turn(SESSION):
        assert len(order) == 1
