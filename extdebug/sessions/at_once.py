"""Says what a session has to say while its task sleeps, where the transport can write without it.

A task that is woken for each line and session costs as much as the line does. Whatever has to be
waited for (the past, a page, a moment, a client that reads slowly) is the task's all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from extdebug.sessions.bell import Bell
from extdebug.sessions.close_reasons import CloseReason
from extdebug.sessions.flow_control import Events
from extdebug.sessions.speakers import Speakers
from extdebug.sessions.turn import Message, Spoken
from extdebug.wire.light_waits import Gate


class Follows(Protocol):
    """See Following."""

    more: bool

    def line(self) -> Events | None: ...


class AtOnce:
    """Owned by a feed, whose task sleeps by `bell`. `step` makes the next message, as that task
    would; `task_needed` says whether there is more to do than to say it.

    `write` is set by the transport; False: it was not written, and the task gives it out. While
    there is no `room` nothing is made: what waits for a client that reads slowly would be of a
    scope, and of rules, that may be others when it leaves.
    `told_all` says whether `step` would make no message behind this one, if only lines came, and
    `following` is asked for the next line before `step` is.
    """

    def __init__(
        self, bell: Bell, step: Callable[[], Message | None], task_needed: Callable[[], bool], *,
        speakers: Speakers,
    ) -> None:  # fmt: skip
        self.write: Callable[[Spoken], bool] | None = None
        self.room: Gate | None = None
        self.told_all: Callable[[Spoken], bool] = _unknown
        self.following: Follows | None = None
        self._bell = bell
        self._step = step
        self._task_needed = task_needed
        self._speakers = speakers
        self._unwritten: Spoken | Exception | None = None
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
        """What could not be written, once; raises what failed."""
        left, self._unwritten = self._unwritten, None
        if isinstance(left, Exception):
            raise left
        return left

    def make(self) -> Spoken | None:
        """See Speaker."""
        self._called = False
        if self.write is None or not self._bell.asleep:
            return None
        if self.room is not None and not self.room.is_set():
            self._bell.ring()
            return None
        self._followed = False
        try:
            if self._lines_only and self.following is not None:
                line = self.following.line()
                if line is not None:
                    self._followed = True
                    return line
            message = self._step()
            if message is None:
                self._lines_only = True
                if self._task_needed():
                    self._bell.ring()
                return None
        except Exception as error:  # noqa: BLE001 - the task fails with it, so the session ends
            self._leave_to_task(error)
            return None
        if isinstance(message, CloseReason):  # it stands: the task is given it again
            self._bell.ring()
            return None
        return message

    def say(self, message: Spoken) -> bool:
        """See Speaker."""
        try:
            woken = not self._bell.asleep  # since it was made: it may have ended
            if woken or self.write is None or not self.write(message):
                self._leave_to_task(message)
                return False
            if self._followed and self.following is not None:
                return self.following.more
            if self._lines_only and self.told_all(message):
                return self._task_needed()
        except Exception as error:  # noqa: BLE001 - as above
            self._leave_to_task(error)
            return False
        return True

    def _leave_to_task(self, left: Spoken | Exception) -> None:
        self._unwritten = left
        self._bell.ring()


def _unknown(message: Spoken) -> bool:
    return False
