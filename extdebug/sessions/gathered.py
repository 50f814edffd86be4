"""Asks the database in one call what several want to know at the same time.

While a call runs, further questions wait and go into the next one together. So an answer is never
older than its question, nobody waits for others to come, and whoever asks alone is asked for at
once. After a restart two thousand sessions come back in some tens of calls instead of thousands.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar
from weakref import WeakKeyDictionary

from django.db import InterfaceError, OperationalError

from audit.trail import AuditError
from extdebug.db import Bridge

Q = TypeVar("Q")
A = TypeVar("A")

# The database or the trail is away or stuck: it would be for each of them alone, one by one.
_EVERYBODYS: Final = (OperationalError, InterfaceError, AuditError)


@dataclass(slots=True)
class _Queue(Generic[Q, A]):
    """What waits in one event loop, and who carries it to the database."""

    waiting: deque[tuple[Q, asyncio.Future[A]]] = field(default_factory=deque)
    carriers: set[asyncio.Task[None]] = field(default_factory=set)


class Gathered(Generic[Q, A]):
    """`answer` gets up to `most` questions and returns their answers in that order.

    When it raises, each question is asked alone, so that one that cannot be answered fails nobody
    else. At most `calls` run at a time.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Q]], Sequence[A]],
        *,
        bridge: Bridge,
        most: int,
        calls: int = 1,
    ) -> None:
        self._answer = answer
        self._bridge = bridge
        self._most = most
        self._calls = calls
        self._queues: WeakKeyDictionary[asyncio.AbstractEventLoop, _Queue[Q, A]] = (
            WeakKeyDictionary()
        )

    async def ask(self, question: Q) -> A:
        """The answer, asked for after this call began; what the call raised for this question."""
        loop = asyncio.get_running_loop()
        queue = self._queues.setdefault(loop, _Queue())
        future: asyncio.Future[A] = loop.create_future()
        queue.waiting.append((question, future))
        if len(queue.carriers) < self._calls:
            queue.carriers.add(asyncio.create_task(self._carry(queue), name="gathered"))
        return await future

    async def _carry(self, queue: _Queue[Q, A]) -> None:
        try:
            while queue.waiting:
                count = min(self._most, len(queue.waiting))
                taken = [queue.waiting.popleft() for _ in range(count)]
                await self._settle([each for each in taken if not each[1].done()])
        finally:
            # In the same step as the look at what waits. By a callback, which the loop runs later,
            # a question that comes between would find a carrier that carries nothing any more.
            queue.carriers = {each for each in queue.carriers if each is not asyncio.current_task()}

    async def _settle(self, taken: Sequence[tuple[Q, asyncio.Future[A]]]) -> None:
        if not taken:
            return
        try:
            answers = await self._bridge(self._answer, [question for question, _ in taken])
        except asyncio.CancelledError:
            for _, future in taken:
                future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - it is raised to whoever asked
            if len(taken) > 1 and not isinstance(error, _EVERYBODYS):
                for each in taken:
                    await self._settle([each])
                return
            for _, future in taken:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(taken, answers, strict=True):
            if not future.done():
                future.set_result(answer)
