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
    parts = {"output": Output.STDOUT, "level": Level.INFO, "fields": None, "told": False, **options}
    return Captured(
        "boot.1", n, 0, FLOW, parts["output"], parts["level"], message, parts["fields"], False,
        True, parts["told"],
    )  # fmt: skip


class Stream:
    """Offers lines to a limiter and keeps what comes out: numbers, and counts of losses."""

    def __init__(self, rate: float, **options: bool) -> None:
        self.limiter = RateLimiter(rate, src="boot.1", **options)
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
        {"message": b"FATAL disk full"},
        {"message": b"2026-01-31 09:30:00,123 ERROR app: disk full"},
        {"message": b"E0131 09:30:00.123456 1 disk.go:12] full"},
        {"message": b"Traceback (most recent call last):\n  File x\nKeyError: 1"},
        {"message": b'{"level": "error", "message": "FATAL disk full"}'},
        {"message": b'{"msg":"x","level":60}'},
        {"output": Output.LOG, "level": Level.ERROR, "message": "disk full"},
        {"output": Output.LOG, "message": "finished: 200", "told": True},
    ],
)
def test_errors_and_what_the_host_tells_pass_at_once_with_lines_before_them(options):
    stream = Stream(400)
    for _ in range(9000):
        stream.say(100.0)
    stream.say(100.0, **options)
    lost, *last = stream.out[400:]
    # Half of a reserve of 20 or 10 pays for lines before it.
    before = 9 if states_it(options) else 4
    assert (lost, last) == (f"lost {8600 - before}", list(range(9001 - before, 9002)))


def states_it(options: dict[str, Any]) -> bool:
    message = options.get("message", "")
    return message[:1] == b"{" or (options.get("output") is Output.LOG and "told" not in options)


STDERR: dict[str, Any] = {"output": Output.STDERR, "level": Level.ERROR}


@pytest.mark.parametrize(
    ("message", "options"),
    [
        (b"an ordinary line", {}),
        (b"INFO: no error here", {}),
        (b"errors: 0", {}),
        (b'{"level":"info","message":"error"}', {}),
        (b"INFO:app:started", STDERR),
        (b'{"level":"info","message":"error"}', STDERR),
    ],
)
def test_a_line_that_says_another_level_has_no_reserve(message: bytes, options: dict[str, Any]):
    stream = Stream(200)
    for _ in range(2000):
        stream.say(100.0, message, **options)
    assert len(stream.out) == 200


def test_without_guesses_the_output_alone_decides():
    stream = Stream(200, guess=False)
    for _ in range(300):
        stream.say(100.0)
    stream.say(100.0, b"FATAL disk full")
    assert len(stream.out) == 200
    stream.say(100.0, b"INFO: started", output=Output.STDERR, level=Level.ERROR)
    assert stream.out[-1] == 302


def test_what_a_guest_says_of_an_end_has_no_reserve():
    stream = Stream(200)
    for _ in range(9000):
        stream.say(100.0)
    stream.say(100.0, output=Output.LOG, fields={"event": "end", "execution": "end 200 1"})
    assert stream.out[200:] == []


FLOODS: dict[str, Any] = {
    "stderr": {"output": Output.STDERR, "level": Level.ERROR},
    "prefix": {"message": b"ERROR again"},
    "stated": {"message": b'{"level":"error","message":"again"}'},
    "host": {"told": True, "output": Output.LOG},
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_errors_is_one_loss_too(flood: str):
    stream = Stream(200)
    for _ in range(5000):
        stream.say(100.0, **FLOODS[flood])
    stream.end()
    assert sum(isinstance(each, str) for each in stream.out) == 1
    assert stream.out[:205] == list(range(1, 206))


@pytest.mark.parametrize(
    ("flood", "kept"),
    [
        ("stderr", "stated"), ("stderr", "host"), ("prefix", "stated"), ("prefix", "host"),
        ("stated", "host"), ("host", "stated"),
    ],
)  # fmt: skip
def test_no_flood_of_one_kind_costs_another_its_reserve(flood: str, kept: str):
    stream = Stream(200)
    for _ in range(9000):
        stream.say(100.0, **FLOODS[flood])
    stream.say(100.0, **FLOODS[kept])
    assert stream.out[-1] == 9001
    for _ in range(9000):
        stream.say(100.0, **FLOODS[flood])
    assert 9001 in stream.out


def test_the_lines_before_an_error_leave_room_for_more_errors():
    stream = Stream(2000)
    passed = 0
    for number in range(9000):
        if number > 2000 and number % 140 == 0:
            stream.say(100.0, level=Level.ERROR, output=Output.LOG, message="failed")
            passed += stream.out[-1] == stream.n
        else:
            stream.say(100.0)
    assert passed == 50  # of 50: a reserve of 100, half of it for lines before them


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
    most = rate + rate * span + (5 + rate / 20 * span) + 2 * (5 + rate / 40 * span) + 3
    assert sum(isinstance(each, int) for each in stream.out) <= max(1.0, most)
