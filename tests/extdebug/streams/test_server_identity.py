"""Which Redis answers: the same one, the same one restarted, or another."""

from __future__ import annotations

import time

import pytest

from extdebug.streams.server_identity import ServerIdentity


def info(run_id: str, uptime: int) -> bytes:
    return f"# Server\r\nrun_id:{run_id}\r\nuptime_in_seconds:{uptime}\r\n".encode()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def heard(run_id: str) -> ServerIdentity:
    server = ServerIdentity()
    server.identify(info(run_id, 500))
    server.heard()
    return server


def test_the_same_server_is_no_failover(clock: list[float]) -> None:
    server = heard("a")
    clock[0] += 30
    server.identify(info("a", 530))
    assert (server.run_id, server.failover) == ("a", False)


def test_one_that_started_while_we_were_away_was_restarted(clock: list[float]) -> None:
    server = heard("a")
    clock[0] += 5
    server.identify(info("b", 3))
    assert (server.run_id, server.failover) == ("b", False)


def test_one_that_was_up_all_the_while_is_another(clock: list[float]) -> None:
    server = heard("a")
    clock[0] += 5
    server.identify(info("b", 9000))
    assert (server.run_id, server.failover) == ("b", True)


@pytest.mark.parametrize("said", [None, b"", "run_id\r\n:::", b"\xff\xfe"])
def test_a_server_that_does_not_tell_changes_nothing(clock: list[float], said: object) -> None:
    server = heard("a")
    server.identify(said)  # type: ignore[arg-type]
    assert (server.run_id, server.failover) == ("a", False)
