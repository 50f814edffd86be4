"""The desk's lists: what stands beside the heading of one, and what its page asks the database."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from unfold.admin import ModelAdmin

from policies.database import clock
from policies.models import Tenant
from tests.audit.lists_world import more_rows, operator
from tests.bench.bench_openings import LISTS as PAGES

pytestmark = pytest.mark.django_db(transaction=True)
LISTS = ["/admin/audit/auditrecord/", "/admin/policies/tenant/"]
MOST_QUERIES = 12
# Other lists of the sidebar, and pages that ask more: narrowed ones, which are counted.
OTHERS = (
    "/admin/policies/lock/",
    "/admin/policies/consent/",
    "/admin/policies/directoryrelease/",
    "/admin/policies/accesstoken/?standing=valid",
    "/admin/audit/auditrecord/?tenant=t1",
    "/admin/audit/auditrecord/?action__in=session.denied,token.refused",
    "/admin/audit/auditrecord/?q=t1",
    "/admin/?live=1",
)


@pytest.mark.parametrize("path", LISTS)
def test_only_a_search_says_how_much_it_found(client: Client, path: str) -> None:
    client.force_login(User.objects.create_superuser("rita", "rita@example.test", "x"))
    plain = client.get(path).content.decode()
    assert "Show all" not in plain
    searched = client.get(path, {"q": "nothing of this name"}).content.decode()
    assert "0 results" in searched
    assert "Show all" in searched


def asked(client: Client, path: str) -> list[str]:
    """The statements of a page that was looked at in the same minute before: the trail counts
    repeats by the minute, and a reading that is the first of its minute is written."""
    while True:
        minute = clock.now().minute
        client.get(path)
        with CaptureQueriesContext(connection) as seen:
            answer = client.get(path)
        assert answer.status_code == 200
        if clock.now().minute == minute:
            return [query["sql"] for query in seen.captured_queries]


def test_no_page_of_the_admin_asks_more_than_a_dozen_times_however_many_rows_it_shows(
    client: Client,
) -> None:
    omar = operator()
    client.force_login(omar)
    more_rows(range(2), approver=omar)
    few = {path: asked(client, path) for path in (*PAGES, *OTHERS)}
    more_rows(range(2, 6), approver=omar)
    many = {path: asked(client, path) for path in (*PAGES, *OTHERS)}
    for path, statements in many.items():
        assert len(statements) <= MOST_QUERIES, (path, len(statements), statements)
        assert len(statements) == len(few[path]), (path, few[path], statements)


@pytest.mark.parametrize("key", [7, 'a"b<c>&'])
def test_the_box_of_a_row_is_the_one_that_unfold_makes(key: Any) -> None:
    ours: Any = admin.site.get_model_admin(Tenant)
    row = Tenant(pk=key)
    assert ours.action_checkbox(row) == ModelAdmin.action_checkbox(ours, row)
