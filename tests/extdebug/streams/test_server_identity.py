"""Which Redis answers: the same one, the same one restarted, or another; and since when."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from extdebug.streams.server_identity import LONG_MS, ServerIdentity
from tests.fixtures.programs import wait_until
from tests.fixtures.redis import RedisServer

NOW = 1_700_000_000.4  # seconds since 1970


class Clock:
    """Time as one process and one server see it."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.ahead = 0.0  # of the server's, in seconds

    def wall(self) -> float:
        return NOW + self.passed + self.ahead

    def monotonic(self) -> float:
        return 1000.0 + self.passed


@pytest.fixture
def clock() -> Clock:
    return Clock()


def info(run_id: str, uptime: int, clock: Clock | None = None) -> bytes:
    text = f"# Server\r\nrun_id:{run_id}\r\nuptime_in_seconds:{uptime}\r\n"
    if clock is not None:
        text += f"server_time_usec:{int((NOW + clock.passed) * 1_000_000)}\r\n"
    return text.encode()


def heard(run_id: str, clock: Clock) -> ServerIdentity:
    server = ServerIdentity(clock=clock.wall, monotonic=clock.monotonic)
    server.identify(info(run_id, 500, clock))
    server.heard()
    return server


def test_the_same_server_is_no_failover(clock: Clock) -> None:
    server = heard("a", clock)
    began = server.began_ms
    clock.passed += 30
    server.broke()
    server.identify(info("a", 530, clock))
    assert (server.run_id, server.failover, server.began_ms) == ("a", False, began)


def test_one_that_started_while_we_were_away_was_restarted(clock: Clock) -> None:
    server = heard("a", clock)
    clock.passed += 5
    server.identify(info("b", 3, clock))
    assert (server.run_id, server.failover) == ("b", False)


def test_one_that_was_up_all_the_while_is_another(clock: Clock) -> None:
    server = heard("a", clock)
    clock.passed += 5
    server.identify(info("b", 9000, clock))
    assert (server.run_id, server.failover) == ("b", True)


@pytest.mark.parametrize("said", [None, b"", "run_id\r\n:::", b"\xff\xfe"])
def test_a_server_that_does_not_tell_changes_nothing(
    clock: Clock, said: bytes | str | None
) -> None:
    server = heard("a", clock)
    began = server.began_ms
    server.identify(said)
    assert (server.run_id, server.failover, server.began_ms) == ("a", False, began)


def test_without_a_break_the_run_began_in_the_second_that_its_uptime_names(clock: Clock) -> None:
    assert heard("a", clock).began_ms == 1_699_999_500_000
    told = ServerIdentity(clock=clock.wall, monotonic=clock.monotonic)
    told.identify(info("a", 500))
    assert told.began_ms == 1_699_999_500_000, "by our clock where the server names no time"


def test_between_the_last_answer_and_the_break_that_we_saw_both_runs_may_have_written(
    clock: Clock,
) -> None:
    server = heard("a", clock)
    clock.passed += 10.0
    server.heard()
    clock.passed += 0.125
    server.broke()
    clock.passed += 0.25  # 10.4 + .375: the server started within the same second
    server.identify(info("b", 0, clock))
    assert (server.began_ms, server.certain_ms) == (1_700_000_010_400, 1_700_000_010_525)


def test_of_several_failed_tries_the_first_break_counts_until_the_server_answers(
    clock: Clock,
) -> None:
    server = heard("a", clock)
    clock.passed = 10.1
    server.broke()
    clock.passed = 10.4
    server.broke()
    clock.passed = 12.1
    server.identify(info("b", 2, clock))
    assert server.certain_ms == 1_700_000_010_500
    server.heard()
    clock.passed = 20.1
    server.broke()
    server.identify(info("c", 0, clock))
    assert server.certain_ms == 1_700_000_020_500


def test_a_break_seen_late_is_not_taken_for_the_beginning(clock: Clock) -> None:
    """A host that went without a word: the new run had written for four seconds by then."""
    server = heard("a", clock)
    clock.passed = 14.0
    server.broke()
    server.identify(info("b", 4, clock))
    assert (server.began_ms, server.certain_ms) == (1_700_000_010_000, 1_700_000_011_000)


def test_a_restart_after_the_link_was_cut_began_in_the_second_of_its_uptime(clock: Clock) -> None:
    server = heard("a", clock)
    clock.passed = 5.0
    server.broke()
    clock.passed = 14.0
    server.identify(info("b", 2, clock))
    assert (server.began_ms, server.certain_ms) == (1_700_000_012_000, 1_700_000_012_000)


def test_a_clock_ahead_of_the_servers_is_not_believed(clock: Clock) -> None:
    server = heard("a", clock)
    clock.ahead, clock.passed = 5.0, 10.0
    server.broke()
    server.identify(info("b", 0, clock))
    assert (server.began_ms, server.certain_ms) == (1_700_000_010_000, 1_700_000_010_400)


def test_another_server_may_have_taken_writes_until_we_found_it(clock: Clock) -> None:
    server = heard("a", clock)
    clock.passed = 10.0
    server.broke()
    clock.passed = 11.0
    server.identify(info("b", 9000, clock))
    assert server.failover
    assert server.certain_ms == 1_700_000_011_400
    assert server.began_ms == 1_700_000_011_400 - LONG_MS


def test_a_replica_that_was_promoted_before_we_came_took_anothers_place(clock: Clock) -> None:
    server = ServerIdentity(clock=clock.wall, monotonic=clock.monotonic)
    promoted = info("b", 20, clock) + b"master_replid2:5fe1\r\n"
    server.identify(promoted)
    assert (server.failover, server.began_ms) == (True, 1_699_999_980_000)
    assert server.certain_ms == 1_700_000_000_400
    never = ServerIdentity(clock=clock.wall, monotonic=clock.monotonic)
    never.identify(info("b", 20, clock) + b"master_replid2:" + b"0" * 40)
    assert (never.failover, never.certain_ms) == (False, 1_699_999_981_000)


def test_what_a_busy_process_reads_late_was_answered_when_it_was_asked(clock: Clock) -> None:
    """Between question and answer the server may have gone, and the next one begun."""
    server = heard("a", clock)
    clock.passed = 10.2
    asked = clock.monotonic()
    clock.passed = 10.3  # when it gets to the answer
    server.heard(asked)
    clock.passed = 10.4
    server.broke()
    said = info("b", 0, clock)
    asked = clock.monotonic()
    clock.passed = 10.5  # and to what the new one says
    server.identify(said, asked=asked)
    assert (server.began_ms, server.certain_ms) == (1_700_000_010_500, 1_700_000_010_800)


@pytest.mark.parametrize(
    ("received", "failover"), [("9120", True), ("0", False)], ids=["replica", "restored"]
)
def test_a_replica_younger_than_our_silence_took_anothers_place(
    clock: Clock, received: str, failover: bool
) -> None:
    """Its uptime, in whole seconds, cannot tell; what it got from a master can."""
    server = heard("a", clock)
    clock.passed += 0.1
    server.broke()
    text = f"role:master\r\nmaster_replid2:5fe1\r\ntotal_net_repl_input_bytes:{received}\r\n"
    server.identify(info("b", 1, clock) + text.encode())
    assert server.failover is failover


def sections(server: RedisServer) -> bytes:
    with server.client() as client:
        told = client.execute_command("INFO", "server", "replication", "stats")
    return "\r\n".join(f"{name}:{value}" for name, value in told.items()).encode()


def test_of_real_servers_a_promoted_replica_is_another_and_one_with_its_dump_is_not(
    redis_server_factory: Callable[..., RedisServer], clock: Clock
) -> None:
    old = redis_server_factory()
    replica = redis_server_factory("--replicaof", f"127.0.0.1 {old.port}")
    with old.client() as client, replica.client() as copy:
        client.set("a", "1")
        wait_until(lambda: copy.get("a") == b"1", what="the replica to catch up")
        first = sections(old)
        copy.execute_command("REPLICAOF", "NO", "ONE")
        wait_until(
            lambda: not client.info("persistence")["rdb_bgsave_in_progress"],
            what="the replica's copy",
        )
        client.execute_command("SAVE")
    promoted = ServerIdentity()
    promoted.identify(first)
    promoted.identify(sections(replica))
    assert promoted.failover
    old.kill9()
    old.start()
    restored = ServerIdentity()
    restored.identify(first)
    told = sections(old)
    assert b"master_replid2:" + b"0" * 40 not in told, "it goes on from the dump's replication id"
    restored.identify(told)
    assert not restored.failover


# --- who gave us away


def test_who_gave_us_to_a_node_that_we_meet_is_where_we_come_from(clock: Clock) -> None:
    server = heard("a", clock)
    clock.passed += 1
    server.gave("node-b")
    server.identify(info("b", 500, clock), node="node-b")
    assert (server.run_id, server.moved_from) == ("b", ("a",))


@pytest.mark.parametrize(
    ("heir", "node", "uptime", "silent"),
    [
        ("", "", 500, 1.0),  # no cluster
        ("", "node-b", 500, 1.0),  # it did not say so
        ("node-b", "node-c", 500, 1.0),  # that one was replaced meanwhile
        ("node-b", "node-b", 2, 1.0),  # or it started again, and may have forgotten
        ("node-b", "node-b", 500, 6.0),  # so long ago that anything may have happened
    ],
)
def test_without_proof_nobody_gave_us_away(
    clock: Clock, heir: str, node: str, uptime: int, silent: float
) -> None:
    server = heard("a", clock)
    clock.passed += silent
    server.gave(heir)
    server.identify(info("b", uptime, clock), node=node)
    assert server.moved_from == ()


def test_a_word_counts_for_the_next_server_alone(clock: Clock) -> None:
    server = heard("a", clock)
    server.gave("node-b")
    server.identify(info("a", 500, clock), node="node-a")  # it was too early: still the same one
    server.identify(info("b", 500, clock), node="node-b")
    assert server.moved_from == ()
    server.gave("node-c")
    server.gave("")  # the connection broke before we met it
    server.identify(info("c", 500, clock), node="node-c")
    assert server.moved_from == ()
