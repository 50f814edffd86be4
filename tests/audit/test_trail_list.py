"""The pages, counts and dates of the trail's list."""

from __future__ import annotations

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from audit import trail_list
from audit.models import AuditRecord
from audit.trail_list import MoreThan, TrailPaginator
from tests.audit.conftest import record
from tests.fixtures.database import without_triggers

LIST = "/admin/audit/auditrecord/"


def numbers(using: str, page: int, *, per_page: int, order: str = "-seq") -> list[int]:
    rows = AuditRecord.objects.using(using).order_by(order, "-seq")
    pages = TrailPaginator(rows, per_page)
    pages.rows = AuditRecord.objects.using(using).latest("seq").seq
    return [row.seq for row in pages.page(page).object_list]


def test_its_pages_are_those_of_counting_from_the_newest(trail_database: str) -> None:
    for _ in range(23):
        record(using=trail_database)
    every = [row.seq for row in AuditRecord.objects.using(trail_database).order_by("-seq")]

    @given(st.integers(1, 30), st.sampled_from(["-seq", "seq", "tenant"]))
    def holds(per_page: int, order: str) -> None:
        found: list[int] = []
        for page in range(1, -(-23 // per_page) + 1):
            found += numbers(trail_database, page, per_page=per_page, order=order)
        assert found == (every[::-1] if order == "seq" else every)

    holds()


def test_a_page_skips_no_rows_to_find_its_own(trail_database: str) -> None:
    for _ in range(9):
        record(using=trail_database)
    with CaptureQueriesContext(connections[trail_database]) as seen:
        assert numbers(trail_database, 3, per_page=2) == [5, 4]
    assert all("OFFSET" not in query["sql"] for query in seen.captured_queries)


def test_a_page_from_which_rows_were_cut_is_shorter(trail_database: str) -> None:
    for _ in range(9):
        record(using=trail_database)
    connection = connections[trail_database]
    with without_triggers(connection), connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_auditrecord WHERE seq IN (1, 5)")
    pages = [numbers(trail_database, page, per_page=3) for page in (1, 2, 3)]
    assert pages == [[9, 8, 7], [6, 4], [3, 2]]


@pytest.mark.django_db(transaction=True)
def test_what_is_filtered_is_counted_to_a_bound_and_says_so(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        record(tenant="acme")
    exact = admin_client.get(f"{LIST}?tenant=acme").text
    assert "5 rows" in exact
    monkeypatch.setattr(trail_list, "MOST_COUNTED", 4)
    bounded = admin_client.get(f"{LIST}?tenant=acme").text
    assert "more than 4 rows" in bounded
    assert "more than 4 results" in bounded
    assert "more than" not in admin_client.get(LIST).text


def test_more_than_a_number_is_that_number_to_arithmetic() -> None:
    assert MoreThan(4) == 4
    assert f"{MoreThan(4)} {MoreThan(4) + 1}" == "more than 4 5"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("query", ["", "?at__year={year}", "?at__year={year}&at__month={month}"])
def test_dates_lead_to_the_rows_of_their_days(admin_client: Client, query: str) -> None:
    row = record(tenant="acme")
    at = row.at
    page = admin_client.get(LIST + query.format(year=at.year, month=at.month))
    dates = page.context["cl"].dates()
    last = dates["choices"][-1]
    assert last["title"] in page.text
    while "day" not in last["link"]:
        last = admin_client.get(LIST + last["link"]).context["cl"].dates()["choices"][-1]
    found = admin_client.get(LIST + last["link"])
    assert row.seq in [each.seq for each in found.context["cl"].result_list]
    assert found.context["cl"].dates()["choices"] == [{"title": last["title"]}]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("query", ["?at__year=x", "?at__year=2026&at__month=13", "?at__year=0"])
def test_a_date_that_is_none_is_refused_as_before(admin_client: Client, query: str) -> None:
    assert admin_client.get(LIST + query).status_code == 302
