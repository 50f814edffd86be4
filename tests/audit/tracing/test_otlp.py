"""Spans as a real receiver gets them, and what becomes of them when there is none."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.tracing import otlp, spans
from audit.tracing.otlp import BATCH, MOST_WAITING, OtlpTracer
from audit.tracing.settings import TraceSettings
from tests.fixtures.otlp import Receiver
from tests.fixtures.programs import free_port, wait_until

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{CALLER}-01"


@contextmanager
def traced(endpoint: str, *, ratio: float = 1.0, **more: object) -> Iterator[OtlpTracer]:
    """A tracer in use; what it holds is sent when the block is left."""
    settings = TraceSettings(endpoint, ratio=ratio, **more)  # type: ignore[arg-type]
    tracer = OtlpTracer(settings, common=lambda: {"request": "r-1"}, every_ms=50)
    spans.use(tracer)
    try:
        yield tracer
    finally:
        spans.use(None)
        tracer.stop(within=10)


class Refused(Exception):
    """An answer of the tests."""


def test_a_span_arrives_with_its_parent_its_attributes_and_who_sends_it(otlp_receiver: Receiver):
    with traced(f"{otlp_receiver.url}/", headers={"api-key": "s3cret"}, service="one"):
        with spans.span("outer", transport="ws"):
            with spans.span("inner"):
                spans.note(session="s-1", tenant="")
            place = spans.here()
        assert place is not None
        spans.record("later", under=place, began=5, ended=9, frames=3)

    (outer,), (inner,), (later,) = map(otlp_receiver.named, ("outer", "inner", "later"))
    assert outer.attributes == {"ext_debug.request": "r-1", "ext_debug.transport": "ws"}
    assert inner.attributes == {"ext_debug.request": "r-1", "ext_debug.session": "s-1"}
    assert later.attributes == {"ext_debug.frames": 3}
    assert (later.began, later.ended) == (5, 9)
    assert outer.parent == ""
    assert inner.parent == later.parent == outer.id
    assert len({span.trace for span in otlp_receiver.spans}) == 1
    assert outer.resource["service.name"] == "one"
    assert set(otlp_receiver.paths) == {"/v1/traces"}
    assert otlp_receiver.headers[0]["api-key"] == "s3cret"


def test_a_failure_is_told_by_its_type_and_a_refusal_is_no_failure(otlp_receiver: Receiver):
    with traced(otlp_receiver.url):
        with pytest.raises(ZeroDivisionError), spans.span("broken"):
            raise ZeroDivisionError("what a guest wrote")
        with pytest.raises(Refused), spans.span("refused", refusals=(Refused,)):
            raise Refused("what a person reads")
        with pytest.raises(asyncio.CancelledError), spans.span("left"):
            raise asyncio.CancelledError

    (broken,), (refused,), (left,) = map(otlp_receiver.named, ("broken", "refused", "left"))
    assert broken.failed
    assert broken.attributes["error.type"] == "ZeroDivisionError"
    assert (refused.failed, refused.said("refused")) == (False, "Refused")
    assert not left.failed
    assert not any(text in body for body in otlp_receiver.bodies for text in (b"wrote", b"reads"))


def test_the_callers_span_is_taken_as_the_parent(otlp_receiver: Receiver):
    headers = [(b"TraceParent", PARENT.encode()), (b"tracestate", b"x=what-a-stranger-wrote")]
    with traced(otlp_receiver.url), spans.arriving(headers):
        assert spans.here() is None  # nothing of ours is open yet
        with spans.span("mine"):
            pass

    (mine,) = otlp_receiver.named("mine")
    assert (mine.trace, mine.parent) == (TRACE, CALLER)
    assert b"stranger" not in otlp_receiver.bodies[0]


@pytest.mark.parametrize(
    "text",
    [
        "", "garbage", PARENT[:-1], f"{PARENT}-x", f"ff{PARENT[2:]}",
        PARENT.replace(TRACE, "0" * 32), PARENT.replace(CALLER, "0" * 16),
        PARENT.replace("0af", "0AG"), f"00-{TRACE}-{CALLER}",
    ],
)  # fmt: skip
def test_what_is_no_parent_is_ignored(otlp_receiver: Receiver, text: str):
    with traced(otlp_receiver.url):
        with spans.arriving([(b"traceparent", text.encode())]), spans.span("mine"):
            pass
        with spans.arriving([(b"traceparent", PARENT.encode())] * 2), spans.span("twice"):
            pass

    for span in (*otlp_receiver.named("mine"), *otlp_receiver.named("twice")):
        assert (span.parent, span.trace == TRACE) == ("", False)
    assert len(otlp_receiver.spans) == 2


@given(st.binary(max_size=80))
def test_no_bytes_of_a_stranger_make_a_request_fail(text: bytes):
    with _SILENT.arriving([(b"traceparent", text)]), _SILENT.span("mine", {}, ()):
        pass


_SILENT = OtlpTracer(TraceSettings("http://127.0.0.1:1", ratio=0.0), every_ms=60_000)


def test_the_caller_decides_whether_its_trace_is_recorded_and_the_ratio_for_the_rest(
    otlp_receiver: Receiver,
):
    unsampled = PARENT[:-2] + "00"
    with traced(otlp_receiver.url, ratio=0.0):
        with spans.span("by ratio"):
            assert spans.here() is None
        with spans.arriving([(b"traceparent", PARENT.encode())]), spans.span("asked for"):
            pass
    with (
        traced(otlp_receiver.url),
        spans.arriving([(b"traceparent", unsampled.encode())]),
        spans.span("not asked for"),
    ):
        assert spans.here() is None

    assert [span.name for span in otlp_receiver.spans] == ["asked for"]


def test_an_attribute_is_short_whatever_it_is_given(otlp_receiver: Receiver):
    with traced(otlp_receiver.url), spans.span("mine", extension="x" * 5000):
        pass
    assert len(otlp_receiver.spans[0].said("extension")) == 128


# --- a receiver that is away or slow -----------------------------------------------------------


def test_a_receiver_that_refuses_costs_spans_and_one_line(
    otlp_receiver: Receiver, caplog: pytest.LogCaptureFixture
):
    otlp_receiver.status = 400
    with caplog.at_level(logging.WARNING, otlp.__name__), traced(otlp_receiver.url) as tracer:
        for _ in range(3):
            with spans.span("mine"):
                pass
            wait_until(lambda: not tracer.counts.waiting, what="the batch was tried")
        otlp_receiver.status = 200
        with spans.span("mine"):
            pass
        wait_until(lambda: tracer.counts.sent == 1, what="the last one was sent")

    assert tracer.counts.dropped["not_sent"] == 3
    said = [record.getMessage() for record in caplog.records if record.name == otlp.__name__]
    assert said == ["the receiver of traces takes none", "the receiver of traces takes them"]


def test_a_receiver_that_is_away_holds_up_nobody_and_what_is_lost_is_counted():
    with traced(f"http://127.0.0.1:{free_port()}") as tracer:
        for _ in range(10):
            with spans.span("mine"):
                pass
        tracer.stop(within=10)
    assert sum(tracer.counts.dropped.values()) == 10
    assert tracer.counts.sent == 0


def test_behind_a_slow_receiver_the_queue_is_bounded_and_each_span_is_counted_once(
    otlp_receiver: Receiver,
):
    otlp_receiver.going_on.clear()
    surplus = 100
    with traced(otlp_receiver.url) as tracer:
        for _ in range(MOST_WAITING + surplus):
            with spans.span("mine"):
                pass
        assert tracer.counts.dropped["queue_full"] == surplus
        assert tracer.counts.waiting == MOST_WAITING
        otlp_receiver.going_on.set()
        wait_until(lambda: tracer.counts.sent >= MOST_WAITING - BATCH, seconds=60, what="sent")
    assert tracer.counts.sent + tracer.counts.dropped["not_sent"] == MOST_WAITING
    assert tracer.counts.dropped["stopped"] == 0


def test_the_end_waits_no_longer_for_the_receiver_than_it_may(otlp_receiver: Receiver):
    otlp_receiver.going_on.clear()
    with traced(otlp_receiver.url) as tracer:
        for _ in range(5):
            with spans.span("mine"):
                pass
        tracer.stop(within=0.05)
        assert tracer.counts.dropped["stopped"] == 5
        with spans.span("too late"):
            pass
        assert tracer.counts.dropped["stopped"] == 6
        otlp_receiver.going_on.set()
        ending = [each for each in threading.enumerate() if each.name == "traces-end"]
        for thread in ending:
            thread.join(30)
    # What arrived all the same is not counted a second time.
    assert (tracer.counts.sent, tracer.counts.dropped["stopped"]) == (0, 6)
