"""The text of the runner's /metrics: counters of publisher, host and stream sessions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from extdebug.runner.http.stream_sessions import Subscriptions
from extdebug.runner.publish.publisher import Publisher
from extdebug.runner.wasm.host import Host

# Publisher.stats' key -> help. Keys that it leaves out (no Redis configured) are left out here.
_COUNTERS: Final = {
    "emitted": "Events taken from guests and the host.",
    "prepared": "Events redacted and mirrored.",
    "failed": "Events the prepare stage could not handle.",
    "written": "Events Redis acknowledged.",
    "markers": "Markers of losses Redis acknowledged.",
    "uncertain": "Events in flight when the connection broke; never repeated.",
    "batches": "Batches sent.",
    "connects": "Connections made to Redis.",
    "failures": "Failed tries to connect or write.",
}
_GAUGES: Final = {
    "queued": "Events waiting to be prepared.",
    "queued_bytes": "Bytes waiting to be prepared.",
    "unsent": "Events waiting for Redis.",
    "unsent_bytes": "Bytes waiting for Redis.",
    "streams": "Streams this process numbers.",
    "refused_streams": "Streams that Redis refuses now.",
    "connected": "Whether the connection to Redis stands.",
}
# There from the start: what appears with its first loss shows no increase to a rule.
_NO_LOSS: Final = {"queue_full": 0, "rate_limited": 0}


def render(publisher: Publisher, *, host: Host, sessions: Subscriptions, running: int) -> bytes:
    """Prometheus text, version 0.0.4. `running` are the execution slots in use."""
    registry = CollectorRegistry()
    registry.register(_Figures(publisher, host, sessions, running))
    return generate_latest(registry)


class _Figures(Collector):
    """One scrape."""

    def __init__(
        self, publisher: Publisher, host: Host, sessions: Subscriptions, running: int
    ) -> None:
        self._publisher = publisher
        self._host = host
        self._sessions = sessions
        self._running = running

    def collect(self) -> Iterable[Metric]:
        stats = self._publisher.stats()
        for name, text in _COUNTERS.items():
            if name in stats:
                yield CounterMetricFamily(f"runner_debug_{name}", text, value=stats[name])
        for name, text in _GAUGES.items():
            if name in stats:
                yield GaugeMetricFamily(f"runner_debug_{name}", text, value=stats[name])
        lost = _NO_LOSS | stats["lost"]
        yield _by_label("runner_debug_lost", "Events dropped, by cause.", "cause", lost)
        yield GaugeMetricFamily(
            "runner_debug_stream_sessions",
            "Open internal stream sessions.",
            value=len(self._sessions),
        )
        yield CounterMetricFamily(
            "runner_executions", "Executions that ended.", value=self._host.executions
        )
        failures = self._host.failures
        yield _by_label(
            "runner_execution_failures", "Failed executions, by reason.", "reason", failures
        )
        yield GaugeMetricFamily(
            "runner_executions_running", "Slots in use, sleepers included.", value=self._running
        )


def _by_label(name: str, text: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family
