"""The engine's clock runs while a guest does, and rests otherwise."""

import threading
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
