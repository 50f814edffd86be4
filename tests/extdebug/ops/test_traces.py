"""A serving process begins its traces with the settings' words and the log's ids."""

from collections.abc import Iterator
from typing import Any

import pytest

from audit.tracing import spans
from audit.tracing.settings import TraceSettings
from audit.tracing.start import stop
from extdebug import log_context
from extdebug.ops import traces
from tests.fixtures.otlp import Receiver


@pytest.fixture(autouse=True)
def _ended() -> Iterator[None]:
    yield
    stop()


def test_off_unless_the_settings_say_where_to():
    traces.begin()
    assert spans.tracer() is None


async def test_a_span_has_the_ids_that_the_log_has(otlp_receiver: Receiver, settings: Any):
    settings.TRACES = TraceSettings(otlp_receiver.url)
    traces.begin()
    token = log_context.request.set("request-of-the-test")
    try:
        with spans.span("one"):
            pass
    finally:
        log_context.request.reset(token)
    with spans.span("two"):
        pass

    await traces.end()

    (one,), (two,) = otlp_receiver.named("one"), otlp_receiver.named("two")
    assert one.attributes == {"ext_debug.request": "request-of-the-test"}
    assert two.attributes == {}
    assert spans.tracer() is None
