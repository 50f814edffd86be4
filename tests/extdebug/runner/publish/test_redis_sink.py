import pytest
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)

from extdebug.runner.publish.commands import pack
from extdebug.runner.publish.redis_sink import (
    RedisSink,
    Uncertain,
    Unreachable,
    needs_another_connection,
    passing,
)
from tests.fixtures.programs import free_port, wait_until
from tests.fixtures.sentinels import Sentinels


def xadd(key: str = "ext-debug:a:b") -> bytes:
    return pack(key, ["message", "x"], src=None, maxlen=1000).command


@pytest.fixture
def sink(redis_server):
    made = RedisSink(redis_server.url, reply_timeout=2.0)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("error", "passes", "elsewhere"),
    [
        (OutOfMemoryError("command not allowed"), True, False),
        (NoPermissionError("no permissions"), True, False),
        (ResponseError("MISCONF Redis is configured to save"), True, False),
        (ResponseError("BUSY Redis is busy"), True, False),
        (ResponseError("NOREPLICAS Not enough good replicas"), True, True),
        (ResponseError("WRONGTYPE Operation against"), True, False),
        (ReadOnlyError("a replica"), True, True),
        (BusyLoadingError("loading"), True, True),
        (AuthenticationError("Authentication required."), True, True),
        (MovedError("12 10.0.0.1:6379"), True, True),
        (ResponseError("ERR unknown command"), False, False),
    ],
)
def test_what_passes_and_what_another_connection_may_solve(error, passes, elsewhere):
    assert (passing(error), needs_another_connection(error)) == (passes, elsewhere)


def test_nobody_there_is_unreachable():
    nobody = RedisSink(f"redis://:secret@127.0.0.1:{free_port()}/0", reply_timeout=1.0)
    with pytest.raises(Unreachable) as caught:
        nobody.connect()
    assert "secret" not in str(caught.value)
    with pytest.raises(Unreachable):
        nobody.write([xadd()])


@pytest.mark.redis
def test_a_connection_is_made_once_and_again_after_the_server_closed_it(redis_server, sink):
    assert sink.connect()
    assert not sink.connect()
    with redis_server.client() as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert sink.connect()
    sink.probe("ext-debug:probe")
    (written,) = sink.write([xadd()])
    assert b"-" in written


@pytest.mark.redis
def test_each_command_has_its_answer_whatever_the_others_are_told(redis_server, sink):
    with redis_server.client() as client:
        client.set("wrong", "type")
    sink.connect()
    good, bad, after = sink.write([xadd(), xadd("wrong"), xadd()])
    assert isinstance(bad, ResponseError)
    assert isinstance(good, bytes)
    assert isinstance(after, bytes)


@pytest.mark.redis
@pytest.mark.parametrize("how", ["requirepass", "loading"])
def test_an_answer_that_the_library_takes_for_a_broken_connection_is_an_answer(
    redis_server_factory, how
):
    server = redis_server_factory()
    sink = RedisSink(server.url, reply_timeout=5.0)
    with server.client() as client, server.client() as second:
        if how == "requirepass":
            client.config_set("requirepass", "secret")
            sink.connect()
        else:
            sink.connect()
            client.execute_command("DEBUG", "POPULATE", 3000)
            client.config_set("loading-process-events-interval-bytes", 1024)
            client.config_set("key-load-delay", 500)
            connection = second.connection_pool.get_connection()
            connection.send_command("DEBUG", "RELOAD")
            wait_until(lambda: loading(server), what="the loading")
        answers = sink.write([xadd()] * 3)
        assert [type(each) for each in answers] == [
            AuthenticationError if how == "requirepass" else BusyLoadingError
        ] * 3
        with pytest.raises(Unreachable):
            sink.probe("ext-debug:probe")
        if how == "requirepass":
            client.config_set("requirepass", "")
    sink.close()


def loading(server) -> bool:
    with server.client() as client:
        return bool(client.info("persistence")["loading"])


def connect_twice(sink: RedisSink) -> None:
    """The first may still have room when an earlier connection has not ended yet."""
    for _ in range(2):
        sink.connect()
        sink.probe("ext-debug:probe")
        sink.close()


@pytest.mark.redis
def test_a_full_server_turns_a_connection_away_before_anything_is_sent(redis_server, sink):
    with redis_server.client() as client:
        client.ping()
        client.config_set("maxclients", 1)
        with pytest.raises(Unreachable):
            connect_twice(sink)
        client.config_set("maxclients", 100)
    assert not sink.connected


@pytest.mark.redis
def test_a_connection_that_ends_under_a_batch_is_uncertain(redis_server, sink):
    sink.connect()
    with redis_server.paused(), pytest.raises(Uncertain) as caught:
        sink.write([xadd()] * 2)
    assert caught.value.results == []
    assert not sink.connected


def test_a_master_that_was_replaced_is_left_between_two_batches(one_sentinel: Sentinels) -> None:
    first, second = one_sentinel.servers[0], one_sentinel.server()
    sink = RedisSink(one_sentinel.name("published", first), reply_timeout=2.0)

    def is_another() -> bool:
        sink._ask_at = 0.0  # not in two seconds
        return sink.connect()

    assert is_another()
    sink.probe("here")  # reads what TLS sent by itself, which would look like a closed connection
    assert not is_another(), "it is master still"
    one_sentinel.name("published", second)
    wait_until(is_another, what="the next master")
    sink.write([xadd("here")])
    sink.close()
    with first.client() as old, second.client() as new:
        assert (old.exists("here"), new.exists("here")) == (0, 1)
