"""The admin's first page: streams and processes in words, badges, and what staff may see."""

from __future__ import annotations

import datetime as dt
import html
import re
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.db import connection
from django.test import Client, RequestFactory
from django.utils import timezone

from audit.actions import Action
from audit.models import AuditRecord
from extdebug import dashboard
from extdebug.demo.sample import Cast
from extdebug.models import Process
from extdebug.sessions import heartbeats
from policies.grants import verbs
from policies.models import Grant, Membership
from tests.audit.conftest import record
from tests.audit.lists_world import more_rows, operator
from tests.fixtures.database import without_triggers
from tests.policies.at_the_desk import watch


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
        {"target": "acme:a", "retention_ms": 90_000, "lag_ms": 12.4},
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
    assert rows[3]["lost"] == ["3 expired before they were read"]
    assert [row["lag"] for row in rows] == [
        "?",
        "?",
        f"{dashboard.LAGGING // 1000} s",
        "?",
        "12 ms",
    ]


def test_staff_who_are_no_operators_see_that_and_nothing_else(cast: Cast):
    stefan = User.objects.create_user("stefan", is_staff=True)

    assert dashboard.dashboard(asked_by(stefan), {"kept": 1}) == {"kept": 1, "operates": False}
    assert badges(stefan) == {"approvals": ("0", True), "changes": ("0", True)}


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


def badges(user: User) -> dict[str, tuple[str, bool]]:
    """Each number of the sidebar as it is drawn, and whether it is hidden."""
    titles = [item["title"] for group in dashboard.navigation(asked_by(user))
              for item in group["items"]]  # fmt: skip
    found = [re.search(r'data-waits="(\w+)"( hidden)?>(\d+)<', title) for title in titles]
    return {each[1]: (each[3], bool(each[2])) for each in found if each is not None}


def test_the_badge_counts_requests_that_wait_for_this_operator_and_is_hidden_when_none_does(
    cast: Cast, settings: Any
):
    settings.EXT_DEBUG_ENVIRONMENT = "production"
    settings.EXT_DEBUG_UI_ENABLED = True
    nothing = {"approvals": ("0", True), "changes": ("0", True)}
    assert badges(cast.olivia) == nothing
    verbs.request(
        cast.oscar, tenant="acme", extension="invoice-sync", minutes=60, reason="a customer waits"
    )
    assert badges(cast.olivia)["approvals"] == ("1", False)
    assert badges(cast.oscar) == nothing  # another operator decides on his own
    assert dashboard.dashboard(asked_by(cast.olivia), {})["pending_count"] == 1


@pytest.mark.parametrize("shown", [2, 25])
def test_the_tables_of_grants_are_those_of_asking_for_each(
    db: None, monkeypatch: pytest.MonkeyPatch, shown: int
):
    """Read in one statement: the same rows, order and numbers as by a query for each."""
    monkeypatch.setattr(dashboard, "SHOWN", shown)
    omar = operator()
    more_rows(range(4), approver=omar)
    with without_triggers(connection):
        Grant.objects.filter(beneficiary__username="p1", state="active").update(
            starts_at=timezone.now() - dt.timedelta(minutes=9),
            ends_at=timezone.now() - dt.timedelta(minutes=1),
        )
        Grant.objects.filter(beneficiary__username="p2", state="requested").update(
            lapses_at=timezone.now() - dt.timedelta(minutes=1)
        )
        for number, grant in enumerate(
            Grant.objects.order_by("-pk")
        ):  # another order than by number
            Grant.objects.filter(pk=grant.pk).update(
                lapses_at=grant.lapses_at + dt.timedelta(seconds=number)
            )
    now = timezone.now()
    page = dashboard.dashboard(asked_by(omar), {})
    open_ = Grant.objects.filter(closed_at=None)
    pending = open_.filter(state="requested", lapses_at__gt=now).order_by("lapses_at", "pk")
    granted = open_.filter(ends_at__gt=now, starts_at__isnull=False).order_by("ends_at", "pk")
    due = Grant.objects.filter(break_glass=True, reviewed_at=None).order_by("starts_at", "pk")
    for name, plain in (("pending", pending), ("granted", granted), ("unreviewed", due)):
        assert page[name] == list(plain[:shown]), name
    assert (page["pending_count"], page["granted_count"]) == (3, 6)
    for grant in page["pending"]:
        assert (grant.given, grant.decided) == (1, 1)
    for grant in page["granted"]:
        assert grant.live == grant.sessions.filter(closed_at=None).count() == 1
    assert page["live_count"] == 12
    assert len(page["changes"]) == min(shown, 4)


def test_a_stream_that_is_watched_is_shown_before_its_process_reports_it(cast: Cast):
    watch(cast.dan)
    process("living", streams=[{"target": "acme:other"}])
    rows = {row["target"]: row for row in dashboard.streams()["streams"]}
    assert rows["acme:invoice-sync"]["mood"] == "new"
    client = Client()
    client.force_login(cast.olivia)
    page = client.get("/admin/").text
    assert "no figures yet" in page
    assert "No streams are being read" not in page
    assert "<b>1</b>live session<" in page.replace("</a>", "<")


def test_the_sidebar_leads_to_pages_that_exist(cast: Cast, client: Any):
    client.force_login(cast.olivia)
    request = asked_by(cast.olivia)

    for group in dashboard.navigation(request):
        for item in group["items"]:
            if item["permission"](request):
                assert client.get(item["link"], follow=True).status_code == 200, item["link"]


# --- one name for one thing -------------------------------------------------------------------


def names_of(page: str) -> tuple[str, list[str]]:
    """What a page of the desk calls itself: in its tab, and the steps of its heading."""
    tab = re.search(r"<title>(.*?)</title>", page, re.DOTALL)
    heading = re.search(r"<h1.*?</h1>", page, re.DOTALL)
    assert tab is not None
    assert heading is not None
    steps = re.findall(r"<(?:a|span)[^>]*truncate[^>]*>(.*?)</(?:a|span)>", heading[0], re.DOTALL)
    title, _, site = html.unescape(tab[1]).strip().rpartition(" | ")
    assert site == "Debug Console"
    return title, [html.unescape(step).strip() for step in steps]


def test_the_sidebar_the_tab_and_the_heading_call_each_page_by_one_name(cast: Cast, client: Client):
    User.objects.filter(pk=cast.olivia.pk).update(is_superuser=True)
    client.force_login(cast.olivia)
    session = watch(cast.dan)
    row = AuditRecord.objects.earliest("seq")
    process("living")
    tenant_admin = Membership.objects.get(user=cast.alice)
    groups = dashboard.navigation(asked_by(User.objects.get(pk=cast.olivia.pk)))
    entries = [entry for group in groups for entry in group["items"]]
    assert len(entries) > 20
    for entry in entries:
        name = re.sub(r" <span.*", "", str(entry["title"]))
        if name == "Waiting for approval":  # leads to the next request, or to this part of the desk
            assert f"<h2>{name}</h2>" in client.get("/admin/").text
            continue
        assert names_of(client.get(entry["link"]).text) == (name, [name]), name
        add = client.get(f"{entry['link']}add/")
        if add.status_code == 200:
            title, steps = names_of(add.text)
            assert steps[0] in (name, title), entry["link"]
    for path, steps in (
        (f"policies/membership/{tenant_admin.pk}/change/", ["Tenant admins", str(tenant_admin)]),
        (f"audit/auditrecord/{row.pk}/change/", ["Audit trail"]),
        (f"extdebug/process/{Process.objects.get().pk}/change/", ["Streams", "living"]),
    ):
        assert names_of(client.get(f"/admin/{path}").text)[1][: len(steps)] == steps
    for path, title in (
        (f"extdebug/debugsession/{session.pk}/change/", "Session of dan on"),
        ("extdebug/process/purge/", "Purge lines of a stream"),
    ):
        said, steps = names_of(client.get(f"/admin/{path}").text)
        assert said.startswith(title)
        assert steps == [said]
