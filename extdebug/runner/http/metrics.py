"""The runner's counters as Prometheus text; by hand, as a pod needs no client for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from extdebug.runner.http.stream_sessions import Subscriptions
from extdebug.runner.publish.publisher import Publisher
from extdebug.runner.wasm.host import Host

_PUBLISHER = (
    ("emitted", "counter", "Events taken from guests and the host."),
    ("prepared", "counter", "Events redacted and mirrored."),
    ("failed", "counter", "Events the prepare stage could not handle."),
    ("written", "counter", "Events Redis acknowledged."),
    ("markers", "counter", "Markers of losses Redis acknowledged."),
    ("uncertain", "counter", "Events in flight when the connection broke; never repeated."),
    ("batches", "counter", "Batches sent."),
    ("connects", "counter", "Connections made to Redis."),
    ("failures", "counter", "Failed tries to connect or write."),
    ("refused_streams", "gauge", "Streams that Redis refuses now."),
    ("queued", "gauge", "Events waiting to be prepared."),
    ("queued_bytes", "gauge", "Bytes waiting to be prepared."),
    ("unsent", "gauge", "Events waiting for Redis."),
    ("unsent_bytes", "gauge", "Bytes waiting for Redis."),
    ("streams", "gauge", "Streams this process numbers."),
    ("connected", "gauge", "Whether the connection to Redis stands."),
)


def render(
    publisher: Publisher,
    *,
    host: Host | None = None,
    sessions: Subscriptions | None = None,
    running: int = 0,
) -> str:
    """The text of /metrics."""
    stats = publisher.stats()
    lines: list[str] = []
    for name, kind, text in _PUBLISHER:
        if name in stats:
            suffix = "_total" if kind == "counter" else ""
            full = f"runner_debug_{name}{suffix}"
            lines += _head(full, kind, text)
            lines.append(f"{full} {int(stats[name])}")
    lost: Mapping[str, int] = stats["lost"]
    lines += _head("runner_debug_lost_total", "counter", "Events dropped, by cause.")
    causes = {"queue_full": 0, "rate_limited": 0, **lost}
    lines += [f'runner_debug_lost_total{{cause="{c}"}} {n}' for c, n in sorted(causes.items())]
    if host is not None:
        lines += _host(host)
        lines += _head("runner_executions_running", "gauge", "Slots in use, sleepers included.")
        lines.append(f"runner_executions_running {running}")
    if sessions is not None:
        lines += _head("runner_debug_stream_sessions", "gauge", "Open internal stream sessions.")
        lines.append(f"runner_debug_stream_sessions {len(sessions)}")
    return "\n".join(lines) + "\n"


def _host(host: Host) -> Iterable[str]:
    yield from _head("runner_executions_total", "counter", "Executions that ended.")
    yield f"runner_executions_total {host.executions}"
    yield from _head("runner_execution_failures_total", "counter", "Failed executions, by reason.")
    for reason, count in sorted(host.failures.items()):
        yield f'runner_execution_failures_total{{reason="{reason}"}} {count}'


def _head(name: str, kind: str, text: str) -> list[Any]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
