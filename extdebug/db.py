"""The one bridge from async code to the ORM.

Channels' default runs everything on one shared thread, where one slow query delays every session.
These threads are ours, and each call gives its connection back in order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, Protocol, TypeVar

from channels.db import database_sync_to_async

P = ParamSpec("P")
R = TypeVar("R")


class Bridge(Protocol):
    """One of the functions below, or what a test puts in its place."""

    async def __call__(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The function's result, from another thread."""


# Decisions have threads of their own: a queue of session rows must not delay a cut, and neither
# must people whom nobody knows yet.
POLICY: Final = ThreadPoolExecutor(max_workers=3, thread_name_prefix="policy")
RECORDS: Final = ThreadPoolExecutor(max_workers=4, thread_name_prefix="records")
IDENTITY: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="identity")
THREADS: Final = 3 + 4 + 2  # each keeps one database connection


async def in_policy_threads(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run ORM code that answers who may watch."""
    return await _on(POLICY, function)(*args, **kwargs)


async def in_record_threads(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run ORM code that writes or reads session rows and pages."""
    return await _on(RECORDS, function)(*args, **kwargs)


async def in_identity_threads(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run ORM code that finds out who asks."""
    return await _on(IDENTITY, function)(*args, **kwargs)


def _on(pool: ThreadPoolExecutor, function: Callable[P, R]) -> Callable[P, Awaitable[R]]:
    # `database_sync_to_async` and not `sync_to_async`: only it drops a connection whose
    # PostgreSQL backend was killed, the other fails for ever.
    bridged: Callable[P, Awaitable[R]] = database_sync_to_async(
        function, thread_sensitive=False, executor=pool
    )
    return bridged
