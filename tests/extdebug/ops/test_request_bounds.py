"""Bodies are bounded before the framework, requests by the threads they may wait for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from extdebug.ops import request_bounds
from extdebug.ops.request_bounds import (
    ADMIN_BODY,
    ANONYMOUS_BODY,
    API_BODY,
    CONNECTIONS,
    DIRECTORY_BODY,
    HASHING,
    PAGES,
    PROVIDER,
    QUICK,
    RequestBounds,
    lane_of,
    most_bytes,
)
from tests.fixtures.console import ROLE, Console


def scope(method: str = "POST", path: str = "/login/", **headers: str) -> dict[str, Any]:
    named = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    return {"type": "http", "method": method, "path": path, "headers": named}


class Asked:
    """One request through the bounds: what the application saw, what the client got."""

    def __init__(self, *parts: bytes, endless: bool = False) -> None:
        self.parts = list(parts)
        self.endless = endless
        self.read = 0
        self.sent: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []

    async def receive(self) -> dict[str, Any]:
        if self.endless:
            self.read += 1000
            return {"type": "http.request", "body": b"x" * 1000, "more_body": True}
        if not self.parts:
            return {"type": "http.disconnect"}
        part = self.parts.pop(0)
        self.read += len(part)
        return {"type": "http.request", "body": part, "more_body": bool(self.parts)}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    async def application(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        assert message["more_body"] is False
        self.bodies.append(message["body"])
        assert (await receive())["type"] == "http.disconnect"

    @property
    def status(self) -> int | None:
        return self.sent[0]["status"] if self.sent else None

    async def ask(self, scope: dict[str, Any], *, buffered: int = 10**6) -> Asked:
        await RequestBounds(self.application, buffered=buffered)(scope, self.receive, self.send)
        return self


async def test_a_body_arrives_whole_and_a_disconnect_is_still_heard():
    asked = await Asked(b"user", b"name=x").ask(scope())
    assert asked.bodies == [b"username=x"]
    assert asked.status is None


async def test_an_endless_body_ends_at_its_routes_limit():
    asked = await Asked(endless=True).ask(scope())
    assert asked.status == 413
    assert asked.bodies == []
    assert asked.read <= ANONYMOUS_BODY + 1000
    assert (b"connection", b"close") in asked.sent[0]["headers"]


async def test_a_body_that_says_it_is_too_long_is_not_read():
    asked = await Asked(endless=True).ask(scope(content_length=str(10**30)))
    assert (asked.status, asked.read) == (413, 0)


@pytest.mark.parametrize("path", ["/", "/healthz", "/api/ext-debug/stream", "/admin/", "/none"])
async def test_a_get_has_no_body(path: str):
    assert (await Asked(b"x", b"y").ask(scope("GET", path))).status == 413


async def test_all_bodies_together_are_bounded():
    asked = await Asked(b"x" * 900, b"y" * 900).ask(scope(), buffered=1000)
    assert asked.status == 503
    again = await Asked(b"x" * 900).ask(scope(), buffered=1000)
    assert again.bodies == [b"x" * 900]


@pytest.mark.parametrize(
    ("path", "accept", "kind"),
    [
        ("/login/", "text/html,application/xhtml+xml,*/*;q=0.8", b"text/html; charset=utf-8"),
        ("/login/", "*/*", b"text/plain; charset=utf-8"),
        ("/api/ext-debug/grants", "text/html,*/*", b"text/plain; charset=utf-8"),
    ],
)
async def test_a_browser_gets_what_is_refused_here_as_a_page(path: str, accept: str, kind: bytes):
    asked = await Asked(b"x" * 900, b"y" * 900).ask(scope(path=path, accept=accept), buffered=1000)
    headers = dict(asked.sent[0]["headers"])
    body = asked.sent[1]["body"]
    assert (asked.status, headers[b"content-type"]) == (503, kind)
    assert headers[b"content-length"] == str(len(body)).encode()
    assert b"Too much is arriving at once." in body
    assert (b"<main" in body) == kind.startswith(b"text/html")
    assert b"script-src 'self'" in headers[b"content-security-policy"]


async def test_room_for_bodies_is_given_back():
    bounds = RequestBounds(Asked().application, buffered=1000)
    for _ in range(5):
        asked = Asked(b"x" * 900)
        await bounds(scope(), asked.receive, asked.send)
        assert asked.status is None


@pytest.mark.parametrize(
    ("path", "headers", "most"),
    [
        ("/login/", {}, ANONYMOUS_BODY),
        ("/login/", {"cookie": "sessionid=abc"}, ANONYMOUS_BODY),
        ("/admin/login/", {}, ANONYMOUS_BODY),
        ("/admin/policies/grant/", {"cookie": "sessionid=abc"}, ADMIN_BODY),
        ("/admin/policies/grant/", {}, ANONYMOUS_BODY),
        ("/api/ext-debug/grants", {}, API_BODY),
        ("/nothing/here", {}, ANONYMOUS_BODY),
    ],
)
def test_each_route_has_its_limit(path: str, headers: dict[str, str], most: int):
    assert most_bytes(scope("POST", path, **headers)) == most


def test_only_who_has_the_directorys_token_may_send_so_much(settings: Any):
    def most(**headers: str) -> int:
        return most_bytes(scope("PUT", "/api/directory/people/", **headers))

    assert most(authorization="Bearer ") == ANONYMOUS_BODY
    settings.DIRECTORY_TOKEN = "a-token-of-the-directory-0123456789"
    right = f"Bearer {settings.DIRECTORY_TOKEN}"
    assert most(authorization=right) == DIRECTORY_BODY
    assert most() == most(authorization=f"{right}x") == ANONYMOUS_BODY
    assert most_bytes(scope("PUT", "/login/", authorization=right)) == ANONYMOUS_BODY
    assert lane_of(scope("PUT", "/api/directory/")) is PAGES, "a run may take seconds"


@pytest.mark.parametrize(
    ("method", "path", "lane"),
    [
        ("POST", "/login/", HASHING),
        ("POST", "/admin/login/", PAGES),  # leads to the one sign-in, and hashes nothing
        ("GET", "/login/provider/", PROVIDER),
        ("GET", "/login/provider/callback/", PROVIDER),
        ("POST", "/admin/password_change/", HASHING),
        ("POST", "/admin/auth/user/add/", HASHING),
        ("POST", "/admin/auth/user/7/password/", HASHING),
        ("GET", "/login/", PAGES),
        ("GET", "/extensions/", PAGES),
        ("GET", "/healthz", QUICK),
        ("GET", "/api/ext-debug/stream", QUICK),
        ("GET", "/static/extdebug/console.js", QUICK),
        ("GET", "/healthzz", PAGES),
    ],
)
def test_each_route_has_its_threads(method: str, path: str, lane: object):
    assert lane_of(scope(method, path)) is lane


async def test_sync_code_runs_in_the_lanes_threads_and_a_full_lane_answers_at_once():
    names: set[str] = set()
    gate = threading.Event()

    def work() -> None:
        names.add(threading.current_thread().name)
        gate.wait(10)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await sync_to_async(work)()

    bounds = RequestBounds(application)
    most = HASHING.most
    assert most is not None
    waiting = [Asked(b"") for _ in range(most)]
    tasks = [asyncio.create_task(bounds(scope(), one.receive, one.send)) for one in waiting]
    await asyncio.sleep(0)  # each takes its place at its first step, before it waits
    assert HASHING.busy == most
    late = Asked(b"")
    await bounds(scope(), late.receive, late.send)
    assert late.status == 503
    gate.set()
    await asyncio.gather(*tasks)
    assert HASHING.busy == 0
    assert len(names) <= request_bounds.HASHING_THREADS
    assert all(name.startswith("hashing") for name in names)


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no slots")
def test_a_process_holds_no_more_connections_than_it_says(live_console: Callable[..., Console]):
    """Sequential and parallel requests of strangers, the database's slots just enough for two
    processes: the other console goes on answering from it."""
    first = live_console()
    place = connection.settings_dict
    address = f"postgres://{place['USER']}@{place['HOST']}:{place['PORT']}/{place['NAME']}"
    paths = ["/extensions/", "/login/", "/access/", "/admin/", "/api/ext-debug/stream"]
    cookie = {"Cookie": "sessionid=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}  # asks the database

    def ask(number: int) -> int:
        url = f"{first.url}{paths[number % len(paths)]}"
        return httpx.get(url, headers=cookie, timeout=60).status_code

    with psycopg.connect(address, autocommit=True) as owner:
        # Of the database and not of the role, which consoles of tests beside this one have, too.
        owner.execute(f"ALTER DATABASE {place['NAME']} CONNECTION LIMIT {2 * CONNECTIONS}".encode())
        try:
            second = live_console()
            for number in range(60):
                assert ask(number) < 500
            with ThreadPoolExecutor(40) as many:
                answers = list(many.map(ask, range(240)))
            assert set(answers) <= {200, 302, 401, 503}
            row = owner.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND datname = %s",
                [ROLE, place["NAME"]],
            ).fetchone()
            assert row is not None
            assert 0 < row[0] <= CONNECTIONS + 2  # the second has asked for little yet
            assert httpx.get(f"{second.url}/extensions/", headers=cookie).status_code == 302
        finally:
            owner.execute(f"ALTER DATABASE {place['NAME']} CONNECTION LIMIT -1".encode())
