"""Says what a session has to say while its task sleeps, where the transport can write without it.

A task that is woken for each line and session costs as much as the line does. Whatever has to be
waited for (the past, a page, a moment, a client that reads slowly) is the task's all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from extdebug.sessions.bell import Bell
from extdebug.sessions.close_reasons import CloseReason
from extdebug.sessions.flow_control import Events
from extdebug.sessions.speakers import Speakers
from extdebug.sessions.turn import Message, Spoken
from extdebug.wire.light_waits import Gate

# Frames written in one call, once one was: each further one costs 4 us less. What a client that
# reads slowly leaves waiting is three of them at the most, not one.
FRAMES_TOGETHER: Final = 3

Write = Callable[[Sequence[Spoken]], bool]


class Follows(Protocol):
    """See Following."""

    more: bool

    def lines(self, most: int) -> Sequence[Events]: ...


class AtOnce:
    """Owned by a feed, whose task sleeps by `bell`. `step` makes the next message, as that task
    would; `task_needed` says whether there is more to do than to say it.

    `write` is set by the transport; False: none of them was written, and the task gives them out.
    While there is no `room` nothing is made: what waits for a client that reads slowly would be of
    a scope, and of rules, that may be others when it leaves. So a `write` that has succeeded may
    fail, while there is room, for a connection alone that takes nothing any more.
    `told_all` says whether `step` would make no message behind this one, if only lines came, and
    `following` is asked for the next line before `step` is.
    """

    def __init__(
        self, bell: Bell, step: Callable[[], Message | None], task_needed: Callable[[], bool], *,
        speakers: Speakers,
    ) -> None:  # fmt: skip
        self.write: Write | None = None
        self.room: Gate | None = None
        self.told_all: Callable[[Spoken], bool] = _unknown
        self.following: Follows | None = None
        self._bell = bell
        self._step = step
        self._task_needed = task_needed
        self._speakers = speakers
        self._unwritten: list[Spoken] = []
        self._failed: Exception | None = None
        self._writes = False  # whether what was made last could be written
        self._called = False
        self._lines_only = True  # since the last look at all that could be said
        self._followed = False  # the message that was made last is of `following`

    def moved(self) -> None:
        """There may be more to say, of any kind."""
        self._lines_only = False
        self.lines_came()

    def lines_came(self) -> None:
        """There may be more lines to tell, and nothing else has changed."""
        if self.write is None or not self._bell.asleep:
            self._bell.ring()
        elif not self._called:
            self._called = True
            self._speakers.call(self)

    async def roomy(self) -> None:
        """For the task: wait until what is made next can be written at once."""
        if self.room is not None and not self.room.is_set():
            await self.room.wait()

    def unwritten(self) -> Spoken | None:
        """The next of what could not be written, once; raises what failed."""
        if self._unwritten:
            return self._unwritten.pop(0)
        failed, self._failed = self._failed, None
        if failed is not None:
            raise failed
        return None

    def make(self) -> Sequence[Spoken]:
        """See Speaker."""
        self._called = False
        if self.write is None or not self._bell.asleep:
            return ()
        if self.room is not None and not self.room.is_set():
            self._bell.ring()
            return ()
        self._followed = False
        try:
            if self._lines_only and self.following is not None:
                lines = self.following.lines(FRAMES_TOGETHER if self._writes else 1)
                if lines:
                    self._followed = True
                    return lines
            message = self._step()
            if message is None:
                self._lines_only = True
                if self._task_needed():
                    self._bell.ring()
                return ()
        except Exception as error:  # noqa: BLE001 - the task fails with it, so the session ends
            self._fail(error)
            return ()
        if isinstance(message, CloseReason):  # it stands: the task is given it again
            self._bell.ring()
            return ()
        return (message,)

    def say(self, messages: Sequence[Spoken]) -> bool:
        """See Speaker."""
        try:
            woken = not self._bell.asleep  # since they were made: it may have ended
            self._writes = not woken and self.write is not None and self.write(messages)
            if not self._writes:
                self._unwritten += messages
                self._bell.ring()
                return False
            if self._followed and self.following is not None:
                return self.following.more
            if self._lines_only and self.told_all(messages[-1]):
                return self._task_needed()
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)
            return False
        return True

    def _fail(self, error: Exception) -> None:
        self._failed = error
        self._bell.ring()


def _unknown(message: Spoken) -> bool:
    return False
