"""Whoever asks at the same time or soon after gets one answer; errors are not kept."""

from __future__ import annotations

import asyncio

import pytest

from extdebug.ops.shared_answer import SharedAnswer


class Question:
    """Counts how often it was asked; answers when told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.asked += 1
        await self.may_answer.wait()
        if self.error is not None:
            raise self.error
        return self.asked


async def test_many_ask_once():
    question = Question()
    shared = SharedAnswer(question, fresh=60)
    asking = [asyncio.create_task(shared.get()) for _ in range(50)]
    await asyncio.sleep(0)
    question.may_answer.set()
    assert await asyncio.gather(*asking) == [1] * 50
    assert await shared.get() == 1


async def test_an_old_answer_is_asked_for_again():
    question = Question()
    question.may_answer.set()
    shared = SharedAnswer(question, fresh=0)
    assert [await shared.get() for _ in range(3)] == [1, 2, 3]


async def test_who_leaves_takes_the_answer_from_nobody():
    question = Question()
    shared = SharedAnswer(question)
    first, second = (asyncio.create_task(shared.get()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    question.may_answer.set()
    assert await second == 1


async def test_an_error_is_told_to_all_and_forgotten():
    question = Question()
    question.may_answer.set()
    question.error = ValueError("away")
    shared = SharedAnswer(question, fresh=60)
    with pytest.raises(ValueError, match="away"):
        await shared.get()
    question.error = None
    assert await shared.get() == 2
