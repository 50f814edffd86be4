import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from extdebug.runner.config import PublisherConfig
from extdebug.runner.context import RequestFlow
from extdebug.runner.publish.publisher import Publisher
from extdebug.wire.events import Level, Output
from extdebug.wire.keys import stream_key
from tests.extdebug.runner.ledger import book, read_stream
from tests.fixtures.programs import free_port, wait_until
from tests.fixtures.redis import RedisServer
from tests.fixtures.runner import NoRedaction

FLOW = RequestFlow.of("acme", extension="invoice-sync", install="inst-acme", request="r-1")
OTHER = RequestFlow.of("globex", extension="invoice-sync", install="inst-globex", request="r-2")

Make = Callable[..., Publisher]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Publisher] = []

    def build(url: str | None = None, **options: Any) -> Publisher:
        options = {"redis_url": url, "rate": 0.0, "mirror": False, **options}
        redaction = options.pop("redaction", NoRedaction())
        made.append(Publisher(PublisherConfig(**options), redaction=redaction))
        return made[-1]

    yield build
    for publisher in made:
        publisher.close(0.2)


def say(
    publisher: Publisher, message: str | bytes, flow: RequestFlow = FLOW, **options: Any
) -> None:
    publisher.emit(flow, Output.LOG, Level.INFO, message, **options)


def entries(server: RedisServer, flow: RequestFlow = FLOW) -> list:
    with server.client() as client:
        key = stream_key("ext-debug:", *flow.stream)
        return read_stream(client, key, tenant=flow.tenant, extension=flow.extension)


def wait_for_entries(server: RedisServer, flow: RequestFlow, *, count: int) -> None:
    wait_until(lambda: len(entries(server, flow)) == count, what=f"{count} entries")


@pytest.mark.redis
def test_events_arrive_in_order_numbered_and_with_their_context(redis_server, make):
    publisher = make(redis_server.url)
    for number in range(1000):
        say(publisher, f"line {number}")
    say(publisher, "elsewhere", OTHER)
    assert publisher.flush(10)
    read = entries(redis_server)
    assert [event.message for event, _ in read] == [f"line {n}" for n in range(1000)]
    assert [origin.n for _, origin in read] == list(range(1, 1001))
    event = read[0][0]
    assert (event.tenant_id, event.extension_id) == ("acme", "invoice-sync")
    assert (event.install_id, event.request_id) == ("inst-acme", "r-1")
    assert event.marks == ()
    assert [event.message for event, _ in entries(redis_server, OTHER)] == ["elsewhere"]


@pytest.mark.redis
def test_the_stream_is_trimmed_to_about_its_length(redis_server, make):
    publisher = make(redis_server.url, maxlen=200)
    for number in range(2000):
        say(publisher, str(number))
    assert publisher.flush(10)
    with redis_server.client() as client:
        assert 200 <= int(client.xlen("ext-debug:acme:invoice-sync")) <= 400


@pytest.mark.redis
def test_what_is_lost_while_redis_is_away_is_stated_to_the_unit(redis_server, make):
    publisher = make(redis_server.url, lane_events=50)
    say(publisher, "first")
    assert publisher.flush(5)
    redis_server.stop()
    for number in range(500):
        say(publisher, str(number))
    wait_until(lambda: publisher.stats()["queued"] == 0, what="the prepare stage")
    redis_server.start()
    say(publisher, "last")
    wait_until(lambda: publisher.flush(1), what="Redis again")
    read = entries(redis_server)
    (ledger,) = book(read).values()
    assert ledger.messages[-1] == "last"
    assert len(ledger.delivered) + ledger.holes == publisher.stats()["emitted"]
    assert ledger.repeated == 0
    # "first" went with the restart; every other hole is stated by a marker.
    assert publisher.stats()["uncertain"] == 0
    assert ledger.stated == ledger.holes - 1
    assert sum(publisher.stats()["lost"].values()) == ledger.stated


@pytest.mark.redis
def test_a_marker_comes_as_soon_as_redis_takes_it_even_if_nothing_follows(redis_server, make):
    publisher = make(redis_server.url, rate=10.0)
    for number in range(100):
        say(publisher, str(number))
    assert publisher.flush(5)
    (ledger,) = book(entries(redis_server)).values()
    assert (ledger.delivered, ledger.stated) == ([*range(1, 11), 100], 89)
    assert publisher.stats()["lost"] == {"rate_limited": 89}


@pytest.mark.redis
def test_a_stopped_redis_costs_the_guest_nothing_and_nothing_is_written_twice(redis_server, make):
    publisher = make(redis_server.url, reply_timeout=1.0)
    say(publisher, "before")
    assert publisher.flush(5)
    with redis_server.paused():
        started = time.perf_counter()
        for number in range(2000):
            say(publisher, str(number))
        took = time.perf_counter() - started
        # Long enough for the reply to time out with a batch in flight.
        wait_until(lambda: publisher.stats()["uncertain"], seconds=10, what="the timeout")
    say(publisher, "after")
    wait_until(lambda: publisher.flush(1), what="Redis again")
    assert took < 1.0
    (ledger,) = book(entries(redis_server)).values()
    assert ledger.repeated == 0
    # What the server read of the abandoned batch before it saw the end is there; the numbers
    # tell the rest.
    assert len(ledger.delivered) + ledger.holes == 2002
    assert ledger.holes <= publisher.stats()["uncertain"]
    assert ledger.delivered == sorted(ledger.delivered)
    assert ledger.messages[-1] == "after"


@pytest.mark.redis
def test_a_redis_that_freezes_and_comes_back_in_time_loses_nothing(redis_server, make):
    publisher = make(redis_server.url)
    say(publisher, "before")
    assert publisher.flush(5)
    with redis_server.paused():
        for number in range(2000):
            say(publisher, str(number))
        wait_until(lambda: publisher.stats()["unsent"] > 1000, what="the queue")
    assert publisher.flush(10)
    (ledger,) = book(entries(redis_server)).values()
    assert (len(ledger.delivered), ledger.holes, ledger.repeated) == (2001, 0, 0)


@pytest.mark.redis
def test_a_broken_connection_with_nothing_after_it_is_followed_by_a_line(redis_server, make):
    publisher = make(redis_server.url, reply_timeout=1.0)
    say(publisher, "before")
    assert publisher.flush(5)
    redis_server.pause()
    say(publisher, "in flight")
    wait_until(lambda: publisher.stats()["uncertain"], seconds=10, what="the timeout")
    redis_server.kill9()
    redis_server.start()
    wait_until(lambda: publisher.flush(1) and publisher.stats()["connected"], what="Redis again")
    read = entries(redis_server)
    assert "lost its connection" in read[-1][0].message
    assert read[-1][1].n == 3


@pytest.mark.redis
def test_an_out_of_memory_redis_gets_the_events_later(redis_server, make):
    with redis_server.client() as client:
        client.config_set("maxmemory", "1")
        publisher = make(redis_server.url)
        for number in range(20):
            say(publisher, str(number))
        wait_until(lambda: publisher.stats()["failures"] > 1, what="refusals")
        client.config_set("maxmemory", "0")
    wait_until(lambda: publisher.flush(1), what="the queue to empty")
    (ledger,) = book(entries(redis_server)).values()
    assert ledger.messages == [str(n) for n in range(20)]
    assert (ledger.holes, ledger.stated) == (0, 0)


@pytest.mark.redis
def test_the_documented_acl_is_enough(redis_server, make):
    with redis_server.client() as client:
        client.execute_command(
            "ACL", "SETUSER", "runner", "on", ">pass word", "~ext-debug:*", "+xadd", "+xlen"
        )
        client.execute_command("ACL", "SETUSER", "default", "off")
        url = f"redis://runner:pass%20word@127.0.0.1:{redis_server.port}/0"
        publisher = make(url)
        say(publisher, "allowed")
        assert publisher.flush(5)
        client.execute_command("ACL", "SETUSER", "default", "on")
    assert [event.message for event, _ in entries(redis_server)] == ["allowed"]


@pytest.mark.redis
def test_one_refused_stream_does_not_stop_the_others(redis_server, make):
    with redis_server.client() as client:
        client.set("ext-debug:acme:invoice-sync", "not a stream")
    publisher = make(redis_server.url)
    for number in range(10):
        say(publisher, str(number))
        say(publisher, str(number), OTHER)
        wait_for_entries(redis_server, OTHER, count=number + 1)
    stats = publisher.stats()
    assert (stats["unsent"], stats["refused_streams"], stats["lost"]) == (10, 1, {})
    with redis_server.client() as client:
        client.delete("ext-debug:acme:invoice-sync")
    assert publisher.flush(10)
    assert [event.message for event, _ in entries(redis_server)] == [str(n) for n in range(10)]


def test_without_redis_events_are_mirrored_and_nothing_piles_up(make, caplog):
    caplog.set_level(logging.DEBUG, logger="ext")
    publisher = make(None, mirror=True)
    say(publisher, "two\nlines \x1b[31m")
    publisher.line(FLOW, Output.STDERR, b"bad \xff", False)
    assert publisher.flush(5)
    logged = [(record.name, record.getMessage()) for record in caplog.records]
    assert logged == [
        ("ext.log", "[acme:invoice-sync inst-acme r-1] two\\nlines \\x1b[31m"),
        ("ext.stderr", "[acme:invoice-sync inst-acme r-1] bad \ufffd"),
    ]
    assert publisher.stats()["queued"] == 0


def test_a_redis_that_is_not_there_never_blocks_or_raises(make):
    publisher = make(f"redis://127.0.0.1:{free_port()}/0", lane_events=100)
    started = time.perf_counter()
    for number in range(5000):
        say(publisher, f"{number}")
    assert time.perf_counter() - started < 2.0
    wait_until(lambda: publisher.stats()["queued"] == 0, what="the prepare stage")
    stats = publisher.stats()
    assert stats["unsent"] == 100
    assert sum(stats["lost"].values()) == 4900
    assert publisher.close(0.1) == 100


def test_what_fields_hold_counts_in_the_queue(make):
    publisher = make(f"redis://127.0.0.1:{free_port()}/0", lane_bytes=64 * 1024)
    flow = RequestFlow.of("acme", extension="invoice-sync")
    for weight in (0, 70_000):
        publisher.emit(flow, Output.LOG, Level.INFO, "x", fields={"a": "b"}, weight=weight)
    assert publisher.stats()["lost"]["queue_full"] in (1, 2), "the first may have been taken"


def test_what_was_not_published_is_known_by_cause(make):
    publisher = make(f"redis://127.0.0.1:{free_port()}/0", lane_events=100, rate=1000.0)
    for number in range(1500):
        say(publisher, f"{number}")
    wait_until(lambda: publisher.trouble is not None, what="the failure")
    assert publisher.close(0.5) == 100
    missing = publisher.unpublished()
    assert sum(missing.values()) == 1500
    assert (set(missing), missing["unsent"]) == ({"rate_limited", "queue_full", "unsent"}, 100)
    assert "nobody listens on this port" in (publisher.trouble or "")


def test_without_redis_nothing_counts_as_missing(make):
    publisher = make(None)
    say(publisher, "a")
    assert (publisher.close(), publisher.unpublished(), publisher.trouble) == (0, {}, None)


@pytest.mark.redis
def test_a_broken_event_counts_as_missing_too(redis_server, make):
    class Broken(NoRedaction):
        def apply(self, flow, output, day, message, fields):
            raise RuntimeError("rule")

    publisher = make(redis_server.url, redaction=Broken())
    say(publisher, "a")
    assert publisher.close(5) == 0
    assert publisher.unpublished() == {"unprepared": 1}


def test_a_noisy_stream_does_not_cost_a_quiet_one(make):
    publisher = make(
        f"redis://127.0.0.1:{free_port()}/0", lane_events=10**6, lane_bytes=10**9,
        total_bytes=200_000,
    )  # fmt: skip
    say(publisher, "quiet", OTHER)
    for _ in range(3000):
        say(publisher, "noise " * 20)
    wait_until(lambda: publisher.stats()["queued"] == 0, what="the prepare stage")
    assert publisher._sender is not None
    sizes = publisher._sender._lanes.sizes()
    assert sizes[OTHER.stream][0] == 1
    assert publisher.stats()["unsent_bytes"] <= 200_000


@pytest.mark.redis
def test_threads_share_one_numbering(redis_server, make):
    publisher = make(redis_server.url)
    threads = [
        threading.Thread(target=lambda: [say(publisher, "x") for _ in range(500)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert publisher.flush(10)
    (ledger,) = book(entries(redis_server)).values()
    assert ledger.delivered == list(range(1, 4001))


@pytest.mark.redis
def test_an_event_that_cannot_be_prepared_is_a_stated_loss(redis_server, make):
    class Broken(NoRedaction):
        def apply(self, flow, output, day, message, fields):
            if message == "bad":
                raise RuntimeError("rule")
            return message, fields, ()

    publisher = make(redis_server.url, redaction=Broken())
    for message in ("a", "bad", "b"):
        say(publisher, message)
    assert publisher.flush(5)
    (ledger,) = book(entries(redis_server)).values()
    assert (ledger.messages, ledger.stated) == (["a", "b"], 1)


@pytest.mark.redis
def test_secrets_are_masked_before_anything_leaves_or_is_cut(redis_server, make, caplog):
    caplog.set_level(logging.DEBUG, logger="ext")
    publisher = make(redis_server.url, mirror=True, max_event_bytes=64, redaction=None)
    secret = "hunter2hunter2hunter2hunter2"
    say(publisher, "x" * 40 + f" password={secret}")
    for line in (
        "-----BEGIN RSA PRIVATE KEY-----",
        "MIIEpAIBAAKCAQEA7bq0",
        "-----END RSA PRIVATE KEY-----",
    ):
        publisher.line(FLOW, Output.STDOUT, line.encode(), False)
    assert publisher.flush(5)
    read = entries(redis_server)
    everything = " ".join(event.message for event, _ in read) + caplog.text
    assert "hunter2" not in everything
    assert "MIIEpAIBAAKCAQEA7bq0" not in everything
    assert all(event.redacted for event, _ in read)


@pytest.mark.redis
def test_odd_text_fields_and_lengths_become_valid_entries(redis_server, make):
    publisher = make(redis_server.url, max_event_bytes=100)
    say(publisher, "lone \ud800 surrogate")
    say(publisher, "✓" * 100)
    say(publisher, "x" * 200_000)
    say(publisher, "fields", fields={"n": float("nan"), "o": object(), "deep": {"a": {"b": [1]}}})
    publisher.line(FLOW, Output.STDERR, b"", False)
    assert publisher.flush(5)
    read = [event for event, _ in entries(redis_server)]
    assert [event.truncated for event in read] == [False, True, True, False, False]
    assert read[1].message == "✓" * 33
    assert len(read[2].message) == 100
    assert read[3].fields is not None
    assert read[4].message == ""
