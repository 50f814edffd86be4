"""The embedded server does what the console and the runner need of a Redis, quickly."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from extdebug.demo.embedded_redis import embedded_redis

KEY = "ext-debug:acme:invoice-sync"


@pytest.fixture
def client() -> Iterator[redis.Redis]:
    with embedded_redis() as url, redis.Redis.from_url(url, protocol=2) as client:
        yield client


def test_a_pipeline_does_not_wait_for_nagle(client: redis.Redis):
    client.ping()
    began = time.monotonic()
    for _ in range(50):
        pipeline = client.pipeline(transaction=False)
        for number in range(2):
            pipeline.xadd(KEY, {"message": str(number)}, maxlen=1000, approximate=True)
        pipeline.execute()
    assert time.monotonic() - began < 1.5  # 2.2 s with Nagle's algorithm on: 44 ms each


def test_a_blocked_reader_is_woken_by_an_entry(client: redis.Redis):
    got: list[object] = []
    port = client.get_connection_kwargs()["port"]
    with redis.Redis(port=port) as other:
        reader = threading.Thread(
            target=lambda: got.append(other.xread({KEY: "0"}, block=5000)), daemon=True
        )
        reader.start()
        client.xadd(KEY, {"message": "hello"})
        reader.join(5)
    assert got
    assert b"hello" in repr(got).encode()


def test_a_reply_larger_than_the_sockets_buffers_arrives_whole(client: redis.Redis):
    for _ in range(40):
        client.xadd(KEY, {"message": "x" * 200_000})
    entries: Any = client.xrange(KEY)
    assert [len(fields[b"message"]) for _, fields in entries] == [200_000] * 40


def test_streams_are_counted(client: redis.Redis):
    for _ in range(5):
        client.xadd(KEY, {"message": "m"})
    client.xtrim(KEY, maxlen=2, approximate=False)
    information = client.xinfo_stream(KEY)
    assert (information["length"], information["entries-added"]) == (2, 5)


def test_it_ends_with_clients_still_connected():
    with embedded_redis() as url:
        client = redis.Redis.from_url(url)
        client.ping()
        began = time.monotonic()
    assert time.monotonic() - began < 3
    client.close()
