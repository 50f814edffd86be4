"""The runner's figures as Prometheus reads them."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from extdebug.runner.config import PublisherConfig
from extdebug.runner.http.metrics import render
from extdebug.runner.publish.publisher import Publisher
from extdebug.runner.wasm.components import LoadedComponent
from tests.fixtures.runner import NoRedaction, execute_body


def samples(text: str) -> dict[tuple[str, str], float]:
    """Value by name and the value of its one label, "" without a label."""
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture(params=[None, "redis://127.0.0.1:1/0"], ids=["no Redis", "Redis away"])
def publisher(request: pytest.FixtureRequest) -> Iterator[Publisher]:
    config = PublisherConfig(redis_url=request.param, mirror=False)
    made = Publisher(config, redaction=NoRedaction())
    yield made
    made.close(0)


def test_each_figure_is_what_was_counted(publisher: Publisher) -> None:
    host: Any = SimpleNamespace(executions=7, failures={"trap": 2, "timeout": 1})
    sessions: Any = ["one", "two"]
    found = samples(render(publisher, host=host, sessions=sessions, running=3).decode())
    expected = {
        ("runner_debug_emitted_total", ""): 0,
        ("runner_debug_lost_total", "queue_full"): 0,
        ("runner_debug_lost_total", "rate_limited"): 0,
        ("runner_debug_stream_sessions", ""): 2,
        ("runner_executions_total", ""): 7,
        ("runner_execution_failures_total", "trap"): 2,
        ("runner_execution_failures_total", "timeout"): 1,
        ("runner_executions_running", ""): 3,
    }
    assert {key: found.get(key) for key in expected} == expected


def test_what_concerns_redis_is_told_where_there_is_one(publisher: Publisher) -> None:
    host: Any = SimpleNamespace(executions=0, failures={})
    sessions: Any = []
    found = samples(render(publisher, host=host, sessions=sessions, running=0).decode())
    told = ("runner_debug_connected", "") in found
    assert told == ("written" in publisher.stats())


async def test_a_scrape_counts_what_a_guest_printed(
    runner_http: httpx.AsyncClient, edges: LoadedComponent
) -> None:
    before = samples((await runner_http.get("/metrics")).text)
    await runner_http.post("/v1/execute", json=execute_body(edges))
    answer = await runner_http.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4"
    after = samples(answer.text)
    executions = ("runner_executions_total", "")
    assert after[executions] == before[executions] + 1
    emitted = ("runner_debug_emitted_total", "")
    assert after[emitted] >= before[emitted] + 2, "a start and an end at least"
