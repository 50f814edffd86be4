"""Lets the sessions speak that have something to say while their tasks sleep, some at a time.

A line goes to all who watch its stream. Each makes its message first, then all are written: the
processor has each of the two paths in its cache once, not once for each session. With 20 watchers
of 500 lines a second this takes a tenth of the CPU of a line, in floods a sixth.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from extdebug.sessions.turn import Spoken

TOGETHER: Final = 32  # sessions whose messages wait for each other: some 0.1 ms


class Speaker(Protocol):
    """A session, as far as it speaks here."""

    def make(self) -> Sequence[Spoken]:
        """Its next messages, to be written at once; none of them: nothing, or nothing that is said
        here."""

    def say(self, messages: Sequence[Spoken]) -> bool:
        """Write them. Whether there may be more."""


class Speakers:
    """Of one event loop."""

    def __init__(self) -> None:
        self._due: list[Speaker] = []

    def call(self, speaker: Speaker) -> None:
        """Let it speak in this turn of the loop, not from here: whoever moved it has not finished
        with the others. It is called once until it is asked."""
        if not self._due:
            asyncio.get_running_loop().call_soon(self._speak)
        self._due.append(speaker)

    def _speak(self) -> None:
        due, self._due = self._due, []
        for start in range(0, len(due), TOGETHER):
            group = due[start : start + TOGETHER]
            while group:
                made = [(one, messages) for one in group if (messages := one.make())]
                group = [one for one, messages in made if one.say(messages)]
