"""Plays one fault under traffic with all watchers at once on real processes, and judges each."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from extdebug.demo.sample import Cast
from extdebug.wire.positions import EntryId
from policies.identity import tokens
from policies.models import ExtensionDeveloper, Limits
from tests.faults.faults import FAULTS, Fault, Field, permit
from tests.faults.http_watchers import HttpDoor
from tests.faults.oracle import Shown, Stated
from tests.faults.plan import Play
from tests.faults.proxy import Proxy
from tests.faults.session_oracle import SessionVerdict, judge_session
from tests.faults.traffic import BUCKET, CLUSTER_KEY, KEY, Traffic
from tests.faults.views import Slow, View, view
from tests.faults.watcher import Door
from tests.fixtures.console import Console, gone, session_key
from tests.fixtures.programs import wait_until
from tests.fixtures.redis import RedisServer
from tests.fixtures.redis_cluster import Cluster

HISTORY: Final = 1200  # lines before anybody watches: more than the window, for the one behind
BEFORE: Final = (0.6, 1.2)  # seconds of traffic before the fault
AFTER: Final = 1.2  # and after it, at least
CAUGHT_UP: Final = 12.0  # seconds after the last line until everybody has it


@dataclass(slots=True)
class Result:
    """One line of the table: a fault, a producer mix and a watcher."""

    play: Play
    watcher: str
    verdict: SessionVerdict
    served: float | None
    recovered: float | None
    gaps: list[Stated]


@dataclass(slots=True)
class Person:
    """A developer of their own for each watcher, so that no cap or rate is shared."""

    cookie: str
    token: str


@dataclass(slots=True)
class Desk:
    """The doors of one console for one person."""

    console: Console
    person: Person

    def ws(self) -> list[Door]:
        cookie = f"sessionid={self.person.cookie}"
        return [Door(self.console.ws_url, self.console.origin, cookie)]

    def http(self) -> list[HttpDoor]:
        return [HttpDoor(self.console.url, self.person.token)]


@dataclass(slots=True)
class Processes:
    """Two consoles, one of which may be replaced; every watcher learns of a new one."""

    start: Callable[[], Any]
    workers: int = 1
    running: list[Console] = field(default_factory=list)
    audience: list[tuple[View, Person]] = field(default_factory=list)

    async def open(self) -> None:
        self.running += await asyncio.gather(self.start(), self.start())
        if self.workers > 1:
            await self._all_serve()

    async def kill(self) -> None:
        old = self.running.pop(0)
        await asyncio.to_thread(old.kill9)
        await self._add()

    async def roll(self) -> None:
        for _ in range(2):
            old = self.running.pop(0)
            await asyncio.to_thread(old.stop)
            await self._add()

    async def lose_worker(self) -> None:
        for console in self.running:
            os.kill(min(console.workers), signal.SIGKILL)
        await self._all_serve()

    async def renew_workers(self) -> None:
        old = set[int]().union(*(console.workers for console in self.running))
        for console in self.running:
            console.process.send_signal(signal.SIGHUP)
        await asyncio.to_thread(wait_until, lambda: gone(old), seconds=90, what="new workers")
        await self._all_serve()

    async def _all_serve(self) -> None:
        def they_do() -> bool:
            return all(console.serves_with(self.workers) for console in self.running)

        await asyncio.to_thread(wait_until, they_do, seconds=60, what="every worker")

    def hang(self) -> Callable[[], None]:
        process = self.running[-1].process
        process.send_signal(signal.SIGSTOP)
        return lambda: process.send_signal(signal.SIGCONT)

    async def _add(self) -> None:
        fresh = await self.start()
        self.running.append(fresh)
        for one, person in self.audience:
            desk = Desk(fresh, person)
            one.add_door(desk.ws()[0], desk.http()[0])


class Theatre:
    """Starts what a play needs and ends it."""

    def __init__(
        self,
        play: Play,
        *,
        live_console: Callable[..., Console],
        redis_server: Callable[..., RedisServer],
        cluster: Callable[..., Cluster],
        cast: Cast,
    ) -> None:
        self.play, self.cast = play, cast
        self.fault: Fault = FAULTS[play.fault]
        self.chance = random.Random(f"{play.seed}/{play.fault}/{play.producers}")
        self._live_console, self._redis_server = live_console, redis_server
        self._cluster = cluster
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Theatre:
        key, proxy, cluster = KEY, None, None
        if self.fault.cluster:
            key = CLUSTER_KEY
            cluster = await sync_to_async(self._cluster)(replicas=self.fault.replicas)
            self.server = cluster.owner(BUCKET)
        else:
            self.server = await sync_to_async(self._redis_server)(*self.fault.options)
        port = self.server.port
        if self.fault.proxied:
            proxy = await self._stack.enter_async_context(Proxy(port))
            port = proxy.port
        user = "console:pw@" if self.fault.as_user else ""
        if user:
            with self.server.client() as client:
                permit(client, keys=["*"])
        url = cluster.url if cluster else f"redis://{user}127.0.0.1:{port}/0"
        await sync_to_async(self._rules)()
        self.processes = Processes(lambda: sync_to_async(self._start)(url), self.fault.workers)
        await self.processes.open()
        self.traffic = Traffic(
            self.server.port, self.play.producers, seed=self.play.seed,
            padding=self.chance.choice((0, 200, 700)), key=key,
        )  # fmt: skip
        self._stack.callback(self.traffic.stop)
        self.field = Field(
            self.server, self.traffic, self.processes, self.chance,
            self._redis_server, proxy, cluster,
        )  # fmt: skip
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def _start(self, url: str) -> Console:
        return self._live_console("uvicorn", redis_url=url, workers=self.fault.workers)

    def _rules(self) -> None:
        """Openings are not what is tried here; the rate is, in one play of five."""
        tight = {"events_per_second": 200} if self.chance.random() < 0.2 else {}
        Limits.objects.update_or_create(
            tenant=None, extension=None, defaults={"openings_per_minute": 500, **tight}
        )

    def _person(self, name: str) -> Person:
        again = secrets.token_hex(4)  # a play that is played again has people of its own
        user = User.objects.create_user(
            f"watcher-{name}-{again}", f"{name}-{again}@example.test", "unused"
        )
        extension = self.cast.invoice_sync
        ExtensionDeveloper.objects.create(user=user, extension=extension, all_installs=True)
        token = tokens.issue(user, name=name, tenant=self.cast.acme, extension=extension).raw
        return Person(session_key(user), token)

    # --- the play -----------------------------------------------------------------------------

    async def run(self) -> list[Result]:
        """From the first line written before anybody watched to the verdicts."""
        await asyncio.to_thread(self.traffic.seed, HISTORY // len(self.traffic.producers))
        since = self._newest()
        views = [await self._view(name) for name in self.play.watchers]
        for one in views:
            one.since = one.since or since
        await asyncio.gather(*(one.begin() for one in views if not one.waits_for_fault))
        self.traffic.start()
        await asyncio.sleep(self.chance.uniform(*BEFORE))
        await asyncio.gather(*(one.begin() for one in views if one.waits_for_fault))
        happened = asyncio.Event()
        around = [asyncio.create_task(one.around(happened)) for one in views]
        await asyncio.sleep(self.chance.uniform(0.1, 0.5))
        await self.fault.act(self.field)
        healed = time.monotonic()
        happened.set()
        await asyncio.gather(asyncio.sleep(AFTER), *around)
        await asyncio.to_thread(self.traffic.stop)
        return await self._settle(views, healed)

    async def _view(self, name: str) -> View:
        person = await sync_to_async(self._person)(name)
        desks = [Desk(console, person) for console in self.processes.running]
        if self.chance.random() < 0.5:
            desks.reverse()
        one = view(name, *desks, seed=self.play.seed)
        self.processes.audience.append((one, person))
        self._stack.push_async_callback(one.end)
        return one

    def _newest(self) -> str:
        with self.server.client() as client:
            return str(client.xinfo_stream(self.traffic.key)["last-generated-id"].decode())

    async def _settle(self, views: Sequence[View], healed: float) -> list[Result]:
        for one in views:
            if isinstance(one, Slow):
                one.hurry()
        await asyncio.sleep(0.5)
        await asyncio.to_thread(self.traffic.finish)
        late = await self._caught_up(views)
        await asyncio.sleep(self.fault.late_gaps)
        with self.field.server.client() as client:
            rows = client.xrange(self.traffic.key)
        self.traffic.found(rows)
        held = {id.decode() for id, _ in rows}
        lines = self.traffic.lines
        written = {line.id: line.at for line in lines if line.id}
        results = []
        for one in views:
            verdict = judge_session(
                one.log, lines, since=one.since, held=held, must=one.must, may=one.may,
                resets=self.fault.resets,
            )  # fmt: skip
            for text in one.endings():
                verdict.blame("session", 1, text)
            if one in late:
                verdict.blame("session", 1, "was not shown the last lines in time")
            gaps = [item for item in one.log if isinstance(item, Stated)]
            times = one.served(healed), one.recovered(healed, written)
            results.append(Result(self.play, one.name, verdict, *times, gaps))
            if one.acknowledges:
                verdict.unfair = sum(
                    gap.missed or 0 for gap in gaps if gap.reason == "not_consumed"
                )
        return results

    async def _caught_up(self, views: Sequence[View]) -> list[View]:
        """Wait for the last line of each source; who was neither shown it nor told that it was over
        their rate."""
        lasts = [
            next((line for line in reversed(one.lines) if line.id and not line.lost), None)
            for one in self.traffic.producers
        ]
        wanted = [line for line in lasts if line is not None]
        until = time.monotonic() + CAUGHT_UP

        def behind(one: View) -> bool:
            recent = one.log[-60:]
            shown = {item.id for item in recent if isinstance(item, Shown)}
            limited = [gap for gap in recent if isinstance(gap, Stated) and _over_rate(gap)]
            return not all(
                line.id in shown or any(_holds(gap, line.id) for gap in limited)
                for line in wanted
                if one.must(line)
            )

        late = list(views)
        while late and time.monotonic() < until:
            late = [one for one in late if behind(one)]
            await asyncio.sleep(0.05)
        return late


def _over_rate(gap: Stated) -> bool:
    return gap.reason == "rate_limited"


def _holds(gap: Stated, id: str | None) -> bool:
    at, after, before = (EntryId.parse(one) if one else None for one in (id, gap.after, gap.before))
    return at is not None and (after is None or after < at) and (before is None or at < before)
