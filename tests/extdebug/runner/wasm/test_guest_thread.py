"""A thread that waits and one that computes are told apart, however busy the machine is."""

import sys
import threading

import pytest

from extdebug.runner.wasm.guest_thread import GuestThread
from tests.fixtures.programs import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")


def watched(work) -> tuple[GuestThread, threading.Thread]:
    made: list[GuestThread] = []

    def run() -> None:
        made.append(GuestThread())
        work()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    wait_until(lambda: bool(made), what="the thread")
    return made[0], thread


def test_a_thread_that_waits_sleeps_and_one_that_computes_does_not():
    stop = threading.Event()
    asleep, sleeper = watched(stop.wait)

    def compute() -> None:
        while not stop.is_set():
            sum(range(1000))

    awake, worker = watched(compute)
    try:
        wait_until(lambda: asleep.look() is True, what="the sleeper")
        awake.look()
        threading.Event().wait(0.2)  # much more than a thread that sleeps ever uses
        assert awake.look() is False
    finally:
        stop.set()
    sleeper.join(5)
    worker.join(5)


def test_of_a_thread_that_has_ended_nothing_is_said():
    ended, thread = watched(lambda: None)
    thread.join(5)
    wait_until(lambda: ended.look() is None, what="its end")
