"""Openings decided together: locks first, each attempt counted once, nothing without `write`."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from extdebug.demo.sample import Cast
from policies import access
from policies.access import OpenSessions
from policies.models import Limits, Opening
from tests.policies.conftest import TARGET

pytestmark = pytest.mark.django_db
NONE = OpenSessions()


def openings(*users: object) -> access.Openings:
    viewers = [access.viewer_of(user, transport="ws") for user in users]  # type: ignore[arg-type]
    return access.openings([(viewer, *TARGET.values()) for viewer in viewers])


def test_an_attempt_counts_once_however_often_it_is_asked(cast: Cast) -> None:
    Limits.objects.create(openings_per_minute=2)
    with transaction.atomic():
        asked = openings(cast.dan, cast.dan, cast.dora, cast.dan)
        assert [asked.decide(0, NONE).code for _ in range(4)] == [""] * 4
        assert [asked.decide(place, NONE).code for place in (1, 2, 3)] == ["", "", "busy"]
        assert not Opening.objects.filter(kind="session").exists()
        asked.write()
    assert Opening.objects.filter(kind="session").count() == 3
    assert openings(cast.dan).decide(0, NONE).code == "busy"


def test_the_sessions_that_are_open_by_then_count(cast: Cast) -> None:
    asked = openings(cast.dan, cast.mallory)
    assert asked.decide(0, OpenSessions(tenant=200)).code == "busy"
    assert asked.decide(0, OpenSessions(tenant=199)).code == ""
    assert asked.decide(1, OpenSessions(tenant=200)).code == "not_found"


def test_facts_are_read_after_the_locks(cast: Cast) -> None:
    """What a transaction waited for, another opening or a revocation, is seen by its decision."""
    with CaptureQueriesContext(connection) as seen:
        openings(cast.dan, cast.dora)
    told = ["lock" if "pg_advisory" in q["sql"] else "read" for q in seen.captured_queries]
    locked = ["lock"] if connection.vendor == "postgresql" else []
    assert told == [*locked, "read", "read"]  # the second: what was opened in the last minute
