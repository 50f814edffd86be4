"""An outage is one line of the log; whatever else a library says passes as it is."""

from __future__ import annotations

import logging

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from config.log_filters import AGAIN, Outages


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def outages(time: Time) -> Outages:
    return Outages(clock=time)


def record(
    error: BaseException | None, *, name: str = "channels_redis.pubsub"
) -> logging.LogRecord:
    info = None if error is None else (type(error), error, None)
    return logging.LogRecord(
        name, logging.ERROR, "pubsub.py", 1, "Unexpected exception in %s", ("receive task",), info
    )


@pytest.mark.parametrize(
    "error",
    [RedisConnectionError("refused"), ConnectionResetError("refused"), TimeoutError("refused")],
)
def test_an_outage_is_one_warning_without_a_traceback(outages: Outages, error: Exception) -> None:
    one = record(error)
    assert outages.filter(one)
    line = logging.Formatter("{levelname} {message}", style="{").format(one)
    assert line == (
        f"WARNING Unexpected exception in receive task: {type(error).__name__}: refused"
    )


def test_the_same_outage_is_told_again_only_after_a_while(outages: Outages, time: Time) -> None:
    assert outages.filter(record(RedisConnectionError("a")))
    assert not outages.filter(record(RedisConnectionError("b")))
    assert outages.filter(record(TimeoutError("another kind")))
    assert outages.filter(record(RedisConnectionError("a"), name="channels_redis.core"))
    time.now += AGAIN
    assert outages.filter(record(RedisConnectionError("c")))


@pytest.mark.parametrize("error", [None, ValueError("a fault of ours")])
def test_what_is_no_outage_passes_with_its_traceback(
    outages: Outages, error: Exception | None
) -> None:
    for _ in range(2):
        one = record(error)
        before = dict(vars(one))
        assert outages.filter(one)
        assert vars(one) == before
