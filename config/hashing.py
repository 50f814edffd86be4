"""Argon2 with a bound on how many passwords a process hashes at once, each in 100 MiB."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Final

from django.contrib.auth.hashers import Argon2PasswordHasher

AT_ONCE: Final = 2  # 200 MiB
PATIENCE: Final = 5.0  # seconds to wait for one of them

_slots: Final = threading.BoundedSemaphore(AT_ONCE)


class HashingBusy(Exception):
    """Too many passwords are being hashed; nothing was checked or changed. Try again."""


class BoundedArgon2PasswordHasher(Argon2PasswordHasher):
    """Django's, HashingBusy when no slot came free in PATIENCE seconds. The stored form is its.

    Requests that sign in have as many threads as there are slots; whatever else hashes (a new
    user at the desk) waits here.
    """

    def encode(self, password: str, salt: str) -> str:
        with _slot():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _slot():
            return super().verify(password, encoded)


@contextlib.contextmanager
def _slot() -> Iterator[None]:
    if not _slots.acquire(timeout=PATIENCE):
        raise HashingBusy(f"no slot within {PATIENCE:g} s, {AT_ONCE} passwords at once")
    try:
        yield
    finally:
        _slots.release()
