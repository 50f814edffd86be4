"""Every refusal that passes, under traffic, on a real redis-server: order kept, counts exact."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import pytest

from extdebug.runner.config import PublisherConfig
from extdebug.runner.context import RequestFlow
from extdebug.runner.publish.publisher import Publisher
from extdebug.wire.events import Level, Output
from extdebug.wire.keys import stream_key
from tests.extdebug.runner.ledger import read_stream
from tests.fixtures.programs import free_port, wait_until
from tests.fixtures.redis import RedisServer
from tests.fixtures.runner import NoRedaction

pytestmark = pytest.mark.redis
FLOWS: Final = [RequestFlow.of(tenant, extension="x") for tenant in ("acme", "globex", "initech")]
KEYS: Final = [stream_key("ext-debug:", *flow.stream) for flow in FLOWS]

Refuse = Callable[[RedisServer], Any]  # -> context manager: refuses inside, well after


@contextmanager
def settings(server: RedisServer, name: str, bad: str, good: str) -> Iterator[None]:
    with server.client() as client:
        client.config_set(name, bad)
        yield
        client.config_set(name, good)


def out_of_memory(server: RedisServer) -> Any:
    return settings(server, "maxmemory", "1", "0")


def too_few_replicas(server: RedisServer) -> Any:
    return settings(server, "min-replicas-to-write", "1", "0")


@contextmanager
def read_only(server: RedisServer) -> Iterator[None]:
    with server.client() as client:
        client.execute_command("REPLICAOF", "127.0.0.1", "1")
        yield
        client.execute_command("REPLICAOF", "NO", "ONE")


@contextmanager
def cannot_save(server: RedisServer) -> Iterator[None]:
    (server.folder / "dump.rdb").mkdir()
    with server.client() as client:
        client.config_set("save", "3600 1000000")
        client.execute_command("BGSAVE")
        wait_until(
            lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err", what="bgsave"
        )
        yield
        client.config_set("stop-writes-on-bgsave-error", "no")
        client.config_set("save", "")  # or it refuses to shut down


@contextmanager
def not_permitted(server: RedisServer) -> Iterator[None]:
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "-xadd")
        yield
        client.execute_command("ACL", "SETUSER", "default", "+xadd")


@contextmanager
def another_type(server: RedisServer) -> Iterator[None]:
    with server.client() as client:
        for key in KEYS:
            with client.pipeline(transaction=True) as both:
                both.rename(key, f"aside-{key}").set(key, "text").execute()
        yield
        for key in KEYS:
            with client.pipeline(transaction=True) as both:
                both.rename(f"aside-{key}", key).execute()


@contextmanager
def busy_with_a_script(server: RedisServer) -> Iterator[None]:
    with server.client() as client, server.client() as other:
        client.config_set("busy-reply-threshold", "5")
        connection = other.connection_pool.get_connection()
        connection.send_command("EVAL", "while true do end", "0")
        yield
        client.execute_command("SCRIPT", "KILL")


@contextmanager
def loading(server: RedisServer) -> Iterator[None]:
    with server.client() as client, server.client() as other:
        client.execute_command("DEBUG", "POPULATE", "3000")
        client.config_set("loading-process-events-interval-bytes", "1024")
        client.config_set("key-load-delay", "400")
        connection = other.connection_pool.get_connection()
        connection.send_command("DEBUG", "RELOAD")
        yield
        connection.read_response(timeout=30)


@contextmanager
def cluster_down(server: RedisServer) -> Iterator[None]:
    with server.client() as client:
        client.execute_command("CLUSTER", "DELSLOTS", "0")
        wait_until(lambda: not cluster_well(client), what="the cluster to be down")
        yield
        client.execute_command("CLUSTER", "ADDSLOTS", "0")
        wait_until(lambda: cluster_well(client), what="the cluster")


def cluster_well(client: Any) -> bool:
    return "cluster_state:ok" in str(client.execute_command("CLUSTER", "INFO"))


class Traffic:
    """Three threads, a stream each, without pause."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._stop = threading.Event()
        self.counts = dict.fromkeys((flow.stream for flow in FLOWS), 0)
        self._threads = [threading.Thread(target=self._run, args=(flow,)) for flow in FLOWS]

    def _run(self, flow: RequestFlow) -> None:
        while not self._stop.is_set():
            for _ in range(40):
                self.counts[flow.stream] += 1
                self._publisher.emit(flow, Output.LOG, Level.INFO, str(self.counts[flow.stream]))
            time.sleep(0.02)

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def account(server: RedisServer, traffic: Traffic) -> int:
    """Reads each stream back: numbers rise, markers fit their holes. Numbers no marker states."""
    silent = 0
    for flow, key in zip(FLOWS, KEYS, strict=True):
        with server.client() as client:
            rows = read_stream(client, key, tenant=flow.tenant, extension="x")
        expected, stated = 1, 0
        for event, origin in rows:
            if origin.lost:
                stated += origin.lost
                continue
            assert origin.n is not None
            assert origin.n >= expected, f"{origin.n} after {expected - 1}"
            hole = origin.n - expected
            assert hole >= stated, f"{stated} stated, {hole} missing before {origin.n}"
            silent += hole - stated
            expected, stated = origin.n + 1, 0
            if "lost its connection" not in event.message:
                assert int(event.message) <= origin.n
        assert stated == 0, "something comes after the last marker"
        assert expected - 1 >= traffic.counts[flow.stream]
    return silent


def play(
    server: RedisServer, rounds: Sequence[Refuse], **options: Any
) -> tuple[Publisher, Traffic]:
    """Traffic before, through and after the refusal, until everything is written or counted."""
    settings = {"rate": 0.0, "mirror": False, "maxlen": 10**6, **options}
    publisher = Publisher(
        PublisherConfig(redis_url=server.url, **settings), redaction=NoRedaction()
    )
    with Traffic(publisher) as traffic:
        wait_until(lambda: publisher.stats()["written"] > 500, what="traffic")
        for refuse in rounds:
            with refuse(server):
                wait_until(lambda: publisher.trouble is not None, what="the refusal")
                # more than a batch for each stream, and more than a lane: markers queue up
                more(publisher, 3000)
            wait_until(lambda: publisher.stats()["unsent"] < 200, what="the queue to empty")
    for flow in FLOWS:
        publisher.emit(flow, Output.LOG, Level.INFO, "1")
    assert publisher.flush(20)
    return publisher, traffic


def more(publisher: Publisher, count: int) -> None:
    before = publisher.stats()["emitted"]
    wait_until(lambda: publisher.stats()["emitted"] - before > count, what="more events")


ROUNDS: Final[dict[str, list[Refuse]]] = {
    "OOM": [out_of_memory] * 2,
    "NOREPLICAS": [too_few_replicas] * 2,
    "READONLY": [read_only] * 2,
    "MISCONF": [cannot_save, out_of_memory],  # it cannot be played twice on one server
    "NOPERM": [not_permitted] * 2,
    "WRONGTYPE": [another_type] * 2,
    "BUSY": [busy_with_a_script] * 2,
}


# With 400 events a lane overflows, so markers wait among what was refused; 10,000 lose nothing.
@pytest.mark.parametrize(
    ("name", "events"), [*((name, 400) for name in ROUNDS), ("OOM", 10_000), ("READONLY", 10_000)]
)
def test_a_refusal_that_passes_keeps_order_and_counts(redis_server, name, events):
    publisher, traffic = play(redis_server, ROUNDS[name], lane_events=events)
    stats = publisher.stats()
    assert account(redis_server, traffic) == 0
    assert stats["uncertain"] == 0
    assert set(stats["lost"]) == ({"queue_full"} if events == 400 else set())
    assert stats["emitted"] == stats["written"] + sum(stats["lost"].values())
    assert publisher.close() == 0


@pytest.mark.parametrize("refuse", [loading, cluster_down])
def test_a_server_that_is_not_ready_keeps_order_and_counts(redis_server_factory, refuse):
    options = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    server = redis_server_factory(*(options if refuse is cluster_down else ()))
    if refuse is cluster_down:
        with server.client() as client:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            wait_until(lambda: cluster_well(client), what="the cluster")
    publisher, traffic = play(server, [refuse] * 2, lane_events=400)
    stats = publisher.stats()
    assert account(server, traffic) == 0
    assert stats["uncertain"] == 0
    assert stats["emitted"] == stats["written"] + sum(stats["lost"].values())
    assert publisher.close() == 0


def test_a_slot_that_is_elsewhere_for_a_while_keeps_order_and_counts(redis_server_factory):
    here, there = (
        redis_server_factory("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
        for _ in range(2)
    )
    with here.client() as client, there.client() as other:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        ports = (there.port, int(other.config_get("cluster-port")["cluster-port"]))
        client.execute_command("CLUSTER", "MEET", "127.0.0.1", *ports)
        wait_until(lambda: cluster_well(client) and cluster_well(other), what="the cluster")
        ours, theirs = (each.execute_command("CLUSTER", "MYID") for each in (client, other))
        slots = [client.execute_command("CLUSTER", "KEYSLOT", key) for key in KEYS]
        for slot in slots:
            client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", theirs)
        publisher = Publisher(
            PublisherConfig(redis_url=here.url, rate=0.0, mirror=False, lane_events=400),
            redaction=NoRedaction(),
        )
        with Traffic(publisher) as traffic:
            wait_until(lambda: "MovedError" in (publisher.trouble or ""), what="MOVED")
            wait_until(lambda: publisher.stats()["emitted"] > 3000, what="a queue")
            for slot in slots:
                client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", ours)
            wait_until(lambda: publisher.stats()["unsent"] < 200, what="the queue to empty")
        for flow in FLOWS:
            publisher.emit(flow, Output.LOG, Level.INFO, "1")
        assert publisher.flush(20)
    assert account(here, traffic) == 0
    assert publisher.close() == 0


def test_a_missing_login_keeps_order_and_counts(redis_server):
    with settings(redis_server, "requirepass", "secret", ""):
        publisher = Publisher(
            PublisherConfig(redis_url=redis_server.url, rate=0.0, mirror=False, lane_events=400),
            redaction=NoRedaction(),
        )
        traffic = Traffic(publisher)
        with traffic:
            wait_until(lambda: publisher.stats()["emitted"] > 3000, what="a queue")
            assert "password is wrong" in (publisher.trouble or "")
    for flow in FLOWS:
        publisher.emit(flow, Output.LOG, Level.INFO, "1")
    assert publisher.flush(20)
    assert account(redis_server, traffic) == 0
    assert publisher.close() == 0


def test_connections_that_break_under_traffic_double_nothing_and_every_hole_is_told(redis_server):
    publisher = Publisher(
        PublisherConfig(redis_url=redis_server.url, rate=0.0, mirror=False), redaction=NoRedaction()
    )
    with Traffic(publisher) as traffic, redis_server.client() as client:
        for _ in range(40):
            time.sleep(0.03)
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    for flow in FLOWS:
        publisher.emit(flow, Output.LOG, Level.INFO, "1")
    assert publisher.flush(20)
    stats = publisher.stats()
    # What no marker states is a hole in the numbers, and at most what was in flight.
    assert account(redis_server, traffic) <= stats["uncertain"]
    assert stats["connects"] > 5
    assert stats["emitted"] == stats["written"] + stats["uncertain"]
    assert publisher.close() == 0
