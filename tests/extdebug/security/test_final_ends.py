"""A final end is final for clients that reconnect by themselves; what has no connection holds no
place: server-sent events and polling on a running console."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from audit import trail
from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from extdebug.models import DebugSession
from extdebug.sessions import ownership, store
from tests.extdebug.test_live import KEY, entry
from tests.fixtures.console import Console
from tests.fixtures.programs import wait_until
from tests.fixtures.redis import RedisServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis]
TARGET = {"tenantId": "acme", "extensionId": "invoice-sync"}


class Client:
    """dan, by curl or a script."""

    def __init__(self, console: Console, user: Any, redis: RedisServer) -> None:
        self.url = f"{console.url}/api/ext-debug/stream"
        self.headers = console.headers(user)
        key = self.headers["Cookie"].partition("=")[2]
        self.csrf = {"Cookie": f"sessionid={key}; csrftoken={'x' * 32}", "X-CSRFToken": "x" * 32}
        with redis.client() as client:
            client.xadd(KEY, entry("a line"))

    @contextmanager
    def sse(self, last_id: str = "") -> Iterator[httpx.Response]:
        headers = {**self.headers, **({"Last-Event-ID": last_id} if last_id else {})}
        with httpx.stream("GET", self.url, params=TARGET, headers=headers, timeout=10) as answer:
            yield answer

    def poll(self, last_id: str | None = None) -> httpx.Response:
        body = {**TARGET, **({"lastId": last_id} if last_id else {})}
        return httpx.post(self.url, json=body, headers={**self.headers, **self.csrf}, timeout=10)


@pytest.fixture
def client(live_console: Callable[..., Console], cast: Cast, redis_server: RedisServer) -> Client:
    return Client(live_console(redis_url=redis_server.url), cast.dan, redis_server)


def events(answer: httpx.Response) -> Iterator[dict[str, str]]:
    """Each event's fields."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield fields
            fields = {}


def last_id(answer: httpx.Response) -> str:
    return next(event["id"] for event in events(answer) if "id" in event)


def reached(rows: Any, count: int) -> bool:
    return bool(rows.count() == count)


def end(session: str) -> None:
    olivia = User.objects.get(username="olivia")
    assert store.end(session, actor=trail.actor_of(olivia))


def test_an_end_is_told_in_the_stream_and_to_whoever_reconnects_with_its_id(client: Client):
    with client.sse() as answer:
        stream = events(answer)
        place = next(event["id"] for event in stream if "id" in event)
        end(place.partition("~")[2])
        closing = next(event for event in stream if event.get("event") == "closing")
    assert json.loads(closing["data"])["reason"] == "ended"
    for _ in range(2):
        with client.sse(place) as again:
            assert again.status_code == 410
            said = json.loads(again.read())
            assert (said["type"], said["reason"]) == ("closing", "ended")
            assert "olivia" in said["message"]
    assert DebugSession.objects.count() == 1
    with client.sse() as anew:  # a person who opens it again, without its id
        assert anew.status_code == 200


def test_an_end_between_two_connections_is_final_too(client: Client):
    with client.sse() as answer:
        place = last_id(answer)
    row = DebugSession.objects.get()
    wait_until(
        lambda: DebugSession.objects.filter(detached_at__isnull=False), seconds=30, what="dropped"
    )
    end(str(row.pk))
    for _ in range(2):
        with client.sse(place) as again:
            assert again.status_code == 410
        row.refresh_from_db()
        assert (row.close_code, row.close_reason) == (4410, "ended")
    closed = AuditRecord.objects.get(action=trail.Action.SESSION_CLOSED)
    assert (closed.reason, closed.data["code"]) == ("ended", 4410)


def test_an_end_without_a_connection_is_closed_by_the_janitor_too(client: Client):
    with client.sse() as answer:
        last_id(answer)
    wait_until(
        lambda: DebugSession.objects.filter(detached_at__isnull=False), seconds=30, what="dropped"
    )
    row = DebugSession.objects.get()
    end(str(row.pk))
    assert ownership.close_abandoned() == 1
    row.refresh_from_db()
    assert (row.close_code, row.close_reason) == (4410, "ended")


def test_a_poll_after_an_end_gets_its_reason_as_the_closing_object(client: Client):
    first = client.poll().json()
    assert first["closing"] is None
    end(first["session"])
    for _ in range(2):
        answer = client.poll(first["lastId"])
        assert answer.status_code == 200
        said = answer.json()
        assert said["closing"]["reason"] == "ended"
        assert (said["events"], said["lastId"]) == ([], first["lastId"])
    assert DebugSession.objects.count() == 1


@pytest.mark.parametrize(
    ("code", "reason", "status", "said"),
    [
        (4408, "time_up", 410, "time_up"),
        (4409, "grant", 403, "grant"),
        (4401, "signed_out", 401, "signed_out"),
    ],
)
def test_every_final_close_is_final_for_its_client(
    client: Client, code: int, reason: str, status: int, said: str
):
    with client.sse() as answer:
        place = last_id(answer)
    wait_until(
        lambda: DebugSession.objects.filter(detached_at__isnull=False), seconds=30, what="dropped"
    )
    DebugSession.objects.update(closed_at=timezone.now(), close_code=code, close_reason=reason)
    with client.sse(place) as again:
        assert again.status_code == status
        assert json.loads(again.read())["reason"] == said
    assert DebugSession.objects.count() == 1


def test_a_lost_session_is_gone_on_with_and_one_of_somebody_else_is_not_told(
    client: Client, cast: Cast
):
    with client.sse() as answer:
        place = last_id(answer)
    wait_until(
        lambda: DebugSession.objects.filter(detached_at__isnull=False), seconds=30, what="dropped"
    )
    with client.sse(place) as again:
        assert again.status_code == 200
        assert last_id(again).partition("~")[2] == place.partition("~")[2]
    DebugSession.objects.update(
        user=cast.dora, closed_at=timezone.now(), close_code=4410, close_reason="ended"
    )
    with client.sse(place) as other:
        assert other.status_code == 200


def test_a_drop_is_noticed_at_once_and_holds_no_place(client: Client):
    """Five dropped connections and a sixth that opens; five that live, and the sixth is refused."""
    for count in range(1, 6):
        with client.sse() as answer:
            last_id(answer)
        dropped = DebugSession.objects.filter(detached_at__isnull=False)
        wait_until(partial(reached, dropped, count), seconds=2, what="the drop is noticed")
    open_at_once = [client.sse() for _ in range(6)]
    answers = [one.__enter__() for one in open_at_once]
    try:
        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        assert DebugSession.objects.filter(closed_at=None).count() == 5
        gone = DebugSession.objects.exclude(closed_at=None)
        assert {row.close_reason for row in gone} == {"gave way to a newer one"}
        assert gone.count() == 5
    finally:
        for one in open_at_once:
            one.__exit__(None, None, None)
