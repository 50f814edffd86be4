"""No authority outlives its end because the database hangs, a write fails or a rule is broken."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio

from extdebug.sessions.close_reasons import CloseReason
from extdebug.sessions.supervisor import Supervisor, Timings
from extdebug.wire.light_waits import LightEvent
from policies.decisions.decide import Decision
from policies.decisions.facts import SessionLimits
from policies.identity.viewers import Viewer
from tests.files import ROOT

NOW = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
ALLOWED = Decision(
    allowed=True, checks=(), installs=None, limits=SessionLimits(), until=None, grant_id=1,
    grant_label="G-1", environment="production", related=True, code="", reason="", hint="",
    can_request=False, privileged=False, retry_after=0, now=NOW,
)  # fmt: skip
DENIED = replace(ALLOWED, allowed=False, grant_id=None, code="denied", reason="revoked")


class Session:
    """What the supervisor knows of a feed."""

    def __init__(self, user: int, decision: Decision = ALLOWED) -> None:
        self.viewer = Viewer(user_id=user, username=f"u{user}", transport="ws")
        self.target = SimpleNamespace(tenant="acme", extension=f"e{user}")
        self.lease = SimpleNamespace(id=f"s{user}", holder="h")
        self.decision = decision
        self.ended = LightEvent()
        self.lifetime = SimpleNamespace(quiet_until=math.inf)
        self.ending: CloseReason | None = None
        self.applied = 0
        self.finished = False
        self.abandoned = False

    def apply(self, decision: Decision, **_: Any) -> None:
        self.applied += 1
        self.decision = decision
        if not decision.allowed:
            self.end(CloseReason(4409, "grant", "over"))  # type: ignore[arg-type]

    def end(self, end: CloseReason) -> None:
        self.ending = self.ending or end

    def changed(self) -> bool:
        return False

    def unserved(self, now: float) -> bool:
        return self.abandoned

    async def finish(self, **_: Any) -> None:
        self.finished = True


class Policy:
    """The door to policies, which answers, fails or hangs as a test says."""

    def __init__(self) -> None:
        self.version = 1
        self.answers: dict[int, Decision] = {}
        self.open = threading.Event()
        self.open.set()
        self.rules: Callable[[], Any] = lambda: SimpleNamespace(fingerprint="one")
        self.fails: list[Exception] = []  # what the next decisions fail with

    def policy_version(self) -> int:
        self.open.wait(30)
        return self.version

    def decide_many(self, asked: Any) -> list[Decision]:
        if self.fails:
            raise self.fails.pop()
        return [self.answers.get(viewer.user_id, ALLOWED) for viewer, _, _ in asked]

    @staticmethod
    def live_principals(viewers: Any) -> set[int]:
        return set(range(len(viewers)))

    @staticmethod
    def held_elsewhere(process: str, leases: Any) -> dict[str, str]:
        return {}

    def current_redactor(self) -> Any:
        return self.rules()


class Writes:
    """The rows, which take what is written or fail as a test says."""

    def __init__(self) -> None:
        self.moves = 0
        self.failing = 0

    def move_grant(self, *_: Any, **__: Any) -> None:
        self.moves += 1
        if self.moves <= self.failing:
            raise RuntimeError("the trail is away")

    def beat(self, *_: Any, **__: Any) -> None:
        """A sign of life."""

    def note(self, accounts: Any) -> list[bool]:
        return [True] * len(accounts)


@pytest.fixture
def policy() -> Policy:
    return Policy()


@pytest.fixture
def writes() -> Writes:
    return Writes()


@pytest.fixture
def used() -> list[Any]:
    """The redaction rules that were put in force."""
    return []


@pytest_asyncio.fixture
async def supervisor(policy: Policy, writes: Writes, used: list[Any]) -> AsyncIterator[Supervisor]:
    reads: Any = policy
    rows: Any = writes
    supervisor = Supervisor(
        name="here", use_rules=used.append, health=dict, policy=reads, writes=rows,
        timings=Timings(poll=0.02, rows=0.02, blind=0.5, guard=0.05), at_once=2,
    )  # fmt: skip
    supervisor.start()
    yield supervisor
    policy.open.set()
    await supervisor.stop()


async def until(condition: Callable[[], object], *, within: float = 5) -> None:
    deadline = asyncio.get_running_loop().time() + within
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"not within {within} s"
        await asyncio.sleep(0.01)


def watch(supervisor: Supervisor, *feeds: Any) -> None:
    for session in feeds:
        supervisor.watch(session)


async def test_a_database_that_hangs_ends_production_sessions_too(
    supervisor: Supervisor, policy: Policy
) -> None:
    """Not an error that comes back but a question that never does."""
    session, elsewhere = Session(1), Session(2, replace(ALLOWED, environment="staging"))
    policy.answers[2] = elsewhere.decision
    watch(supervisor, session, elsewhere)
    await until(lambda: session.applied)
    policy.open.clear()
    await until(lambda: session.ending)
    assert session.ending is not None
    assert session.ending.code == 4503
    assert elsewhere.ending is None, "only production fails closed"


async def test_a_supervisor_whose_polling_died_goes_on(
    supervisor: Supervisor, policy: Policy
) -> None:
    session = Session(1)
    watch(supervisor, session)
    await until(lambda: session.applied)
    [polling] = [task for task in asyncio.all_tasks() if task.get_name() == "supervisor_poll"]
    polling.cancel()
    policy.answers[1] = DENIED
    policy.version += 1
    await until(lambda: session.ending)


async def test_what_cannot_be_written_delays_nobody_elses_cut(
    supervisor: Supervisor, policy: Policy, writes: Writes
) -> None:
    """The first session moves to another grant, which the trail does not take now."""
    writes.failing = 2
    moves, cut = Session(1), Session(2)
    watch(supervisor, moves, cut)
    await until(lambda: moves.applied and cut.applied)
    policy.answers = {1: replace(ALLOWED, grant_id=2), 2: DENIED}
    policy.version += 1
    await until(lambda: cut.ending, within=2)
    await until(lambda: writes.moves == 3, within=5)
    assert moves.ending is None


async def test_a_broken_redaction_rule_delays_no_cut(
    supervisor: Supervisor, policy: Policy
) -> None:
    session = Session(1, replace(ALLOWED, environment="staging"))
    policy.answers[1] = session.decision
    watch(supervisor, session)
    await until(lambda: session.applied)

    def broken() -> Any:
        raise ValueError("a rule that does not compile")

    policy.rules = broken
    policy.answers[1] = DENIED
    policy.version += 1
    await until(lambda: session.ending, within=2)


async def test_a_change_of_rules_that_could_not_be_read_is_read_later(
    supervisor: Supervisor, policy: Policy, used: list[Any]
) -> None:
    answers: list[Any] = [ValueError("for a moment"), SimpleNamespace(fingerprint="two")]

    def flaky() -> Any:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    policy.rules = flaky
    policy.version += 1
    await until(lambda: used and used[-1].fingerprint == "two")


async def test_more_than_one_round_survives_a_failure_of_the_first(
    supervisor: Supervisor, policy: Policy
) -> None:
    sessions = [Session(number) for number in range(6)]  # three rounds
    watch(supervisor, *sessions)
    await until(lambda: all(session.applied for session in sessions))
    policy.fails.append(RuntimeError("the connection was killed"))
    policy.answers = dict.fromkeys(range(6), DENIED)
    policy.version += 1
    await until(lambda: all(session.ending for session in sessions), within=3)
    assert not policy.fails


async def test_a_session_that_nobody_serves_is_finished(supervisor: Supervisor) -> None:
    """Its transport is stuck or never began: the row ends all the same."""
    session = Session(1)
    watch(supervisor, session)
    await until(lambda: session.applied)
    assert not session.finished
    session.abandoned = True
    await until(lambda: session.finished)


def test_a_database_that_vanished_becomes_an_error() -> None:
    """libpq waits for ever for an answer unless it is told to ask whether anybody is there."""
    script = (
        "from config import settings; import psycopg.conninfo as c;"
        "o = settings.DATABASES['default']['OPTIONS']; c.make_conninfo('', **o);"
        "print(o['keepalives_idle'] + o['keepalives_interval'] * o['keepalives_count'],"
        " o['tcp_user_timeout'], o['connect_timeout'])"
    )
    environment = {
        "PATH": os.environ["PATH"], "EXT_DEBUG_ENVIRONMENT": "development",
        "DATABASE_URL": "postgres://u@127.0.0.1:1/x?connect_timeout=3",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, check=True, capture_output=True
    )
    idle, unanswered, connecting = map(int, done.stdout.split())
    assert 0 < idle <= 15
    assert 0 < unanswered <= 15_000
    assert connecting == 3, "what the address says goes first"
