from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.runner.context import RequestFlow
from extdebug.runner.publish.lane import LaneLoss
from extdebug.runner.publish.rate_limiter import RateLimiter, block_line
from extdebug.runner.publish.redacting_encoder import Captured
from extdebug.wire.events import Level, Output

FLOW = RequestFlow.of("acme", extension="invoice-sync", request="r-1")


def line(n: int, message: bytes | str = b"x", **options: Any) -> Captured:
    parts = {"output": Output.STDOUT, "level": Level.INFO, "fields": None, **options}
    return Captured(
        "boot.1", n, 0, FLOW, parts["output"], parts["level"], message, parts["fields"], False, True
    )


class Stream:
    """Offers lines to a limiter and keeps what comes out: numbers, and counts of losses."""

    def __init__(self, rate: float) -> None:
        self.limiter = RateLimiter(rate, src="boot.1")
        self.n = 0
        self.out: list[int | str] = []
        self.hints: list[object] = []

    def say(self, now: float, message: bytes | str = b"x", **options: Any) -> None:
        self.n += 1
        item = line(self.n, message, **options)
        if self.limiter.admits(now):
            self.out.append(item.n)
        else:
            self._take(self.limiter.limit(item, size=100, now=now))

    def end(self) -> None:
        self._take(self.limiter.release())

    def _take(self, queued: Any) -> None:
        for item, _ in queued:
            if isinstance(item, LaneLoss):
                assert item.src == "boot.1"
                self.out.append(f"lost {item.count}")
                self.hints += item.hints
            else:
                self.out.append(item.n)


def test_a_burst_is_one_loss_with_the_last_lines_after_it():
    stream = Stream(200)
    for _ in range(20_000):
        stream.say(100.0)
    assert stream.out == list(range(1, 201))
    stream.end()
    assert stream.out[200:] == ["lost 19790", *range(19_991, 20_001)]


@pytest.mark.parametrize(
    "options",
    [
        {"level": Level.ERROR, "output": Output.STDERR},
        {"message": b'{"level": "error", "message": "FATAL disk full"}'},
        {"message": b'{"msg":"x","level":60}'},
        {"output": Output.LOG, "fields": {"event": "end"}},
    ],
)
def test_errors_and_the_end_of_an_execution_pass_at_once_with_lines_before_them(options):
    stream = Stream(200)
    for _ in range(9000):
        stream.say(100.0)
    stream.say(100.0, **options)
    # The reserve of 10 pays for the error and 9 lines before it.
    assert stream.out[200:] == ["lost 8791", *range(8992, 9002)]


def test_a_flood_of_errors_is_one_loss_too():
    stream = Stream(200)
    for _ in range(5000):
        stream.say(100.0, level=Level.ERROR)
    stream.end()
    assert sum(isinstance(each, str) for each in stream.out) == 1
    assert stream.out[:210] == list(range(1, 211))


def test_what_was_kept_comes_first_when_the_limit_opens_again():
    stream = Stream(100)
    for _ in range(200):
        stream.say(100.0)
    stream.say(101.5)
    assert stream.out[100:] == ["lost 95", 196, 197, 198, 199, 200, 201]


def test_a_lost_line_of_a_key_block_is_still_known():
    stream = Stream(20)
    for _ in range(20):
        stream.say(100.0)
    stream.say(100.0, b"-----BEGIN RSA PRIVATE KEY-----")
    for _ in range(30):
        stream.say(100.0, b"-----")
    stream.end()
    assert [hint.message for hint in stream.hints] == [  # type: ignore[attr-defined]
        b"-----BEGIN RSA PRIVATE KEY-----"
    ]


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (b"-----BEGIN RSA PRIVATE KEY-----", "begin"),
        ("-----END PRIVATE KEY-----", "end"),
        (b"-----BEGIN CERTIFICATE-----", None),
        ("-----", None),
        (b"PRIVATE KEY", None),
    ],
)
def test_only_lines_of_private_keys_matter_to_later_ones(message, kind):
    assert block_line(line(1, message)) == kind


def test_a_rate_of_zero_is_no_limit():
    stream = Stream(0)
    for _ in range(5000):
        stream.say(100.0)
    assert len(stream.out) == 5000


@given(
    st.lists(
        st.tuples(st.floats(0, 0.5), st.sampled_from([Level.INFO, Level.ERROR])), max_size=300
    ),
    st.sampled_from([1.0, 5.0, 40.0]),
)
def test_every_number_comes_once_or_is_counted_in_its_place(steps, rate):
    stream = Stream(rate)
    now = 100.0
    for pause, level in steps:
        now += pause if pause > 0.4 else 0.001
        stream.say(now, level=level)
    stream.end()
    expected, pending = 1, 0
    for each in stream.out:
        if isinstance(each, str):
            pending += int(each.split()[1])
            continue
        assert each == expected + pending
        expected, pending = each + 1, 0
    assert expected + pending == stream.n + 1
    span = now - 100.0
    most = rate + rate * span + 2 * (5 + rate / 20 * span) + 3
    assert sum(isinstance(each, int) for each in stream.out) <= max(1.0, most)
