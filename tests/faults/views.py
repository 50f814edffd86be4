"""The kinds of watcher of a play: one session each, how it behaves, and what it must be told."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from tests.faults.http_watchers import HttpDoor, HttpWatcher, PollingWatcher, SseWatcher
from tests.faults.oracle import Item, Shown
from tests.faults.session_oracle import Line
from tests.faults.watcher import Door, Watcher

FILTERS: Final[tuple[dict[str, Any], ...]] = ({}, {"level": "warn"}, {"level": "error"})
BEGUN: Final = 30.0  # seconds until all watch, on a busy machine: before the fault, so not judged
TOLD_WITHIN: Final = 2.0  # seconds until the earlier of two connections knows


class Doors(Protocol):
    """Two consoles for one person: the doors of the first, of the second, or of both in order."""

    def ws(self) -> list[Door]: ...

    def http(self) -> list[HttpDoor]: ...


class View:
    """One session. `begin` before the traffic, `around` during the fault, then judged."""

    waits_for_fault = False
    acknowledges = True

    def __init__(self, name: str, *, seed: int) -> None:
        self.name = name
        self.chance = random.Random(f"{seed}/{name}")
        self.since = ""  # answers for what was written after this entry
        self.ready_at = 0.0  # when it last did its own part to be live again
        self.asked: list[float] = []  # when it acknowledged, where it does so late
        self.trouble: list[str] = []

    async def begin(self) -> None:
        """Attach; returns when the session is live."""

    async def around(self, healed: asyncio.Event) -> None:
        """What this watcher does while the fault happens."""

    async def end(self) -> None:
        raise NotImplementedError

    def add_door(self, ws: Door, http: HttpDoor) -> None:
        raise NotImplementedError

    @property
    def log(self) -> list[Item]:
        raise NotImplementedError

    @property
    def when(self) -> list[float]:
        raise NotImplementedError

    def must(self, line: Line) -> bool:
        return True

    def may(self, line: Line) -> bool:
        return True

    def endings(self) -> list[str]:
        """Ends that nobody asked for, and what the client itself saw to be wrong."""
        raise NotImplementedError

    def served(self, healed: float) -> float | None:
        """Seconds until anything was told after `healed`, from then or from its return, or from
        when it asked for more."""
        began = max(healed, self.ready_at)
        told = next((at for at in self.when if at >= began), None)
        if told is None:
            return None
        return told - max([began, *(at for at in self.asked if at <= told)])

    def recovered(self, healed: float, written: dict[str, float]) -> float | None:
        """Seconds until a line written after `healed` was shown, from then or from its return: for
        who reads slowly, plays, or has more waiting than its rate allows, long after `served`."""
        began = max(healed, self.ready_at)
        for item, at in zip(self.log, self.when, strict=False):
            if isinstance(item, Shown) and at >= began and written.get(item.id, 0.0) >= healed:
                return at - began
        return None


class Socket(View):
    """A page that stays connected and acknowledges what it gets."""

    def __init__(self, name: str, doors: Sequence[Door], *, seed: int, **options: Any) -> None:
        super().__init__(name, seed=seed)
        self.watcher = Watcher(doors, **options)

    async def begin(self) -> None:
        await self.watcher.__aenter__()
        live = lambda: self.watcher.state == "live"  # noqa: E731
        await self.watcher.until(live, within=BEGUN, what="live")

    async def end(self) -> None:
        await self.watcher.__aexit__()

    def add_door(self, ws: Door, http: HttpDoor) -> None:
        self.watcher.doors.append(ws)

    @property
    def log(self) -> list[Item]:
        return self.watcher.log

    @property
    def when(self) -> list[float]:
        return self.watcher.when

    def endings(self) -> list[str]:
        ends = [f"ended: {end}" for end in self.watcher.closings if end["final"]]
        return [*self.trouble, *ends, *self.watcher.wrong]


class Away(Socket):
    """Loses its connection about when the fault happens; comes back during it or after it."""

    async def around(self, healed: asyncio.Event) -> None:
        await asyncio.sleep(self.chance.uniform(0.0, 0.5))
        for trip in range(self.chance.choice((1, 2, 4))):
            if self.chance.random() < 0.25:
                self.watcher.session = None  # as one who comes back after more than a minute
            self.watcher.leave()
            if not trip and self.chance.random() < 0.5:
                await healed.wait()
            await asyncio.sleep(self.chance.choice((0.02, 0.2, 0.7, 1.5)))
            self.watcher.come_back()
            self.ready_at = time.monotonic()
            await asyncio.sleep(self.chance.uniform(0.1, 0.6))


class Slow(Socket):
    """Reads, but acknowledges only now and then."""

    acknowledges = False

    def __init__(self, name: str, doors: Sequence[Door], *, seed: int) -> None:
        super().__init__(name, doors, seed=seed, acks=False)
        self._acks: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        await super().begin()
        self._acks = asyncio.create_task(self._acknowledge(3.0))

    async def around(self, healed: asyncio.Event) -> None:
        await healed.wait()

    async def _acknowledge(self, pause: float) -> None:
        while True:
            await asyncio.sleep(self.chance.uniform(0.3, 1.0) * pause)
            await self.watcher.acknowledge()
            self.asked.append(time.monotonic())

    def hurry(self) -> None:
        """From now on as others do."""
        if self._acks is not None:
            self._acks.cancel()
        self._acks = asyncio.create_task(self._acknowledge(0.05))

    async def end(self) -> None:
        if self._acks is not None:
            self._acks.cancel()
        await super().end()


class Behind(Slow):
    """Begins at the stream's beginning when the fault is about to happen, and reads slowly."""

    waits_for_fault = True

    def __init__(self, name: str, doors: Sequence[Door], *, seed: int) -> None:
        super().__init__(name, doors, seed=seed)
        self.watcher.start = {"time": "2020-01-01T00:00:00Z"}
        self.since = "0-0"

    async def begin(self) -> None:
        await self.watcher.__aenter__()
        await self.watcher.until(lambda: self.watcher.log, within=BEGUN, what="the history")
        self._acks = asyncio.create_task(self._acknowledge(0.5))


class Playing(Socket):
    """Plays the stream from its beginning at a multiple of its pace until it has caught up; loses
    its connection about when the fault happens. The stream's pauses are silences here, too."""

    waits_for_fault = True

    def __init__(self, name: str, doors: Sequence[Door], *, seed: int) -> None:
        super().__init__(name, doors, seed=seed)
        self.watcher.start = {"time": "2020-01-01T00:00:00Z"}
        self.watcher.speed = self.chance.choice((4, 16))
        self.since = "0-0"

    async def begin(self) -> None:
        await self.watcher.__aenter__()
        await self.watcher.until(lambda: self.watcher.log, within=BEGUN, what="the history")

    def served(self, healed: float) -> float | None:
        return None

    async def around(self, healed: asyncio.Event) -> None:
        await asyncio.sleep(self.chance.uniform(0.0, 1.0))
        self.watcher.leave()
        await asyncio.sleep(self.chance.choice((0.02, 0.2, 0.7)))
        self.watcher.come_back()
        self.ready_at = time.monotonic()


class Filtering(Socket):
    """Changes its filter all the time; lines that every filter selects must be shown."""

    async def around(self, healed: asyncio.Event) -> None:
        async def change() -> None:
            while True:
                await self.watcher.ask_for(self.chance.choice(FILTERS))
                await asyncio.sleep(self.chance.uniform(0.05, 0.4))

        task = asyncio.create_task(change())
        await healed.wait()
        await asyncio.sleep(1.0)
        task.cancel()

    def must(self, line: Line) -> bool:
        return line.level == "error"


class Paused(Socket):
    """Pauses before the fault and resumes after it."""

    async def around(self, healed: asyncio.Event) -> None:
        if self.watcher.socket is not None:
            await self.watcher.send("pause")
        await healed.wait()
        await asyncio.sleep(self.chance.uniform(0.0, 1.0))
        if self.watcher.socket is not None:
            await self.watcher.send("resume")
        self.ready_at = time.monotonic()


class Two(Socket):
    """A second connection takes the session over while the first still stands."""

    def __init__(
        self, name: str, doors: Sequence[Door], later: Sequence[Door], *, seed: int
    ) -> None:  # fmt: skip
        super().__init__(name, doors, seed=seed)
        self.later = Watcher(later)
        self._handed_over = -1

    async def around(self, healed: asyncio.Event) -> None:
        await healed.wait()
        await asyncio.sleep(self.chance.uniform(0.0, 0.5))
        first, later = self.watcher, self.later
        try:
            await first.until(lambda: first.socket is not None and first.state == "live", within=8)
        except AssertionError as error:
            self.trouble.append(str(error))
            return
        later.session, later.cursor = first.session, first.cursor
        self._handed_over = len(first.log)
        stood = first.connections
        first._may_connect.clear()  # it is told, or it is gone; it does not fight for the session
        await later.__aenter__()
        self.ready_at = time.monotonic()
        began = time.monotonic()
        try:
            await later.until(lambda: later.state == "live", within=8)
            await first.until(lambda: first.socket is None, within=TOLD_WITHIN)
        except AssertionError:
            self.trouble.append(
                f"after {time.monotonic() - began:.1f} s: the earlier is {first.state},"
                f" the later {later.state} {later.closings[-1:]}"
            )
        told = [end for end in first.closings if end["_of"] == stood]
        if first.socket is None and [end["code"] for end in told] != [4410]:
            self.trouble.append(f"the earlier connection was told {told}, not 4410; {first.lost}")
        if later.session != first.session:
            self.trouble.append("the later connection got another session")

    async def end(self) -> None:
        await self.watcher.__aexit__()
        await self.later.__aexit__()

    def add_door(self, ws: Door, http: HttpDoor) -> None:
        self.watcher.doors.append(ws)
        self.later.doors.append(ws)

    @property
    def log(self) -> list[Item]:
        if self._handed_over < 0:
            return self.watcher.log
        return self.watcher.log[: self._handed_over] + self.later.log

    @property
    def when(self) -> list[float]:
        if self._handed_over < 0:
            return self.watcher.when
        return self.watcher.when[: self._handed_over] + self.later.when

    def endings(self) -> list[str]:
        first = [] if self._handed_over >= 0 else self.watcher.closings
        ends = [f"ended: {end}" for end in (*first, *self.later.closings) if end["final"]]
        return [*self.trouble, *ends, *self.watcher.wrong, *self.later.wrong]


class Http(View):
    """Polling or SSE; away for a while about when the fault happens."""

    def __init__(self, name: str, watcher: HttpWatcher, *, seed: int) -> None:
        super().__init__(name, seed=seed)
        self.watcher = watcher

    async def begin(self) -> None:
        await self.watcher.__aenter__()
        async with asyncio.timeout(BEGUN):
            await self.watcher.connected.wait()

    async def around(self, healed: asyncio.Event) -> None:
        await asyncio.sleep(self.chance.uniform(0.0, 0.8))
        for trip in range(self.chance.choice((1, 2, 3))):
            self.watcher.leave()
            if not trip and self.chance.random() < 0.5:
                await healed.wait()
            await asyncio.sleep(self.chance.choice((0.0, 0.3, 1.0)))
            self.watcher.come_back()
            self.ready_at = time.monotonic()
            await asyncio.sleep(self.chance.uniform(0.1, 0.6))

    async def end(self) -> None:
        await self.watcher.__aexit__()

    def add_door(self, ws: Door, http: HttpDoor) -> None:
        self.watcher.doors.append(http)

    @property
    def log(self) -> list[Item]:
        return self.watcher.log

    @property
    def when(self) -> list[float]:
        return self.watcher.when

    def endings(self) -> list[str]:
        ends = [f"ended: {end}" for end in self.watcher.closings if end.get("final")]
        return [*self.trouble, *ends, *self.watcher.wrong]


def view(name: str, here: Doors, there: Doors, *, seed: int) -> View:
    """The watcher of that name; `here` is its home, `there` the other process."""
    near, far = here.ws(), there.ws()
    kinds: dict[str, Callable[[], View]] = {
        "live": lambda: Socket(name, near, seed=seed),
        "away-same": lambda: Away(name, near, seed=seed),
        "away-other": lambda: Away(name, [*near, *far], seed=seed),
        "poll": lambda: Http(name, PollingWatcher(here.http(), seed=seed), seed=seed),
        "poll-other": lambda: Http(
            name, PollingWatcher([*here.http(), *there.http()], seed=seed), seed=seed
        ),
        "sse": lambda: Http(name, SseWatcher(here.http(), seed=seed), seed=seed),
        "sse-other": lambda: Http(
            name, SseWatcher([*here.http(), *there.http()], seed=seed), seed=seed
        ),
        "slow": lambda: Slow(name, near, seed=seed),
        "two": lambda: Two(name, near, near, seed=seed),
        "two-other": lambda: Two(name, near, far, seed=seed),
        "behind": lambda: Behind(name, near, seed=seed),
        "playing": lambda: Playing(name, [*near, *far], seed=seed),
        "filter": lambda: Filtering(name, near, seed=seed),
        "paused": lambda: Paused(name, near, seed=seed),
    }
    return kinds[name]()
