"""Says what a session has to say while its task sleeps, where the transport can write without it.

A task that is woken for each line and session costs as much as the line does. Whatever has to be
waited for (the past, a page, a moment, a client that reads slowly) is the task's all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from extdebug.sessions.bell import Bell
from extdebug.sessions.close_reasons import CloseReason
from extdebug.sessions.turn import Message, Spoken


class AtOnce:
    """Owned by a feed, whose task sleeps by `bell`. `step` makes the next message, as that task
    would; `task_needed` says whether there is more to do than to say it.

    `write` is set by the transport; False: it was not written, and the task gives it out.
    """

    def __init__(
        self, bell: Bell, step: Callable[[], Message | None], task_needed: Callable[[], bool]
    ) -> None:
        self.write: Callable[[Spoken], bool] | None = None
        self._bell = bell
        self._step = step
        self._task_needed = task_needed
        self._unwritten: Spoken | Exception | None = None
        self._called = False

    def moved(self) -> None:
        """There may be more to say."""
        if self.write is None or not self._bell.asleep:
            self._bell.ring()
        elif not self._called:  # not from here: who moves us has not finished with the others
            self._called = True
            asyncio.get_running_loop().call_soon(self._speak)

    def unwritten(self) -> Spoken | None:
        """What could not be written, once; raises what failed."""
        left, self._unwritten = self._unwritten, None
        if isinstance(left, Exception):
            raise left
        return left

    def _speak(self) -> None:
        self._called = False
        try:
            while self.write is not None and self._bell.asleep:
                message = self._step()
                if message is None:
                    if self._task_needed():
                        self._bell.ring()
                    return
                if isinstance(message, CloseReason):  # it stands: the task is given it again
                    self._bell.ring()
                elif not self.write(message):
                    self._unwritten = message
                    self._bell.ring()
        except Exception as error:  # noqa: BLE001 - the task fails with it, so the session ends
            self._unwritten = error
            self._bell.ring()
