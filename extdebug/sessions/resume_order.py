"""Lets one connection at a time resume a session in this process, so that the last one keeps it.

Two connections that ask for one session at once are answered by threads, in any order: without
this the one that took the row first could end the one that holds it.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class ResumeOrder:
    """Owned by the Node. Holds a lock for each session that is being resumed, and no other."""

    def __init__(self) -> None:
        self._turns: dict[str, _Turn] = {}

    def __len__(self) -> int:
        """Sessions that are being resumed now."""
        return len(self._turns)

    @contextlib.asynccontextmanager
    async def turn(self, session: str | None) -> AsyncIterator[None]:
        """Wait for the resumes of this session that came before; None waits for nobody."""
        key = _key(session)
        if key is None:
            yield
            return
        turn = self._turns.setdefault(key, _Turn())
        turn.users += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.users -= 1
            if not turn.users:
                del self._turns[key]


def _key(session: str | None) -> str | None:
    """The session's one spelling; None for what names no session."""
    try:
        return uuid.UUID(session).hex if session else None
    except ValueError:
        return None
