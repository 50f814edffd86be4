from extdebug.runner.context import RequestFlow
from extdebug.runner.publish.capture_lanes import CaptureLanes
from extdebug.runner.publish.lane import Bounds, LaneLoss
from extdebug.runner.publish.rate_limiter import SILENCE
from extdebug.runner.publish.redacting_encoder import Captured
from extdebug.wire.events import Level, Output

FLOW = RequestFlow.of("acme", extension="invoice-sync", request="r-1")


def say(lanes: CaptureLanes, count: int = 1, *, now: float = 100.0, tenant: str = "acme") -> None:
    flow = RequestFlow(tenant=tenant, extension="invoice-sync")
    for _ in range(count):
        with lanes.lock:
            source = lanes.sources.get(flow.stream) or lanes.open(flow.stream)
            source.n += 1
            item = Captured(
                source.src, source.n, 0, flow, Output.STDOUT, Level.INFO, b"x", None, False, True
            )
            if source.limiter.admits(now):
                lanes.put(source.lane, item, 10)
            else:
                lanes.limit(source, item, size=10, now=now)


def drain(lanes: CaptureLanes) -> list[int | str]:
    return [
        f"lost {item.count}" if isinstance(item, LaneLoss) else item.n
        for _, items in lanes.take(events=10_000, size=10**9)
        for _, item in items
    ]


def test_what_the_limit_keeps_comes_when_the_stream_falls_silent():
    lanes = CaptureLanes(Bounds(), boot="b", rate=20)
    say(lanes, 50)
    assert drain(lanes) == list(range(1, 21))
    lanes.settled()
    assert lanes.holding
    assert not lanes.idle()
    lanes.release_silent(100.0 + SILENCE / 2)
    assert drain(lanes) == []
    lanes.release_silent(100.01 + SILENCE)
    assert drain(lanes) == ["lost 29", 50]
    lanes.settled()
    assert lanes.idle()
    assert lanes.dropped == {"rate_limited": 29}


def test_a_clock_that_was_set_back_keeps_nothing_back():
    lanes = CaptureLanes(Bounds(), boot="b", rate=1)
    say(lanes, 3)
    lanes.release_silent(50.0)
    assert drain(lanes) == [1, "lost 1", 3]


def test_everything_comes_at_the_end():
    lanes = CaptureLanes(Bounds(), boot="b", rate=1)
    say(lanes, 3)
    say(lanes, 3, tenant="globex")
    lanes.release_all()
    assert drain(lanes) == [1, "lost 1", 3, 1, "lost 1", 3]
    assert not lanes.holding


def test_a_stream_that_keeps_something_back_is_not_forgotten():
    lanes = CaptureLanes(Bounds(lanes=2), boot="b", rate=1)
    say(lanes, 3)
    drain(lanes)
    for number in range(5):
        say(lanes, tenant=f"t{number}")
        drain(lanes)
    lanes.release_all()
    assert drain(lanes) == ["lost 1", 3]


def test_a_stream_that_was_forgotten_counts_anew_under_another_name():
    lanes = CaptureLanes(Bounds(lanes=2), boot="b", rate=0)
    say(lanes)
    first = lanes.sources[FLOW.stream].src
    drain(lanes)
    for number in range(5):
        say(lanes, tenant=f"t{number}")
        drain(lanes)
    assert FLOW.stream not in lanes.sources
    say(lanes)
    assert lanes.sources[FLOW.stream].src != first
    assert drain(lanes) == [1]


def test_a_drop_after_the_queue_is_counted_too():
    lanes = CaptureLanes(Bounds(), boot="b", rate=0)
    item = Captured("b.1", 1, 0, FLOW, Output.LOG, Level.INFO, "x", None, False, False)
    assert lanes.drop(item, cause="unprepared") == LaneLoss(causes={"unprepared": 1}, src="b.1")
    assert lanes.dropped == {"unprepared": 1}
