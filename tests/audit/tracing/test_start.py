"""A process begins its traces once, and sends what waits when it ends."""

from collections.abc import Iterator

import pytest

from audit.tracing import spans
from audit.tracing.settings import TraceSettings
from audit.tracing.start import start, stop
from tests.fixtures.otlp import Receiver


@pytest.fixture(autouse=True)
def _ended() -> Iterator[None]:
    yield
    stop()


def test_nothing_begins_where_nothing_is_set():
    start(None, common=dict)
    assert spans.tracer() is None
    stop()


def test_what_waits_is_sent_at_the_end(otlp_receiver: Receiver):
    start(TraceSettings(otlp_receiver.url), common=lambda: {"request": "r-1"})
    first = spans.tracer()
    start(TraceSettings("http://127.0.0.1:1"), common=dict)
    assert spans.tracer() is first, "a second start changes nothing"
    with spans.span("one"):
        pass

    stop()

    assert spans.tracer() is None
    assert [span.said("request") for span in otlp_receiver.spans] == ["r-1"]
    stop()
