"""The admin's first page: streams and processes in words, badges, and what staff may see."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.test import Client, RequestFactory
from django.utils import timezone

from audit.actions import Action
from extdebug import dashboard
from extdebug.demo.sample import Cast
from extdebug.models import Process
from extdebug.sessions import heartbeats
from policies.grants import verbs
from tests.audit.conftest import record


def process(name: str, *, silent: float = 1.0, **health: Any) -> None:
    now = timezone.now()
    Process.objects.create(
        name=name, host="h", pid=1, started_at=now, beat_at=now - dt.timedelta(seconds=silent),
        health=health,
    )  # fmt: skip


def asked_by(user: User | AnonymousUser, path: str = "/admin/") -> Any:
    request = RequestFactory().get(path)
    request.user = user
    return request


def test_a_janitor_silent_for_minutes_is_shown_and_other_processes_sooner(cast: Cast):
    process("living")
    process("gone", silent=20)
    process(heartbeats.JANITOR, silent=60)
    assert not dashboard.streams()["janitor_silent"]
    assert dashboard.streams()["silent_count"] == 1
    Process.objects.filter(name=heartbeats.JANITOR).delete()
    process(heartbeats.JANITOR, silent=600)
    assert dashboard.streams()["janitor_silent"]
    assert {each.name for each in dashboard.streams()["processes"]} == {"living", "gone"}
    signs = heartbeats.signs()
    assert (signs.alive, signs.silent) == (1, 1)
    assert signs.janitor_age is not None
    assert signs.janitor_age >= 600


def test_what_is_wrong_with_a_stream_comes_first(db: None):
    streams = [
        {"target": "acme:a", "retention_ms": 90_000},
        {"target": "acme:b", "lag_ms": dashboard.LAGGING, "retention_ms": 600_000},
        {"target": "acme:c", "lost": {"retention": 3, "reset": 0}},
        {"target": "acme:d", "problem": "Redis does not answer"},
    ]
    process("living", streams=streams)
    process("gone", silent=20, streams=[{"target": "acme:e"}])
    rows = dashboard.streams()["streams"]

    assert [(row["target"], row["mood"], row["reach"]) for row in rows] == [
        ("acme:d", "bad", "?"),
        ("acme:e", "bad", "?"),
        ("acme:b", "slow", "10 min"),
        ("acme:c", "slow", "?"),
        ("acme:a", "good", "90 s"),
    ]
    assert rows[3]["lost"] == {"retention": 3}


def test_staff_who_are_no_operators_see_that_and_nothing_else(cast: Cast):
    stefan = User.objects.create_user("stefan", is_staff=True)

    assert dashboard.dashboard(asked_by(stefan), {"kept": 1}) == {"kept": 1, "operates": False}
    assert dashboard.waiting(asked_by(stefan)) == ""


@pytest.mark.parametrize(("path", "told"), [("/admin/", True), ("/admin/?live=1", False)])
def test_refusals_are_read_with_the_page_and_not_with_its_refreshes(
    cast: Cast, path: str, told: bool
):
    shown = dashboard.dashboard(asked_by(cast.olivia, path), {})

    assert shown["operates"]
    assert (shown["denials"] is not None) == told


def test_the_desk_leads_to_all_refusals_of_the_trail(cast: Cast):
    client = Client()
    client.force_login(cast.olivia)
    cast.olivia.user_permissions.add(Permission.objects.get(codename="view_auditrecord"))
    for action in (Action.PAGE_REFUSED, Action.GRANT_REFUSED, Action.SESSION_OPENED):
        record(action=action, data={"code": "x"})
    place = re.search(
        r'href="(/admin/audit/auditrecord/\?action[^"]*)"', client.get("/admin/").text
    )
    assert place is not None
    found = client.get(place[1]).context["cl"].result_list
    assert {row.action for row in found} == {"page.refused", "grant.refused"}


def test_the_badge_counts_requests_that_wait(cast: Cast, settings: Any):
    settings.EXT_DEBUG_ENVIRONMENT = "production"
    settings.EXT_DEBUG_UI_ENABLED = True
    assert dashboard.waiting(asked_by(cast.olivia)) == ""
    verbs.request(
        cast.dan, tenant="acme", extension="invoice-sync", minutes=60, reason="a customer waits"
    )
    assert dashboard.waiting(asked_by(cast.olivia)) == "1"
    assert dashboard.dashboard(asked_by(cast.olivia), {})["pending_count"] == 1


def test_the_sidebar_leads_to_pages_that_exist(cast: Cast, client: Any):
    client.force_login(cast.olivia)
    request = asked_by(cast.olivia)

    for group in dashboard.navigation(request):
        for item in group["items"]:
            if item["permission"](request):
                assert client.get(item["link"]).status_code == 200, item["link"]
