"""Exports of the trail: recorded first, limited to what was asked for, no formulas in a CSV."""

import csv
import datetime as dt
import io
import json

import pytest
from django.db import connections
from hypothesis import given
from hypothesis import strategies as st

from audit import trail
from audit.export import safe_cell
from audit.models import AuditRecord
from tests.audit.conftest import record
from tests.fixtures.trail import refusing

EVE = trail.Actor(id="7", name="=cmd|' /C calc'!A0")


def export(using, format="jsonl", **selection):
    return trail.export(
        trail.ExportSelection(**selection), format=trail.Format(format), actor=EVE, using=using
    )


def test_an_export_is_recorded_and_contains_its_own_record(trail_database):
    record(trail_database, tenant="acme", data={"ä": [1, None]})
    rows = [json.loads(line) for line in export(trail_database)]
    assert [row["action"] for row in rows] == ["session.opened", "audit.exported"]
    assert rows == [row.row() for row in AuditRecord.objects.using(trail_database).order_by("seq")]
    assert rows[1]["data"] == {"format": "jsonl", "tenants": None, "since": None, "until": None}


def test_an_export_that_cannot_be_recorded_gives_nothing(trail_database):
    record(trail_database)
    with refusing(connections[trail_database]), pytest.raises(trail.AuditError):
        export(trail_database)


def test_an_export_is_recorded_even_if_nobody_takes_its_lines(trail_database):
    export(trail_database)
    assert AuditRecord.objects.using(trail_database).get().action == "audit.exported"


def test_a_slice_has_only_its_tenants_and_its_time(trail_database):
    first = record(trail_database, tenant="acme")
    record(trail_database, tenant="globex")
    later = record(trail_database, tenant="acme")

    def numbers(**selection):
        return [json.loads(line)["seq"] for line in export(trail_database, **selection)]

    acme = frozenset({"acme"})
    assert numbers(tenants=acme)[:2] == [1, 3]
    assert 2 not in numbers(tenants=acme)
    assert numbers(tenants=acme, until=later.at) == [1]
    assert numbers(tenants=acme, since=first.at + dt.timedelta(microseconds=1))[0] == 3
    assert numbers(tenants=frozenset()) == []


def test_no_cell_of_a_csv_starts_a_formula(trail_database):
    record(trail_database, actor=EVE, reason="+1+1", extension="-x", subject_id="@sum(a1)")
    rows = list(csv.reader(io.StringIO("".join(export(trail_database, "csv")))))
    assert rows[0][:3] == ["seq", "at", "action"]
    assert rows[1][rows[0].index("actor_name")] == "'" + EVE.name
    assert not [cell for row in rows for cell in row if cell[:1] in ("=", "+", "-", "@")]
    assert len(rows) == 3


@given(st.text())
def test_any_text_in_a_cell_comes_back_and_is_no_formula(text):
    cell = safe_cell(text)
    assert cell in (text, "'" + text)
    assert cell.lstrip(" ")[:1] not in set("=+-@\t\r\n＝＋－＠")
