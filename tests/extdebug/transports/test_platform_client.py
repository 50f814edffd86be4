"""The platform's own debug page in polling mode, unmodified: what it sends, and what it reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from extdebug.demo.sample import Cast
from tests.extdebug.test_live import KEY, entry
from tests.fixtures.console import Console
from tests.fixtures.redis import RedisServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis]


class Page:
    """Polls as that page's script does: JSON with `lastId`, `0` first, no token of any kind."""

    def __init__(self, console: Console, user: Any) -> None:
        self._url = f"{console.url}/api/ext-debug/stream"
        self._headers = {**console.headers(user), "Sec-Fetch-Site": "same-origin"}
        self._last_id = "0"
        self.error = ""

    def poll(self, **query: str) -> list[str]:
        answer = httpx.post(
            self._url, params={"extensionId": "invoice-sync", **query},
            json={"lastId": self._last_id}, headers=self._headers, timeout=10,
        )  # fmt: skip
        data = answer.json()
        if answer.status_code != 200:
            self.error = data["error"]
            return []
        self._last_id = data["lastId"] or self._last_id
        return [event["message"] for event in data["events"]]


def test_it_reads_all_that_is_kept_and_then_what_is_new(
    live_console: Callable[..., Console], redis_server: RedisServer, cast: Cast
) -> None:
    with redis_server.client() as client:
        for number in range(300):
            client.xadd(KEY, entry(f"line {number}", request=f"Req-{number % 2}"))
        console = live_console(redis_url=redis_server.url)
        page = Page(console, cast.dan)
        acme = {"tenantId": "acme"}
        assert page.poll(**acme) == [f"line {number}" for number in range(300)]
        assert page.poll(**acme) == []
        client.xadd(KEY, entry("fresh", request="other"))
        assert page.poll(**acme) == ["fresh"]
        one_request = Page(console, cast.dan)
        odd = one_request.poll(**acme, requestId="rEQ-1")
        assert odd == [f"line {number}" for number in range(1, 300, 2)], "case does not count"
    stranger = Page(console, cast.mallory)
    assert stranger.poll(**acme) == []
    assert stranger.error == "There is no such tenant and extension."
