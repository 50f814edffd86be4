"""Is this process alive, is it ready, and what do its streams look like to Prometheus."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from extdebug.bridge import records
from extdebug.console import Console, running
from extdebug.streams import LOST, Link


@require_GET
async def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"ok": True})


def _database_answers() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@require_GET
async def readyz(request: HttpRequest) -> JsonResponse:
    """Whether new sessions may be sent here: database and Redis answer, and we are not ending."""
    problems: list[str] = []
    here = running()
    if here is not None and here.draining:
        problems.append("draining")
    try:
        await records(_database_answers)
    except Exception as error:  # noqa: BLE001 - whatever keeps the database from answering
        problems.append(f"database: {type(error).__name__}")
    link = Link(settings.REDIS_URL, timeout=1.0)
    try:
        await link.call("PING")
    except (RedisError, *LOST) as error:
        problems.append(f"redis: {type(error).__name__}")
    finally:
        await link.close()
    return JsonResponse({"ok": not problems, "problems": problems}, status=503 if problems else 200)


class _Streams(Collector):
    """The hub's numbers at this moment; counters live as long as a stream is watched."""

    def __init__(self, console: Console | None) -> None:
        self._console = console

    def collect(self) -> Iterable[Metric]:
        sessions = GaugeMetricFamily("ext_debug_sessions", "Sessions this process serves")
        sessions.add_metric([], len(self._console.patrol.feeds) if self._console else 0)
        yield sessions
        if self._console is None:
            return
        label = ["stream"]
        gauges = {
            "watchers": GaugeMetricFamily("ext_debug_stream_watchers", "Sessions", labels=label),
            "length": GaugeMetricFamily("ext_debug_stream_length", "Entries held", labels=label),
            "backlog": GaugeMetricFamily(
                "ext_debug_stream_backlog", "Entries not yet read", labels=label
            ),
            "lag_ms": GaugeMetricFamily(
                "ext_debug_stream_lag_ms", "Age of the backlog", labels=label
            ),
            "retention_ms": GaugeMetricFamily(
                "ext_debug_stream_retention_ms", "Age of the oldest entry held", labels=label
            ),
        }
        counters = {
            "entries": CounterMetricFamily("ext_debug_entries", "Entries read", labels=label),
            "delivered": CounterMetricFamily(
                "ext_debug_delivered", "Events handed to sessions", labels=label
            ),
        }
        down = GaugeMetricFamily(
            "ext_debug_stream_down", "1: the stream cannot be read", labels=label
        )
        lost = CounterMetricFamily(
            "ext_debug_lost", "Entries stated lost, by reason", labels=["stream", "reason"]
        )
        for row in self._console.hub.health():
            name = [str(row.target)]
            down.add_metric(name, 1 if row.problem else 0)
            for field, gauge in gauges.items():
                if (value := getattr(row, field)) is not None:
                    gauge.add_metric(name, value)
            for field, counter in counters.items():
                counter.add_metric(name, getattr(row, field))
            for reason, count in row.lost.items():
                lost.add_metric([*name, reason], count)
        yield from (*gauges.values(), *counters.values(), down, lost)


@require_GET
async def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, for whoever has METRICS_TOKEN; without one set, for nobody."""
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
    token = settings.METRICS_TOKEN.encode()
    if not token or not hmac.compare_digest(sent, token):
        return HttpResponse("a bearer token is needed\n", status=403, content_type="text/plain")
    registry = CollectorRegistry()
    registry.register(_Streams(running()))
    return HttpResponse(generate_latest(registry), content_type="text/plain; version=0.0.4")
