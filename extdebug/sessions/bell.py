"""How one session sleeps: until somebody rings, or until a moment of the loop's clock."""

from __future__ import annotations

import asyncio

from extdebug.sessions.lifetime import LoopClock


class Bell:
    """For one sleeper at a time. A ring that comes while nobody sleeps is heard by the next."""

    __slots__ = ("_clock", "_rung", "_timer", "_timer_at", "_until", "_waiter")

    def __init__(self, clock: LoopClock) -> None:
        self._clock = clock
        self._rung = False
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = self._until = 0.0

    def ring(self) -> None:
        """Wake the sleeper."""
        self._rung = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def clear(self) -> None:
        """What was rung for so far is being looked at now."""
        self._rung = False

    @property
    def asleep(self) -> bool:
        """Whether somebody sleeps whom nothing has woken yet."""
        waiter = self._waiter
        return waiter is not None and not waiter.done()

    async def sleep(self, until: float) -> None:
        """Until it rings or the clock shows `until`.

        The timer is kept from one sleep to the next and looks, when it is over, whether it still
        is time: with one made for each sleep a line a second costs a timer a second.
        """
        if self._rung:
            return
        self._until = until
        if self._timer is None or self._timer_at > until:
            self._arm()
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        except BaseException:
            self.still()
            raise
        finally:
            self._waiter = None

    def still(self) -> None:
        """No timer any more: nobody will sleep here, or not for long."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self.still()
        self._timer_at = self._until
        self._timer = self._clock.call_at(self._until, self._time)

    def _time(self) -> None:
        self._timer = None
        if not self.asleep:
            return
        if self._clock.time() < self._until:
            self._arm()
        else:
            self.ring()
