"""The values that the filters of the trail's list offer."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connections
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from audit import list_choices
from audit.actions import Action, ActorKind
from audit.models import AuditRecord
from audit.trail import Actor
from tests.audit.conftest import record
from tests.fixtures.database import without_triggers

KEYS = ["", "acme", "ACME", "a-b", "ab", "globex", "ümlaut", "%"]
ROWS = st.lists(
    st.tuples(
        st.sampled_from(list(Action)), st.sampled_from(list(ActorKind)), st.sampled_from(KEYS),
        st.sampled_from(KEYS),
    ),
    max_size=12,
)  # fmt: skip


def fill(using: str, rows: list[tuple[Action, ActorKind, str, str]]) -> None:
    """A trail of these rows and no others."""
    with connections[using].cursor() as cursor:
        cursor.execute("DELETE FROM audit_auditrecord")
    for action, kind, tenant, extension in rows:
        actor = Actor(kind=kind, id="1")
        record(using=using, action=action, actor=actor, tenant=tenant, extension=extension)


def plainly(column: str, using: str) -> list[str]:
    rows = AuditRecord.objects.using(using).order_by(column)
    return list(rows.values_list(column, flat=True).distinct())


def test_they_are_those_that_reading_every_row_finds(trail_database: str) -> None:
    @given(ROWS, st.integers(1, 4))
    def holds(rows: list[Any], most: int) -> None:
        fill(trail_database, rows)
        found = list_choices.values(most=100, using=trail_database)
        assert found == {column: plainly(column, trail_database) for column in found}
        first = list_choices.values(most=most, using=trail_database)
        assert first == {column: all_[: most + 1] for column, all_ in found.items()}

    with without_triggers(connections[trail_database]):
        holds()


def test_each_column_has_an_index_to_step_through() -> None:
    begins = {index.fields[0] for index in AuditRecord._meta.indexes}
    assert set(list_choices.COLUMNS) <= begins
    with pytest.raises(ValueError, match="expected one of action"):
        list_choices.values(["reason"], most=1)


@pytest.mark.django_db(transaction=True)
def test_the_list_says_where_it_offers_not_all(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        record(tenant=f"t{number}")
    offered = admin_client.get("/admin/audit/auditrecord/").content.decode()
    assert "search for others" not in offered
    assert "?tenant=t3" in offered
    monkeypatch.setattr(list_choices, "MOST", 2)
    shorter = admin_client.get("/admin/audit/auditrecord/").content.decode()
    assert "the first 2: search for others" in shorter
    assert "?tenant=t3" not in shorter
    chosen = admin_client.get("/admin/audit/auditrecord/?tenant=t3")
    assert {row.tenant for row in chosen.context["cl"].result_list} == {"t3"}


@pytest.mark.django_db(transaction=True)
def test_rows_about_no_tenant_can_be_chosen(admin_client: Client) -> None:
    record(tenant="")
    record(tenant="acme")
    page = admin_client.get("/admin/audit/auditrecord/")
    filters = {spec.title: list(spec.choices(page.context["cl"]))
               for spec in page.context["cl"].filter_specs}  # fmt: skip
    assert [choice["display"] for choice in filters["tenant"]] == ["All", "-", "acme"]
