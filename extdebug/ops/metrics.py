"""This process's figures as Prometheus metrics; docs/operations.md says what each of them means.

Gathered when they are asked for, from what sessions and streams count anyway. Labels are targets
of watched streams and words of closed vocabularies, so that nobody can make them grow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from audit.tracing import spans
from audit.tracing.spans import REASONS
from extdebug.sessions.heartbeats import Signs
from extdebug.sessions.node import Node, running_node
from extdebug.sessions.supervisor import Timings
from extdebug.wire.events import GapReason

Values = TypeVar("Values", bound=tuple[str, ...])

# StreamHealth's field -> metric, help. Left out while it is not known.
_STREAM_GAUGES: Final = {
    "watchers": ("ext_debug_stream_watchers", "Sessions that watch it here."),
    "length": ("ext_debug_stream_length", "Entries the stream holds."),
    "backlog": ("ext_debug_stream_backlog", "Entries not yet read: the lag in entries."),
    "lag_ms": ("ext_debug_stream_lag_ms", "Age of the last entry read while more wait, else 0."),
    "retention_ms": ("ext_debug_stream_retention_ms", "Age of the oldest entry held."),
}
_STREAM_COUNTERS: Final = {
    "entries": ("ext_debug_stream_entries", "Entries read since somebody watches it here."),
    "delivered": ("ext_debug_stream_delivered", "Events handed to its sessions."),
}


class Figures(Collector):
    """One scrape: what all processes share, then what each counts.

    `signs` is None when the database did not answer. `workers`: the texts of `own_figures` of the
    processes of one port, by number; None where one process has it alone.
    """

    def __init__(
        self,
        node: Node | None,
        signs: Signs | None,
        *,
        redis_full: bool = False,
        workers: Mapping[int, bytes] | None = None,
    ) -> None:
        self._node = node
        self._redis_full = redis_full
        self._signs = signs
        self._workers = workers

    def collect(self) -> Iterable[Metric]:
        yield from _database(self._signs)
        full = self._redis_full
        yield _gauge("ext_debug_redis_full", "1: Redis refuses writes, its memory is used.", full)
        if self._workers is None:
            yield from _own(self._node)
            return
        answered = len(self._workers)
        yield _gauge("ext_debug_workers", "Processes of this port that answered.", answered)
        yield from by_worker(self._workers)


def own_figures() -> bytes:
    """What this process counts, as Prometheus text."""
    return _text(_own(running_node()))


def by_worker(texts: Mapping[int, bytes]) -> list[Metric]:
    """The figures of several processes, each sample with its process's number as `worker`."""
    families: dict[str, Metric] = {}
    for number, text in texts.items():
        for said in text_string_to_metric_families(text.decode()):
            family = families.get(said.name)
            if family is None:
                family = families[said.name] = Metric(said.name, said.documentation, said.type)
            for sample in said.samples:
                labels = {**sample.labels, "worker": str(number)}
                family.samples.append(sample._replace(labels=labels))
    return list(families.values())


def text(figures: Figures) -> bytes:
    """Prometheus text of one scrape."""
    return _text(figures.collect())


class _Gathered(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _text(metrics: Iterable[Metric]) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Gathered(list(metrics)))
    return generate_latest(registry)


def _own(node: Node | None) -> Iterator[Metric]:
    yield from _traces()
    if node is None:  # no session ever began here
        return
    yield from _sessions(node)
    yield from _policy(node)
    yield from _process(node)
    yield from _streams(node)


def _gauge(name: str, help: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help, value=value)


def _counter(name: str, help: str, value: float) -> Metric:
    return CounterMetricFamily(name, help, value=value)


def _counters(
    name: str, help: str, labels: tuple[str, ...], counts: Mapping[Values, int]
) -> Metric:
    family = CounterMetricFamily(name, help, labels=labels)
    for values, count in sorted(counts.items()):
        family.add_metric(values, count)
    return family


def _database(signs: Signs | None) -> Iterator[Metric]:
    yield _gauge("ext_debug_database_up", "Whether the database answers.", signs is not None)
    if signs is None:
        return
    processes = GaugeMetricFamily(
        "ext_debug_processes", "Console processes by their signs of life.", labels=["state"]
    )
    processes.add_metric(["alive"], signs.alive)
    processes.add_metric(["silent"], signs.silent)
    yield processes
    if signs.janitor_age is not None:
        yield _gauge(
            "ext_debug_janitor_age_seconds", "Since the janitor's last round.", signs.janitor_age
        )
        yield _gauge(
            "ext_debug_janitor_failed_steps", "Not done in that round.", signs.janitor_failed
        )


def _sessions(node: Node) -> Iterator[Metric]:
    feeds, stats = node.supervisor.feeds, node.stats
    family = GaugeMetricFamily(
        "ext_debug_sessions", "Sessions served here.", labels=["transport", "state"]
    )
    for labels, count in Counter((feed.viewer.transport, feed.state) for feed in feeds).items():
        family.add_metric(labels, count)
    yield family
    openings = {(transport, "no"): count for transport, count in stats.opened.items()}
    openings |= {(transport, "yes"): count for transport, count in stats.resumed.items()}
    labels = ("transport", "resumed")
    yield _counters("ext_debug_openings", "Sessions begun or gone on with here.", labels, openings)
    yield _counters(
        "ext_debug_denials", "Sessions that were refused.", ("code", "reason"), stats.refused
    )
    ends = {(how,): count for how, count in stats.ended.items()}
    yield _counters("ext_debug_ends", "Sessions that ended here, by how.", ("how",), ends)
    cuts = {(reason,): count for reason, count in stats.cut.items()}
    yield _counters("ext_debug_cuts", "Sessions ended from outside.", ("reason",), cuts)
    totals = stats.totals(feeds)
    yield _counter("ext_debug_shown", "Events shown, each session's counted.", totals.shown)
    yield _counter("ext_debug_filtered", "Events that filters left out.", totals.filtered)
    # Every reason from the start: what appears with its first loss shows no increase to a rule.
    lost = {(reason.value,): max(0, totals.lost[reason.value]) for reason in GapReason}
    yield _counters(
        "ext_debug_missed", "Events sessions were told they missed, by reason.", ("reason",), lost
    )


def _traces() -> Iterator[Metric]:
    tracer = spans.tracer()
    if tracer is None:
        return
    yield _counter("ext_debug_spans_sent", "Spans that the receiver took.", tracer.counts.sent)
    dropped = {(reason,): tracer.counts.dropped[reason] for reason in REASONS}
    yield _counters(
        "ext_debug_spans_dropped", "Spans nobody will see, by reason.", ("reason",), dropped
    )


def _policy(node: Node) -> Iterator[Metric]:
    blind = node.supervisor.blind
    yield _gauge("ext_debug_policy_age_seconds", "Since policy could last be read.", blind)
    closed = blind >= Timings().blind
    yield _gauge("ext_debug_fail_closed", "1: unread for so long that production ends.", closed)
    yield _gauge("ext_debug_draining", "1: this process is stopping.", node.draining)


def _process(node: Node) -> Iterator[Metric]:
    """Over all streams, those nobody watches any more included."""
    counts, links = node.hub.counts(), node.hub.links
    family = GaugeMetricFamily("ext_debug_hub_links", "Readers of Redis.", labels=["state"])
    family.add_metric(["up"], sum(not problem for problem in links))
    family.add_metric(["down"], sum(bool(problem) for problem in links))
    yield family
    yield _gauge(
        "ext_debug_streams_on_runners", "Streams shown without Redis.", node.hub.on_runners
    )
    yield _counter("ext_debug_entries", "Entries read from Redis.", counts.entries)
    yield _counter("ext_debug_delivered", "Events handed to sessions.", counts.delivered)
    lost = {(reason.value,): counts.lost[reason] for reason in GapReason}
    yield _counters("ext_debug_lost", "Entries lost to all, by reason.", ("reason",), lost)


def _streams(node: Node) -> Iterator[Metric]:
    label = ["stream"]
    families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {
        field: GaugeMetricFamily(name, help, labels=label)
        for field, (name, help) in _STREAM_GAUGES.items()
    }
    families |= {
        field: CounterMetricFamily(name, help, labels=label)
        for field, (name, help) in _STREAM_COUNTERS.items()
    }
    down = GaugeMetricFamily("ext_debug_stream_down", "1: it cannot be read.", labels=label)
    lost = CounterMetricFamily(
        "ext_debug_stream_lost", "Entries of it stated lost.", labels=["stream", "reason"]
    )
    for row in node.hub.health():
        name = [str(row.target)]
        down.add_metric(name, bool(row.problem))
        for field, family in families.items():
            if (value := getattr(row, field)) is not None:
                family.add_metric(name, value)
        for reason, count in row.lost.items():
            lost.add_metric([*name, reason], count)
    yield from (*families.values(), down, lost)
