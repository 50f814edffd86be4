"""The bridge to the ORM: which threads run what, and that results and errors come back."""

from __future__ import annotations

import threading

import pytest

from extdebug.db import in_identity_threads, in_policy_threads, in_record_threads


def thread_name(*_: object, **__: object) -> str:
    return threading.current_thread().name


async def test_decisions_and_records_have_threads_of_their_own():
    assert (await in_policy_threads(thread_name)).startswith("policy")
    assert (await in_record_threads(thread_name)).startswith("records")
    assert (await in_identity_threads(thread_name)).startswith("identity")


async def test_arguments_results_and_errors_pass_through():
    def divide(a: int, *, by: int) -> float:
        return a / by

    assert await in_record_threads(divide, 6, by=3) == 2
    with pytest.raises(ZeroDivisionError):
        await in_policy_threads(divide, 1, by=0)
