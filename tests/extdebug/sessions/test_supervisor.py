"""Who may no longer watch is cut, whatever breaks around the decision."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import math
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError

from extdebug.sessions import close_reasons
from extdebug.sessions.supervisor import Supervisor, Timings
from extdebug.wire.light_waits import LightEvent


@dataclass(eq=False)
class Watching:
    """As much of a feed as the supervisor knows."""

    name: str = "a"
    extension: str = ""
    environment: str = "production"
    session_hash: str = ""
    ending: Any = None
    applied: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.viewer = SimpleNamespace(
            user_id=1, username="dan", token_id=None, session_hash=self.session_hash,
            sign_in=self.session_hash or self.name,
        )  # fmt: skip
        self.ended = LightEvent()
        self.lifetime = SimpleNamespace(quiet_until=math.inf)
        self.target = SimpleNamespace(tenant="acme", extension=self.extension or self.name)
        self.lease = SimpleNamespace(id=self.name, holder=uuid.uuid4().hex)
        self.decision = decision(environment=self.environment)

    def end(self, end: Any) -> None:
        self.ending = self.ending or end

    def apply(self, decided: Any, *, asked_at: float | None = None) -> None:
        self.applied.append(decided)
        if not decided.allowed:
            self.end("cut")
        self.decision = decided

    def changed(self) -> bool:
        return False

    def unserved(self, now: float) -> bool:
        return False


def decision(
    *, allowed: bool = True, environment: str = "production", seconds: float | None = None
) -> Any:
    """One that holds for so many seconds by time alone."""
    now = dt.datetime.now(dt.UTC)
    until = None if seconds is None else now + dt.timedelta(seconds=seconds)
    return SimpleNamespace(
        allowed=allowed, environment=environment, grant_id=None, now=now, until=until
    )


class World:
    """What the supervisor reads, to be changed by a test."""

    def __init__(self) -> None:
        self.version = 1
        self.answer = decision()
        self.live: set[int] | None = None
        self.verdicts: dict[str, str] = {}
        self.broken: Exception | None = None
        self.stuck: threading.Event | None = None
        self.asked = 0

    def policy_version(self) -> int:
        if self.stuck is not None:
            self.stuck.wait(10)
        if self.broken is not None:
            raise self.broken
        return self.version

    def decide_many(self, questions: Any) -> list[Any]:
        self.asked += len(questions)
        return [self.answer] * len(questions)

    def live_principals(self, viewers: Any) -> set[int]:
        return set(range(len(viewers))) if self.live is None else self.live

    def held_elsewhere(self, process: str, leases: Any) -> dict[str, str]:
        assert process == "here"
        said = ((lease.holder, self.verdicts.get(lease.id, "")) for lease in leases)
        return {holder: verdict for holder, verdict in said if verdict}

    def current_redactor(self) -> Any:
        return SimpleNamespace(fingerprint="f")


@pytest.fixture
def world() -> World:
    return World()


async def until(condition: Any, *, within: float = 5) -> None:
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


async def walking(
    world: World,
    *feeds: Watching,
    blind: float = 10.0,
    rows: float = 0.05,
    afresh: float = 15.0,
    use_rules: Callable[[Any], None] = lambda _: None,
) -> tuple[Supervisor, asyncio.Task[None]]:
    policy: Any = world
    one = Supervisor(
        name="here", use_rules=use_rules, health=dict, policy=policy,
        timings=Timings(poll=0.05, rows=rows, blind=blind, afresh=afresh),
    )  # fmt: skip
    for feed in feeds:
        one.watch(feed)  # type: ignore[arg-type]
    return one, asyncio.create_task(one._poll())


async def test_a_new_session_is_decided_again_at_once(world: World) -> None:
    feed = Watching()
    _, task = await walking(world, feed)
    await until(lambda: feed.applied)
    task.cancel()


async def test_a_new_version_is_seen_between_two_looks_at_the_rows(world: World) -> None:
    feed = Watching()
    _, task = await walking(world, feed, rows=1000.0)
    await until(lambda: feed.applied)
    world.answer = decision(allowed=False)
    world.verdicts[feed.lease.id] = "taken"
    world.version += 1
    await until(lambda: feed.ending)
    assert feed.ending is not close_reasons.TAKEN
    task.cancel()


async def test_a_new_version_decides_everyone_and_equal_questions_once(world: World) -> None:
    feeds = [Watching("a", extension="x"), Watching("b", extension="x"), Watching("c")]
    _, task = await walking(world, *feeds)
    await until(lambda: all(feed.applied for feed in feeds))
    world.asked = 0
    world.answer = decision(allowed=False)
    world.version += 1
    await until(lambda: all(feed.ending for feed in feeds))
    assert world.asked == 2
    task.cancel()


async def test_an_ended_sign_in_and_a_verdict_end_their_own_session(world: World) -> None:
    signed_out, ended, taken, stays = (Watching(name) for name in "abcd")
    world.live = {1, 2, 3}
    world.verdicts = {"b": "ended olivia", "c": "taken"}
    _, task = await walking(world, signed_out, ended, taken, stays)
    await until(lambda: signed_out.ending and ended.ending and taken.ending)
    assert signed_out.ending is close_reasons.SIGNED_OUT
    assert "olivia" in ended.ending.message
    assert taken.ending is close_reasons.TAKEN
    assert stays.ending is None
    task.cancel()


async def test_a_logouts_message_is_final_for_its_own_sign_in(world: World) -> None:
    mine, other = Watching("a", session_hash="x"), Watching("b", session_hash="y")
    one, task = await walking(world, mine, other)
    one._heard({"type": "cut.hint", "kind": "logout", "session_hash": "x"})
    assert mine.ending is close_reasons.SIGNED_OUT
    assert other.ending is None
    task.cancel()


@pytest.mark.parametrize("how", ["error", "silence"])
async def test_policy_that_cannot_be_read_ends_production_sessions(world: World, how: str) -> None:
    """A database that raises and one that never answers are the same to whoever relies on it."""
    strict, loose = Watching("a"), Watching("b", environment="development")
    world.answer = decision()
    _, task = await walking(world, strict, loose, blind=0.4)
    await until(lambda: strict.applied)
    strict.decision, loose.decision = decision(), decision(environment="development")
    if how == "error":
        world.broken = RuntimeError("the database is away")
    else:
        world.stuck = threading.Event()
    await until(lambda: strict.ending is not None)
    assert strict.ending.code == 4503
    assert loose.ending is None
    if world.stuck is not None:
        world.stuck.set()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_short_hiccup_costs_nobody_their_session(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    feed = Watching()
    _, task = await walking(world, feed)
    await until(lambda: feed.applied)
    world.broken = RuntimeError("for a moment")
    await until(lambda: "policy cannot be read" in caplog.text)
    world.broken = None
    known = len(feed.applied)
    world.version += 1
    await until(lambda: len(feed.applied) > known)
    assert feed.ending is None
    task.cancel()


async def test_a_drain_waits_for_the_last_session_or_its_time(world: World) -> None:
    feed = Watching()
    one, task = await walking(world, feed)
    await asyncio.wait_for(one.empty(within=0.05), 2)
    one.forget(feed)  # type: ignore[arg-type]
    await asyncio.wait_for(one.empty(within=60), 2)
    task.cancel()


# --- several connections of one session -----------------------------------------------------------


async def test_of_two_feeds_of_one_session_the_later_one_wins_at_once(world: World) -> None:
    first, second, third = (Watching("a") for _ in range(3))
    one, task = await walking(world, first, second)
    assert first.ending is close_reasons.TAKEN
    assert one.serving("a") is second
    one.watch(third)  # type: ignore[arg-type]
    assert second.ending is close_reasons.TAKEN
    assert third.ending is None
    assert one.serving("a") is third
    third.end(close_reasons.TIME_UP)
    assert one.serving("a") is None
    task.cancel()


async def test_feeds_of_one_session_are_judged_each_by_the_lease_it_holds(world: World) -> None:
    """Both are here, and one of them holds the row: a verdict by session alone would end both."""
    earlier, later = Watching("a"), Watching("a")
    earlier.lease.holder, later.lease.holder = "old", "new"
    asked: list[Any] = []

    def held_elsewhere(process: str, leases: Any) -> dict[str, str]:
        asked.extend((lease.id, lease.holder) for lease in leases)
        return {"old": "taken"}

    world.held_elsewhere = held_elsewhere  # type: ignore[method-assign]
    _, task = await walking(world, earlier, later)
    await until(lambda: {("a", "old"), ("a", "new")} <= set(asked))
    await until(lambda: earlier.ending)
    assert earlier.ending is close_reasons.TAKEN
    assert later.ending is None
    task.cancel()


async def test_one_session_that_could_not_be_ended_leaves_nothing_to_the_loop(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    class Stuck(Watching):
        def unserved(self, now: float) -> bool:
            return True

        async def finish(self, **_: Any) -> None:
            raise RuntimeError("the database is away")

    policy: Any = world
    one = Supervisor(
        name="here", use_rules=lambda _: None, health=dict, policy=policy,
        timings=Timings(poll=0.05, rows=0.05, guard=0.01),
    )  # fmt: skip
    feed: Any = Stuck("a")
    one.watch(feed)
    guard = asyncio.create_task(one._guard())
    await until(lambda: "could not be written" in caplog.text)
    assert one.feeds == ()
    guard.cancel()
    await one.stop()


async def test_a_layer_that_swallows_a_cancellation_holds_up_no_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As redis-py does on Python 3.11 at the moment of its own time limit: a command that was
    interrupted went on for ever."""

    async def listen(**_: Any) -> None:
        while not asyncio.current_task().cancelling() > 1:  # type: ignore[union-attr]
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
        raise asyncio.CancelledError

    monkeypatch.setattr("extdebug.sessions.layer_listener.listen", listen)
    policy: Any = world
    one = Supervisor(name="here", use_rules=lambda _: None, health=dict, policy=policy)
    one.start()
    listening = one._tasks["listen"]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await one.stop()
    assert listening.done()


async def test_who_signed_out_while_the_first_session_was_opened_is_ended_at_the_first_look(
    world: World,
) -> None:
    one, task = await walking(world, rows=1000.0)
    await asyncio.sleep(0.2)  # some looks, while nobody watches
    world.live = set()
    feed = Watching("a")
    one.watch(feed)  # type: ignore[arg-type]
    await until(lambda: feed.ending)
    task.cancel()


async def test_rules_that_cannot_be_read_delay_no_end(world: World) -> None:
    def unreadable() -> Any:
        raise OperationalError

    world.current_redactor = unreadable  # type: ignore[method-assign]
    feed = Watching("a")
    _, task = await walking(world, feed)
    await until(lambda: feed.applied)
    world.verdicts[feed.lease.id] = "taken"
    await until(lambda: feed.ending)
    assert feed.ending is close_reasons.TAKEN
    task.cancel()


async def test_rows_that_cannot_be_read_delay_no_rules(world: World) -> None:
    def unreadable(process: str, leases: Any) -> dict[str, str]:
        raise OperationalError

    world.held_elsewhere = unreadable  # type: ignore[method-assign]
    used: list[Any] = []
    _, task = await walking(world, Watching("a"), use_rules=used.append)
    await until(lambda: used)
    task.cancel()


@pytest.mark.parametrize("due", [True, False])
async def test_a_decision_is_made_afresh_though_nothing_says_that_it_changed(
    world: World, due: bool
) -> None:
    feed = Watching("a")
    world.answer = decision(seconds=0.1 if due else None)
    _, task = await walking(world, feed, afresh=15.0 if due else 0.1)
    await until(lambda: feed.applied)
    world.answer = decision(allowed=False)
    await until(lambda: feed.ending)
    task.cancel()
