"""Sessions that were moved together make their messages first and then say them, each its own."""

from __future__ import annotations

import asyncio
from typing import Any

from extdebug.sessions.speakers import TOGETHER, Speakers


class Session:
    """Writes down when it made and when it said what it had."""

    def __init__(self, name: str, messages: int, log: list[str]) -> None:
        self._name = name
        self._left = messages
        self._log = log

    def make(self) -> Any:
        if not self._left:
            return ()
        self._left -= 1
        self._log.append(f"{self._name} makes")
        return (self._left,)

    def say(self, messages: Any) -> bool:
        self._log.append(f"{self._name} says")
        return bool(messages[0])


async def test_all_make_their_message_before_the_first_says_it() -> None:
    log: list[str] = []
    speakers = Speakers()
    for name, messages in {"a": 2, "b": 0, "c": 1}.items():
        speakers.call(Session(name, messages, log))
    assert log == [], "whoever moves them has not finished with the others"
    await asyncio.sleep(0)
    assert log == ["a makes", "c makes", "a says", "c says", "a makes", "a says"]


async def test_of_many_some_speak_before_the_others_are_asked() -> None:
    log: list[str] = []
    speakers = Speakers()
    for number in range(TOGETHER + 1):
        speakers.call(Session(str(number), 1, log))
    await asyncio.sleep(0)
    assert len(log) == 2 * (TOGETHER + 1)
    assert log.index("0 says") == TOGETHER
    assert log.index(f"{TOGETHER} makes") == 2 * TOGETHER


async def test_who_is_called_while_others_speak_is_asked_in_the_next_turn() -> None:
    log: list[str] = []
    speakers = Speakers()
    late = Session("late", 1, log)

    class Caller(Session):
        def say(self, messages: Any) -> bool:
            speakers.call(late)
            return super().say(messages)

    speakers.call(Caller("first", 1, log))
    await asyncio.sleep(0)
    assert log == ["first makes", "first says"]
    await asyncio.sleep(0)
    assert log[2:] == ["late makes", "late says"]
