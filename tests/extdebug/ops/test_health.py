"""The three addresses for machines: alive, ready, and the figures for whoever has the token."""

import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import AsyncClient

from extdebug.ops import health
from tests.fixtures.database import without_triggers
from tests.fixtures.redis import RedisServer

AWAY = "redis://127.0.0.1:1/0"
TRIGGERS = ["audit.E001", "policies.E001"]


def readyz() -> tuple[int, list[str]]:
    answer = async_to_sync(AsyncClient().get)("/readyz")
    return answer.status_code, json.loads(answer.content)["problems"]


@pytest.mark.django_db(transaction=True)
def test_readyz_names_problems_by_id_and_says_no_more(settings: Any, redis_server: RedisServer):
    settings.PRODUCTION, settings.REDIS_URL = True, redis_server.url
    with without_triggers(connection):
        status, problems = readyz()
    assert status == 503
    assert sorted({*problems} - {"audit.E002"}) == TRIGGERS
    settings.PRODUCTION = False  # elsewhere they are warnings
    assert readyz() == (200, [])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("mode", "url", "expected"),
    [
        ("redis", AWAY, (503, ["redis: ConnectionError"])),
        ("auto", AWAY, (200, [])),
        ("runner", "", (200, [])),
    ],
)
def test_a_redis_that_is_away_matters_where_it_is_needed(
    settings: Any, mode: str, url: str, expected: Any
):
    settings.EXT_DEBUG_STREAM_MODE, settings.REDIS_URL = mode, url
    assert readyz() == expected


@pytest.mark.django_db(transaction=True)
def test_a_browser_reads_that_the_console_is_not_ready_as_a_page(settings: Any):
    settings.EXT_DEBUG_STREAM_MODE, settings.REDIS_URL = "redis", AWAY
    browser = {"accept": "text/html,*/*;q=0.8"}
    answer = async_to_sync(AsyncClient().get)("/readyz", headers=browser)
    assert answer.status_code == 503
    page = answer.content.decode()
    assert "<h1>Not ready</h1>" in page
    assert "redis: ConnectionError" in page
    settings.EXT_DEBUG_STREAM_MODE = "auto"
    assert async_to_sync(AsyncClient().get)("/readyz", headers=browser).json()["ok"]


@pytest.fixture
def nothing_logged_yet() -> None:
    health._logged.clear()
    health._warned.clear()


@pytest.mark.usefixtures("nothing_logged_yet")
@pytest.mark.django_db(transaction=True)
def test_why_is_for_the_log_once_and_for_whoever_has_the_token(
    settings: Any, caplog: pytest.LogCaptureFixture, redis_server: RedisServer
):
    settings.METRICS_TOKEN, settings.REDIS_URL = "a-token", AWAY
    why = {"redis: ConnectionError": "Redis does not answer: nobody listens on this port"}

    def ask(token: str) -> dict[str, Any]:
        answer = async_to_sync(AsyncClient().get)(
            "/readyz", headers={"Authorization": f"Bearer {token}"}
        )
        found: dict[str, Any] = json.loads(answer.content)
        return found

    assert ask("a-token") == {"ok": False, "problems": [*why], "why": why, "warnings": {}}
    assert ask("another") == {"ok": False, "problems": [*why]}
    settings.METRICS_TOKEN = ""
    assert ask("") == {"ok": False, "problems": [*why]}
    said = [each.getMessage() for each in caplog.records if each.name == health.__name__]
    assert said == [f"not ready: {name}: {reason}" for name, reason in why.items()]
    settings.REDIS_URL = redis_server.url
    assert ask("") == {"ok": True, "problems": []}
    assert "ready again" in [each.getMessage() for each in caplog.records]


@pytest.mark.usefixtures("nothing_logged_yet")
@pytest.mark.django_db(transaction=True)
def test_a_full_redis_is_told_and_keeps_nobody_away(
    settings: Any, caplog: pytest.LogCaptureFixture, redis_server: RedisServer
):
    settings.METRICS_TOKEN, settings.REDIS_URL = "a-token", redis_server.url
    headers = {"Authorization": "Bearer a-token"}

    def ask(path: str) -> bytes:
        return bytes(async_to_sync(AsyncClient().get)(path, headers=headers).content)

    assert b"ext_debug_redis_full 0.0" in ask("/metrics")
    with redis_server.client() as client:
        client.config_set("maxmemory", "1")
        try:
            for _ in range(2):
                answer = json.loads(ask("/readyz"))
                assert answer["ok"]
                assert "Redis is full" in answer["warnings"]["extdebug.W009"]
            assert b"ext_debug_redis_full 1.0" in ask("/metrics")
        finally:
            client.config_set("maxmemory", "0")
    said = [each.getMessage() for each in caplog.records if "W009" in each.getMessage()]
    assert len(said) == 1
    assert "extdebug.W009" not in json.loads(ask("/readyz"))["warnings"]


async def test_healthz_asks_nothing_of_anyone(async_client: AsyncClient, settings: Any):
    settings.REDIS_URL = AWAY
    answer = await async_client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    assert (await async_client.post("/healthz")).status_code == 405


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("token", "sent", "status"),
    [
        ("a-token", "Bearer a-token", 200),
        ("a-token", "Bearer another", 403),
        ("a-token", "Bearer ü", 403),
        ("a-token", "", 403),
        ("", "", 403),
        ("", "Bearer ", 403),
    ],
)
def test_figures_are_for_whoever_has_the_token_and_for_nobody_without_one(
    settings: Any, token: str, sent: str, status: int
):
    settings.METRICS_TOKEN = token
    answer = async_to_sync(AsyncClient().get)("/metrics", headers={"Authorization": sent})
    assert answer.status_code == status
    assert (b"ext_debug_database_up" in answer.content) == (status == 200)


def test_the_three_addresses_are_these(client: Any):
    from django.urls import resolve

    found = {path: resolve(path).func for path in ("/healthz", "/readyz", "/metrics")}
    assert found == {
        "/healthz": health.healthz, "/readyz": health.readyz, "/metrics": health.metrics,
    }  # fmt: skip
