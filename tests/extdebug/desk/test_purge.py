"""Purging at the desk: operators alone, asked first, for a reason; nothing goes by accident."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from audit.chain import AuditError
from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from extdebug.models import StreamPurge
from policies.models import Lock
from tests.fixtures.redis import RedisServer

PAGE = "/admin/extdebug/process/purge/"
KEY = "ext-debug:acme:invoice-sync"
ASKED = {"tenant": "acme", "extension": "invoice-sync", "reason": "a key was printed"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(redis_server: RedisServer, settings: Settings) -> RedisServer:
    settings.EXT_DEBUG_PURGE_REDIS_URL = redis_server.url
    with redis_server.client() as client:
        for number in range(1, 8):
            client.xadd(KEY, {"message": f"line {number}"}, id=f"{number}000-0")
    return redis_server


@pytest.fixture
def olivia(cast: Cast, client: Client) -> Client:
    client.force_login(cast.olivia)
    return client


def length(server: RedisServer) -> int:
    with server.client() as client:
        return int(client.xlen(KEY))


def sent(page: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)
    return {name: value for name, value in found if name != "csrfmiddlewaretoken"}


def test_an_operator_is_asked_first_and_purges_what_was_shown(
    server: RedisServer, olivia: Client
) -> None:
    assert olivia.get(PAGE, {"tenant": "acme", "extension": "invoice-sync"}).status_code == 200
    asked = olivia.post(PAGE, {**ASKED, "last": "4000-0"})
    assert "Purge 4 lines of acme:invoice-sync?" in asked.text
    assert "cannot be undone" in asked.text
    assert "0 sessions watch this stream now" in asked.text
    assert length(server) == 7
    assert not StreamPurge.objects.exists()

    done = olivia.post(PAGE, sent(asked.text))
    assert done.status_code == 302
    assert "first=0-0" not in done["Location"]
    assert length(server) == 3
    assert "a key was printed" in olivia.get(PAGE).text, "among those before"


@pytest.mark.parametrize("who", ["mallory", "dan", "dora", "alice", "greta"])
def test_nobody_else_purges_or_learns_that_the_page_is_there(
    server: RedisServer, cast: Cast, client: Client, who: str
) -> None:
    client.force_login(getattr(cast, who))
    for answer in (
        client.get(PAGE), client.post(PAGE, {**ASKED, "confirmed": "7"})
    ):  # fmt: skip
        assert answer.status_code in (302, 403, 404)
        assert not answer.headers.get("Location", "").startswith("/admin/extdebug")
    assert length(server) == 7
    assert not StreamPurge.objects.exists()
    assert AuditRecord.objects.filter(action="page.refused", actor_name=who).exists()


def test_staff_without_the_right_and_a_locked_operator_purge_nothing(
    server: RedisServer, cast: Cast, client: Client
) -> None:
    client.force_login(User.objects.create_user("stefan", is_staff=True))
    assert client.post(PAGE, {**ASKED, "confirmed": "7"}).status_code == 404
    Lock.objects.create(user=cast.olivia, reason="left", created_by=cast.oscar)
    client.force_login(cast.olivia)
    refused = client.post(PAGE, {**ASKED, "confirmed": "7"})
    assert refused.status_code == 403
    assert "Your account is locked" in refused.text
    assert length(server) == 7


@pytest.mark.parametrize(
    ("more", "status", "says"),
    [
        ({"reason": "  "}, 400, "This field is required"),
        ({"tenant": "*"}, 400, "tenant"),
        ({"extension": "report-maker"}, 409, "retains no line"),
        ({"first": "8000-0"}, 409, "retains no line"),
        ({"first": "5000-0", "last": "4000-0"}, 400, "before the beginning"),
    ],
)
def test_what_cannot_be_purged_is_said(
    server: RedisServer, olivia: Client, more: dict[str, Any], status: int, says: str
) -> None:
    answer = olivia.post(PAGE, {**ASKED, "confirmed": "1", **more})
    assert (answer.status_code, says in answer.text) == (status, True)
    assert length(server) == 7
    assert not StreamPurge.objects.exists()


def test_a_redis_that_is_away_is_said(server: RedisServer, olivia: Client) -> None:
    asked = sent(olivia.post(PAGE, ASKED).text)
    server.stop()
    answer = olivia.post(PAGE, asked)
    assert answer.status_code == 503
    assert "Nothing was removed. Redis could not be asked" in answer.text


def test_without_a_record_nothing_goes(
    server: RedisServer, olivia: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AuditError("neither chain nor outbox")

    asked = sent(olivia.post(PAGE, ASKED).text)
    monkeypatch.setattr("audit.trail.record_change", refuse)
    answer = olivia.post(PAGE, asked)
    assert answer.status_code == 503
    assert "the audit trail cannot record it" in answer.text
    assert length(server) == 7


def test_lines_in_the_middle_go_and_their_neighbours_stay(
    server: RedisServer, olivia: Client
) -> None:
    asked = olivia.post(PAGE, {**ASKED, "first": "3000-0", "last": "5000-0"})
    assert olivia.post(PAGE, sent(asked.text)).status_code == 302
    with server.client() as client:
        assert [row[0] for row in client.xrange(KEY)] == [
            b"1000-0", b"2000-0", b"6000-0", b"7000-0",
        ]  # fmt: skip
