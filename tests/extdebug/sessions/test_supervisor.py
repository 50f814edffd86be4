"""Who may no longer watch is cut, whatever breaks around the decision."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from extdebug.sessions import close_reasons, ownership, supervisor
from extdebug.sessions.supervisor import Supervisor
from policies import access


@dataclass(eq=False)
class Watching:
    """As much of a feed as the supervisor knows."""

    name: str = "a"
    environment: str = "production"
    session_hash: str = ""
    due: bool = False
    ended_with: Any = None
    applied: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.viewer = SimpleNamespace(user_id=1, token_id=None, session_hash=self.session_hash)
        self.target = SimpleNamespace(tenant="acme", extension=self.name)
        self.lease = SimpleNamespace(id=self.name, holder="h")
        self.decision = decision(environment=self.environment)

    def end(self, end: Any) -> None:
        self.ended_with = self.ended_with or end

    def apply(self, decided: Any, *, asked_at: float | None = None) -> None:
        self.applied.append(decided)
        if not decided.allowed:
            self.end("cut")
        self.decision = decided

    def changed(self) -> bool:
        return False

    def unserved(self, now: float) -> bool:
        return False


def decision(*, allowed: bool = True, environment: str = "production") -> Any:
    return SimpleNamespace(allowed=allowed, environment=environment, grant_id=None)


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

    def held_elsewhere(self, holders: Any) -> dict[str, str]:
        return self.verdicts


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    one = World()
    monkeypatch.setattr(access, "policy_version", one.policy_version)
    monkeypatch.setattr(access, "decide_many", one.decide_many)
    monkeypatch.setattr(access, "live_principals", one.live_principals)
    monkeypatch.setattr(ownership, "held_elsewhere", one.held_elsewhere)
    monkeypatch.setattr(supervisor, "current_redactor", lambda: SimpleNamespace(fingerprint="f"))
    monkeypatch.setattr(supervisor, "POLL", 0.05)

    async def here(function: Any, *args: Any, **kwargs: Any) -> Any:
        return await asyncio.to_thread(function, *args, **kwargs)

    monkeypatch.setattr(supervisor, "in_policy_threads", here)
    return one


async def until(condition: Any, *, within: float = 5) -> None:
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


async def walking(world: World, *feeds: Watching) -> tuple[Supervisor, asyncio.Task[None]]:
    console: Any = SimpleNamespace(hub=SimpleNamespace(use=lambda _: None))
    one = Supervisor(console)
    for feed in feeds:
        one.watch(feed)  # type: ignore[arg-type]
    return one, asyncio.create_task(one._poll())


async def test_a_new_session_is_decided_again_at_once(world: World) -> None:
    feed = Watching()
    _, task = await walking(world, feed)
    await until(lambda: feed.applied)
    task.cancel()


async def test_a_new_version_decides_everyone_and_equal_questions_once(world: World) -> None:
    feeds = [Watching("a"), Watching("a"), Watching("b")]
    _, task = await walking(world, *feeds)
    await until(lambda: all(feed.applied for feed in feeds))
    world.asked = 0
    world.answer = decision(allowed=False)
    world.version += 1
    await until(lambda: all(feed.ended_with for feed in feeds))
    assert world.asked == 2
    task.cancel()


async def test_an_ended_sign_in_and_a_verdict_end_their_own_session(world: World) -> None:
    signed_out, ended, taken, stays = (Watching(name) for name in "abcd")
    world.live = {1, 2, 3}
    world.verdicts = {"b": "ended olivia", "c": "taken"}
    _, task = await walking(world, signed_out, ended, taken, stays)
    await until(lambda: signed_out.ended_with and ended.ended_with and taken.ended_with)
    assert signed_out.ended_with is close_reasons.SIGNED_OUT
    assert "olivia" in ended.ended_with.message
    assert taken.ended_with is close_reasons.TAKEN
    assert stays.ended_with is None
    task.cancel()


async def test_a_logouts_message_is_final_for_its_own_sign_in(world: World) -> None:
    mine, other = Watching(session_hash="x"), Watching(session_hash="y")
    one, task = await walking(world, mine, other)
    one._heard({"type": "cut.hint", "kind": "logout", "session_hash": "x"})
    assert mine.ended_with is close_reasons.SIGNED_OUT
    assert other.ended_with is None
    task.cancel()


@pytest.mark.parametrize("how", ["error", "silence"])
async def test_policy_that_cannot_be_read_ends_production_sessions(
    world: World, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """A database that raises and one that never answers are the same to whoever relies on it."""
    monkeypatch.setattr(supervisor, "BLIND", 0.4)
    strict, loose = Watching("a"), Watching("b", environment="development")
    world.answer = decision()
    _, task = await walking(world, strict, loose)
    await until(lambda: strict.applied)
    strict.decision, loose.decision = decision(), decision(environment="development")
    if how == "error":
        world.broken = RuntimeError("the database is away")
    else:
        world.stuck = threading.Event()
    await until(lambda: strict.ended_with is not None)
    assert strict.ended_with.code == 4503
    assert loose.ended_with is None
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
    assert feed.ended_with is None
    task.cancel()


async def test_a_drain_waits_for_the_last_session_or_its_time(world: World) -> None:
    feed = Watching()
    one, task = await walking(world, feed)
    await asyncio.wait_for(one.empty(within=0.05), 2)
    one.forget(feed)  # type: ignore[arg-type]
    await asyncio.wait_for(one.empty(within=60), 2)
    task.cancel()
