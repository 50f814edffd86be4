"""Spans by OpenTelemetry, sent in batches over OTLP/HTTP. Imported by `audit.tracing.start` alone.

Whoever makes a span never waits for the receiver: a bounded queue lies between, and what does not
fit, or could not be sent, is counted. Only trace ids come in from outside: the state and baggage
that may come with them are strangers' text.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Final, cast

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from audit.tracing.settings import TraceSettings
from audit.tracing.spans import Headers, Place, Refusals, Value

log = logging.getLogger(__name__)

PREFIX: Final = "ext_debug."
PARENT: Final = b"traceparent"
MOST_WAITING: Final = 4096  # spans, of some 1 KiB each
BATCH: Final = 512
EVERY_MS: Final = 2000  # at most so long until a span is sent
SEND_WITHIN: Final = 5.0  # seconds for one batch, attempts and pauses together
# A trace is read by people: 16 attributes of ours at most, and none of them a text.
LIMITS: Final = SpanLimits(
    max_span_attributes=32, max_span_attribute_length=128, max_events=0, max_links=0
)
_propagator: Final = TraceContextTextMapPropagator()


@dataclass(slots=True)
class SpanCounts:
    """What became of the spans of this process; each is counted once it is decided."""

    sent: int = 0
    dropped: Counter[str] = field(default_factory=Counter)  # by one of REASONS
    waiting: int = 0
    closed: bool = False  # nothing is counted any more
    lock: threading.Lock = field(default_factory=threading.Lock)


class CountingExporter(SpanExporter):
    """Another exporter, with a count of what came of each batch and one line per outage."""

    def __init__(self, exporter: SpanExporter, counts: SpanCounts) -> None:
        self._exporter = exporter
        self._counts = counts
        self._failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            sent = result is SpanExportResult.SUCCESS
            self._count(len(spans), sent=sent)
            if sent is self._failing:
                self._failing = not sent
                log.warning("the receiver of traces %s", "takes them" if sent else "takes none")
        return result

    def _count(self, number: int, *, sent: bool) -> None:
        counts = self._counts
        with counts.lock:
            if counts.closed:
                return  # they were counted as dropped when nobody waited for them any more
            counts.waiting -= number
            if sent:
                counts.sent += number
            else:
                counts.dropped["not_sent"] += number

    def shutdown(self) -> None:
        self._exporter.shutdown()


class BoundedProcessor(BatchSpanProcessor):
    """Batches in a thread of its own; a span that finds MOST_WAITING before it is dropped."""

    def __init__(self, exporter: SpanExporter, counts: SpanCounts, *, every_ms: float) -> None:
        super().__init__(
            CountingExporter(exporter, counts), max_queue_size=MOST_WAITING,
            max_export_batch_size=BATCH, schedule_delay_millis=every_ms,
        )  # fmt: skip
        self._counts = counts
        self._stopping = False

    def on_end(self, span: ReadableSpan) -> None:
        if span.context is None or not span.context.trace_flags.sampled:
            return
        counts = self._counts
        with counts.lock:
            # Those of the batch that is being sent count too: the queue below never overflows.
            full = counts.waiting >= MOST_WAITING
            if self._stopping or full:
                counts.dropped["stopped" if self._stopping else "queue_full"] += 1
                return
            counts.waiting += 1
        super().on_end(span)

    def stop(self, *, within: float) -> None:
        """Send what waits, for at most so many seconds; the rest is dropped."""
        with self._counts.lock:
            self._stopping = True
        # The receiver may take its time for ever, and the end of a process waits for a thread
        # unless it is a daemon's.
        ending = threading.Thread(target=self.shutdown, name="traces-end", daemon=True)
        ending.start()
        ending.join(within)
        with self._counts.lock:
            self._counts.closed = True
            self._counts.dropped["stopped"] += self._counts.waiting
            self._counts.waiting = 0


class OtlpTracer:
    """The tracer of this process. `common` are attributes of every span made at that moment."""

    def __init__(
        self,
        settings: TraceSettings,
        *,
        common: Callable[[], Mapping[str, Value]] = dict,
        every_ms: float = EVERY_MS,
    ) -> None:
        self.counts = SpanCounts()
        exporter = OTLPSpanExporter(
            endpoint=f"{settings.endpoint.rstrip('/')}/v1/traces",
            headers=dict(settings.headers),
            certificate_file=str(settings.certificate) if settings.certificate else None,
            timeout=SEND_WITHIN,
        )
        self._processor = BoundedProcessor(exporter, self.counts, every_ms=every_ms)
        provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(settings.ratio)),
            resource=Resource.create(
                {"service.name": settings.service, "service.instance.id": str(uuid.uuid4())}
            ),
            span_limits=LIMITS,
            shutdown_on_exit=False,
        )
        provider.add_span_processor(self._processor)
        self._tracer = provider.get_tracer("ext-debug")
        self._common = common

    @contextmanager
    def _span(self, name: str, attributes: dict[str, Value], refusals: Refusals) -> Iterator[None]:
        with self._tracer.start_as_current_span(
            name, attributes=_named({**self._common(), **attributes}),
            record_exception=False, set_status_on_exception=False,
        ) as span:  # fmt: skip
            try:
                yield
            except refusals as refused:
                span.set_attribute(f"{PREFIX}refused", type(refused).__name__)
                raise
            except Exception as error:
                # Its message could hold anything.
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(trace.StatusCode.ERROR)
                raise

    def span(
        self, name: str, attributes: dict[str, Value], refusals: Refusals
    ) -> AbstractContextManager[None]:
        return self._span(name, attributes, refusals)

    def note(self, attributes: dict[str, Value]) -> None:
        trace.get_current_span().set_attributes(_named(attributes))

    def here(self) -> Place | None:
        at = trace.get_current_span().get_span_context()
        if not at.is_valid or at.is_remote or not at.trace_flags.sampled:
            return None
        return trace.set_span_in_context(trace.NonRecordingSpan(at), context.Context())

    def record(
        self, name: str, under: Place, began: int, ended: int, attributes: dict[str, Value]
    ) -> None:
        span = self._tracer.start_span(
            name, cast(context.Context, under), attributes=_named(attributes), start_time=began
        )
        span.end(max(began, ended))

    @contextmanager
    def arriving(self, headers: Headers) -> Iterator[None]:
        said = [value for name, value in headers if name.lower() == PARENT]
        text = said[0].decode("latin-1") if len(said) == 1 else ""
        token = context.attach(_propagator.extract({"traceparent": text}, context.Context()))
        try:
            yield
        finally:
            context.detach(token)

    def stop(self, *, within: float) -> None:
        self._processor.stop(within=within)


def _named(attributes: Mapping[str, Value]) -> dict[str, Value]:
    return {f"{PREFIX}{name}": value for name, value in attributes.items() if value != ""}
