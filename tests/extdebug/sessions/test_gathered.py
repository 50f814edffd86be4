"""Questions that wait go into one call; an answer is never older, and none fails another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import OperationalError

from extdebug.sessions.gathered import Gathered


class Database:
    """Answers with the question and the number of its change, when the test lets it."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.version = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.running = self.most_running = 0

    def answer(self, questions: Sequence[str]) -> list[tuple[str, int]]:
        if "away" in questions:
            raise OperationalError("away")
        if "bad" in questions:
            raise ValueError("bad")
        return [(question, self.version) for question in questions]

    async def bridge(self, function: Callable[..., Any], *args: Any, **_: Any) -> Any:
        self.calls.append(list(args[0]))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            answers = function(*args)  # what it reads is read as the call begins
            await asyncio.sleep(0)
            await self.gate.wait()
            return answers
        finally:
            self.running -= 1


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_whoever_asks_alone_is_asked_for_at_once_and_the_others_together() -> None:
    database = Database()
    gathered = Gathered(database.answer, bridge=database.bridge, most=3)
    database.gate.clear()
    first = asyncio.create_task(gathered.ask("a"))
    await turns()
    assert database.calls == [["a"]]
    others = [asyncio.create_task(gathered.ask(name)) for name in "bcdef"]
    await turns()
    assert database.calls == [["a"]]
    database.gate.set()
    answers = await asyncio.gather(first, *others)
    assert [answer[0] for answer in answers] == list("abcdef")
    assert database.calls == [["a"], ["b", "c", "d"], ["e", "f"]]


async def test_an_answer_is_never_older_than_its_question() -> None:
    database = Database()
    gathered = Gathered(database.answer, bridge=database.bridge, most=9)
    database.gate.clear()
    before = asyncio.create_task(gathered.ask("same"))
    await turns()
    database.version = 1  # a right was revoked after the first call had read
    after = asyncio.create_task(gathered.ask("same"))
    await turns()
    database.gate.set()
    assert (await before)[1] == 0
    assert (await after)[1] == 1


async def test_one_that_cannot_be_answered_fails_nobody_else() -> None:
    database = Database()
    gathered = Gathered(database.answer, bridge=database.bridge, most=9)
    asked = [asyncio.create_task(gathered.ask(name)) for name in ("a", "bad", "b")]
    a, bad, b = await asyncio.gather(*asked, return_exceptions=True)
    assert (a, b) == (("a", 0), ("b", 0))
    assert isinstance(bad, ValueError)
    assert database.calls == [["a", "bad", "b"], ["a"], ["bad"], ["b"]]


async def test_a_database_that_is_away_is_not_asked_for_each_of_them() -> None:
    database = Database()
    gathered = Gathered(database.answer, bridge=database.bridge, most=9)
    asked = [asyncio.create_task(gathered.ask(name)) for name in ("a", "away", "b")]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(answer, OperationalError) for answer in answers)
    assert len(database.calls) == 1
    assert await gathered.ask("later") == ("later", 0)


@pytest.mark.parametrize("calls", [1, 2])
async def test_no_more_calls_run_at_once_than_are_allowed(calls: int) -> None:
    database = Database()
    gathered = Gathered(database.answer, bridge=database.bridge, most=1, calls=calls)
    await asyncio.gather(*(gathered.ask(str(n)) for n in range(20)))
    assert database.most_running == calls


async def test_who_left_before_the_call_is_not_asked_for() -> None:
    database = Database()
    gathered = Gathered(database.answer, bridge=database.bridge, most=9)
    database.gate.clear()
    first = asyncio.create_task(gathered.ask("a"))
    await turns()
    gone, kept = asyncio.create_task(gathered.ask("b")), asyncio.create_task(gathered.ask("c"))
    await turns()
    gone.cancel()
    await turns()
    database.gate.set()
    assert [await first, await kept] == [("a", 0), ("c", 0)]
    assert database.calls == [["a"], ["c"]]


@pytest.mark.parametrize(("names", "calls"), [("a", 1), ("abc", 1), ("abc", 2)])
async def test_whoever_asks_again_in_the_moment_of_the_answer_is_answered(
    names: str, calls: int
) -> None:
    database = Database()
    gathered = Gathered(database.answer, bridge=database.bridge, most=1, calls=calls)

    async def ask_often(name: str) -> int:
        for _ in range(20):
            await gathered.ask(name)
        return 20

    async with asyncio.timeout(5):
        assert await asyncio.gather(*map(ask_often, names)) == [20] * len(names)
    assert database.most_running <= calls
