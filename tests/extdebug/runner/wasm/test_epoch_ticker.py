"""The engine's clock runs while a guest does, and rests otherwise."""

import threading
import time
from typing import Any

from extdebug.runner.wasm.epoch_ticker import EPOCH, Ticker
from tests.fixtures.programs import wait_until


class CountingEngine:
    def __init__(self) -> None:
        self.ticks = 0

    def increment_epoch(self) -> None:
        self.ticks += 1


def threads() -> int:
    return sum(thread.name == "epoch-ticker" for thread in threading.enumerate())


def test_it_ticks_while_any_guest_runs_and_stops_with_the_last():
    engine: Any = CountingEngine()
    before = threads()
    ticker = Ticker(engine)
    assert threads() == before, "no thread before the first guest"
    with ticker:
        with ticker:
            wait_until(lambda: engine.ticks >= 3, what="ticks")
        seen = engine.ticks
        wait_until(lambda: engine.ticks > seen, what="ticks for the other guest")
    stopped = threading.Event()
    stopped.wait(EPOCH * 3)  # the tick under way
    seen = engine.ticks
    stopped.wait(EPOCH * 10)
    assert engine.ticks == seen
    with ticker:
        wait_until(lambda: engine.ticks > seen, what="ticks again")
    assert threads() == before + 1, "one thread, however many guests"


class Store:
    deadline = 0

    def set_epoch_deadline(self, ticks: int) -> None:
        self.deadline = ticks


def test_a_thread_that_comes_late_makes_up_for_it_by_the_clock():
    engine: Any = CountingEngine()
    ticker = Ticker(engine, sleep=lambda seconds: time.sleep(seconds * 8))
    started = time.monotonic()
    with ticker:
        wait_until(lambda: engine.ticks >= 24, what="three turns' worth of ticks")
        assert engine.ticks <= (time.monotonic() - started) / EPOCH
    assert time.monotonic() - started < 24 * 8 * EPOCH, "the ticks were counted, not the clock"


def test_a_limit_counts_from_now_though_the_ticks_are_behind():
    engine: Any = CountingEngine()
    behind = threading.Event()

    def held(_: float) -> None:
        behind.wait(10)

    ticker = Ticker(engine, sleep=held)
    store: Any = Store()
    with ticker:
        time.sleep(EPOCH * 5)  # no tick in the meantime
        ticker.limit(store, 1.0)
        assert store.deadline >= 1.0 / EPOCH + 5
        behind.set()
        ticker.limit(store, 0)
        assert store.deadline >= 1
