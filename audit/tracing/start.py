"""Begins and ends the traces of a process; the one place that reaches for OpenTelemetry."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Mapping
from typing import Final

from audit.tracing import spans
from audit.tracing.settings import TraceSettings
from audit.tracing.spans import Value

FLUSH_WITHIN: Final = 2.0  # seconds at the end of a process: with its sessions' 8 s the server's 10


def start(settings: TraceSettings | None, *, common: Callable[[], Mapping[str, Value]]) -> None:
    """From now on this process makes spans; it does not where `settings` is None."""
    if settings is None or spans.tracer() is not None:
        return
    from audit.tracing.otlp import OtlpTracer

    spans.use(OtlpTracer(settings, common=common))
    atexit.register(stop)  # where no server says that it ends: Daphne, a command


def stop(*, within: float = FLUSH_WITHIN) -> None:
    """Send what waits, and make no more spans. Waits for the receiver no longer than `within`."""
    tracer = spans.tracer()
    if tracer is not None:
        spans.use(None)
        tracer.stop(within=within)
        atexit.unregister(stop)
