"""So many passwords at once; who waits too long is told; the stored form is Django's."""

from __future__ import annotations

import threading

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher

from config import hashing
from config.hashing import AT_ONCE, BoundedArgon2PasswordHasher, HashingBusy


def test_what_it_stores_is_what_djangos_hasher_reads():
    encoded = BoundedArgon2PasswordHasher().encode("secret", "saltsalt")
    assert encoded.startswith("argon2$")
    assert Argon2PasswordHasher().verify("secret", encoded)
    assert BoundedArgon2PasswordHasher().verify("secret", encoded)
    assert not BoundedArgon2PasswordHasher().verify("Secret", encoded)


def test_at_most_so_many_hash_at_once(monkeypatch: pytest.MonkeyPatch):
    guard, inside, most, begun = threading.Lock(), 0, 0, threading.Barrier(6)
    slow = threading.Event()

    def verify(*_: object) -> bool:
        nonlocal inside, most
        with guard:
            inside += 1
            most = max(most, inside)
        slow.wait(0.05)
        with guard:
            inside -= 1
        return True

    def ask() -> None:
        begun.wait(5)
        assert BoundedArgon2PasswordHasher().verify("x", "y")

    monkeypatch.setattr(Argon2PasswordHasher, "verify", verify)
    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert most == AT_ONCE


def test_whoever_waits_too_long_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hashing, "PATIENCE", 0.01)
    held = [hashing._slot() for _ in range(AT_ONCE)]
    for slot in held:
        slot.__enter__()
    try:
        with pytest.raises(HashingBusy):
            BoundedArgon2PasswordHasher().encode("secret", "saltsalt")
    finally:
        for slot in held:
            slot.__exit__(None, None, None)
    assert BoundedArgon2PasswordHasher().encode("secret", "saltsalt")
