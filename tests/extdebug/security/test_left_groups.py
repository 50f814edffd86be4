"""Whoever left a group, by what their next sign-in finds, loses what they watch at once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from extdebug.demo.sample import Cast
from extdebug.models import DebugSession
from policies.sign_in import arrival
from policies.sign_in.claims import Person
from policies.sign_in.role_map import RoleMapText
from tests.extdebug.security.test_final_ends import Client, events
from tests.fixtures.console import Console
from tests.fixtures.programs import wait_until
from tests.fixtures.redis import RedisServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis]
CUT_WITHIN = 3.0  # seconds: the promise is 2, on a machine that does other things as well
ISSUER = "https://id.example"


def arrives(*groups: str) -> User:
    return arrival.arrive(Person(ISSUER, "s-1", "lena", "", frozenset(groups)))


def test_a_live_session_ends_when_the_next_sign_in_finds_the_group_left(
    live_console: Callable[..., Console],
    cast: Cast,
    redis_server: RedisServer,
    settings: Settings,
):
    roles = RoleMapText().parse("devs=developer:invoice-sync/inst-acme")
    settings.SIGN_IN = replace(settings.SIGN_IN, issuer=ISSUER, roles=roles)
    lena = arrives("devs")
    client = Client(live_console(redis_url=redis_server.url), lena, redis_server)
    with client.sse() as answer:
        stream = events(answer)
        assert answer.status_code == 200
        next(event for event in stream if "id" in event)
        begun = time.monotonic()
        arrives("another")
        closing = next(event for event in stream if event.get("event") == "closing")
        took = time.monotonic() - begun
    assert json.loads(closing["data"])["code"] in (4403, 4404, 4409)
    assert took < CUT_WITHIN
    open_rows = DebugSession.objects.filter(user=lena, closed_at=None)
    wait_until(lambda: not open_rows.exists(), what="its row is closed")
    assert client.poll().status_code in (403, 404)
