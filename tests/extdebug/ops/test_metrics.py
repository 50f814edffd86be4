"""What /metrics says is what sessions and streams counted, and nobody can make its labels grow."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from audit.tracing import spans
from audit.tracing.otlp import SpanCounts
from extdebug.demo.sample import Cast
from extdebug.hub.stats import StreamCounts
from extdebug.hub.stream_health import StreamHealth
from extdebug.ops.metrics import Figures, by_worker, text
from extdebug.sessions import close_reasons
from extdebug.sessions.heartbeats import Signs
from extdebug.sessions.stats import SessionStats
from extdebug.wire.events import GapReason
from extdebug.wire.keys import Target
from policies.models import Lock
from tests.extdebug.test_live import KEY, entry, receive, watching
from tests.fixtures.console import Console
from tests.fixtures.redis import RedisServer

TOKEN = "a-token-of-the-tests"
HEALTH = StreamHealth(
    target=Target("acme", "invoice-sync"), watchers=2, problem="", length=10, backlog=3,
    lag_ms=40, retention_ms=9000, entries=7, delivered=14, lost={"retention": 5},
)  # fmt: skip


def feed(*, ending: Any = None, resumed: bool = False, lost: dict[str, int] | None = None) -> Any:
    return SimpleNamespace(
        viewer=SimpleNamespace(transport="ws"),
        state="live",
        ending=ending,
        lease=SimpleNamespace(shown=100, filtered=10, lost={"producer": 1}, resumed=resumed),
        account=SimpleNamespace(shown=107, filtered=12, lost={"producer": 1, **(lost or {})}),
    )


def console() -> Any:
    """One live session, one that was cut, one refused; a stream, and Redis half away."""
    stats = SessionStats()
    live = feed(resumed=True, lost={"not_consumed": 4})
    stats.begun(live.lease, "ws")
    over = feed(ending=close_reasons.ended_by("olivia", watcher="dan"))
    stats.begun(over.lease, "ws")
    stats.over(over.ending, over.account, over.lease, gone=False)
    stats.refuse(close_reasons.NOT_FOUND)
    return SimpleNamespace(
        supervisor=SimpleNamespace(feeds=(live,), blind=0.5),
        stats=stats,
        draining=False,
        hub=SimpleNamespace(
            counts=lambda: StreamCounts(9, 18, Counter({GapReason.RETENTION: 5})),
            links=["", "Redis does not answer"],
            on_runners=1,
            health=lambda: [HEALTH],
        ),
    )


def scrape(console: Any, signs: Signs | None) -> str:
    registry = CollectorRegistry()
    registry.register(Figures(console, signs))
    return generate_latest(registry).decode()


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def everything() -> str:
    """All metrics that there can be, each with all its labels."""
    spans.use(SimpleNamespace(counts=SpanCounts(sent=8, dropped=Counter(not_sent=2))))
    try:
        alone = scrape(console(), Signs(alive=2, silent=1, janitor_age=12.0, janitor_failed=0))
    finally:
        spans.use(None)
    return alone + text(Figures(None, None, workers={})).decode().partition("redis_full 0.0\n")[2]


def value(text: str, name: str, **labels: str) -> float:
    return samples(text)[name, frozenset(labels.items())]


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("ext_debug_sessions", {"transport": "ws", "state": "live"}, 1),
        ("ext_debug_openings_total", {"transport": "ws", "resumed": "no"}, 1),
        ("ext_debug_openings_total", {"transport": "ws", "resumed": "yes"}, 1),
        ("ext_debug_denials_total", {"code": "not_found", "reason": "not_found"}, 1),
        ("ext_debug_ends_total", {"how": "ended"}, 1),
        ("ext_debug_cuts_total", {"reason": "ended"}, 1),
        ("ext_debug_shown_total", {}, 14),
        ("ext_debug_filtered_total", {}, 4),
        ("ext_debug_missed_total", {"reason": "not_consumed"}, 4),
        ("ext_debug_missed_total", {"reason": "producer"}, 0),
        ("ext_debug_lost_total", {"reason": "retention"}, 5),
        ("ext_debug_lost_total", {"reason": "reset"}, 0),
        ("ext_debug_hub_links", {"state": "down"}, 1),
        ("ext_debug_stream_backlog", {"stream": "acme:invoice-sync"}, 3),
        ("ext_debug_stream_lag_ms", {"stream": "acme:invoice-sync"}, 40),
        ("ext_debug_fail_closed", {}, 0),
        ("ext_debug_processes", {"state": "silent"}, 1),
        ("ext_debug_janitor_age_seconds", {}, 12),
        ("ext_debug_spans_sent_total", {}, 8),
        ("ext_debug_spans_dropped_total", {"reason": "not_sent"}, 2),
        ("ext_debug_spans_dropped_total", {"reason": "queue_full"}, 0),
    ],
)
def test_a_figure_is_what_was_counted(name: str, labels: dict[str, str], expected: float):
    assert value(everything(), name, **labels) == expected


def test_while_traces_are_off_there_is_no_figure_of_them():
    assert "spans" not in scrape(console(), None)


def test_policy_unread_for_too_long_shows_as_fail_closed():
    blind = console()
    blind.supervisor.blind = 11.0
    assert value(scrape(blind, None), "ext_debug_fail_closed") == 1


def test_without_the_database_the_rest_is_still_told():
    text = scrape(console(), None)
    assert value(text, "ext_debug_database_up") == 0
    assert "ext_debug_processes" not in text
    assert "ext_debug_shown_total" in text


def test_a_process_that_served_nobody_yet_says_who_lives():
    text = scrape(None, Signs(alive=1, silent=0, janitor_age=None, janitor_failed=0))
    assert value(text, "ext_debug_database_up") == 1
    assert "janitor" not in text


@pytest.mark.parametrize(
    ("ending", "gone", "how", "cut"),
    [
        (None, False, "left", ""),
        (None, True, "lost", ""),
        (close_reasons.TIME_UP, False, "expired", ""),
        (close_reasons.TAKEN, False, "taken_over", ""),
        (close_reasons.SIGNED_OUT, False, "unauthenticated", "signed_out"),
        (close_reasons.ended_by("olivia", watcher="dan"), False, "ended", "ended"),
        (close_reasons.draining(), True, "restarting", ""),
    ],
)
def test_an_end_is_counted_once_and_a_cut_is_one_from_outside(
    ending: Any, gone: bool, how: str, cut: str
):
    stats = SessionStats()
    one = feed(ending=ending)
    stats.over(ending, one.account, one.lease, gone=gone)
    assert stats.ended == {how: 1}
    assert stats.cut == ({cut: 1} if cut else {})


async def scraped(console: Console) -> str:
    async with httpx.AsyncClient() as http:
        answer = await http.get(
            f"{console.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        refused = await http.get(f"{console.url}/metrics", headers={"Authorization": "Bearer no"})
    assert (answer.status_code, refused.status_code) == (200, 403)
    return answer.text


async def until(console: Console, expected: dict[str, float]) -> str:
    """Scrape until unlabelled metrics say this: the figures follow the frames at once or so."""
    async with asyncio.timeout(10):
        while True:
            text = await scraped(console)
            found = {name: samples(text).get((name, frozenset())) for name in expected}
            if found == expected:
                return text
            await asyncio.sleep(0.1)


async def test_figures_add_up_and_outlive_the_sessions_they_came_from(
    live_console: Callable[..., Console], redis_server: RedisServer, cast: Cast
) -> None:
    console = await sync_to_async(live_console)(redis_url=redis_server.url, METRICS_TOKEN=TOKEN)
    wanted = {"filter": {"rev": 1, "q": "even"}}
    with redis_server.client() as client:
        async with watching(console, cast.dan, **wanted) as socket:
            while (await receive(socket, "status"))["state"] != "live":
                pass
            for n in range(20):
                client.xadd(KEY, entry("odd" if n % 2 else "even"))
            client.xadd(KEY, {"nonsense": "x"})
            counts = {
                "ext_debug_entries_total": 21.0, "ext_debug_delivered_total": 10.0,
                "ext_debug_shown_total": 10.0, "ext_debug_filtered_total": 10.0,
            }  # fmt: skip
            text = await until(console, counts)
            live = value(text, "ext_debug_sessions", transport="ws", state="live")
            assert live == 1
            assert value(text, "ext_debug_missed_total", reason="unreadable") == 1
            await Lock.objects.acreate(user=cast.dan, reason="a test")
            await receive(socket, "closing")
    text = await until(console, counts)
    assert value(text, "ext_debug_cuts_total", reason="lock") == 1
    assert value(text, "ext_debug_missed_total", reason="unreadable") == 1
    assert "ext_debug_stream_length{" not in text, "nobody watches it any more"


def labels_of(text: str) -> dict[str, set[str]]:
    """Each metric with the labels it can have."""
    found: dict[str, set[str]] = {}
    for name, labels in samples(text):
        found.setdefault(name, set()).update(label for label, _ in labels)
    return found


def families(text: str) -> Iterable[str]:
    return re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)


def test_figures_of_several_processes_keep_apart_and_say_whose_they_are():
    one = b'# HELP a_total Of a.\n# TYPE a_total counter\na_total{how="left"} 2.0\n'
    two = one.replace(b"2.0", b"5.0") + b"# HELP b Of b.\n# TYPE b gauge\nb 1.0\n"
    found = {
        (s.name, *sorted(s.labels.items())): s.value
        for m in by_worker({0: one, 3: two})
        for s in m.samples
    }
    assert found == {
        ("a_total", ("how", "left"), ("worker", "0")): 2.0,
        ("a_total", ("how", "left"), ("worker", "3")): 5.0,
        ("b", ("worker", "3")): 1.0,
    }
    whole = text(Figures(None, None, workers={0: one, 3: two})).decode()
    assert "ext_debug_workers 2.0" in whole
    assert whole.count("# TYPE a_total counter") == 1  # a family stands in one place
