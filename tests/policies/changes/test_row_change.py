"""A change of a row as its rules read it."""

import datetime as dt

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from policies.changes.row_change import RowChange, ended
from policies.changes.row_state import RowState

pytestmark = pytest.mark.django_db


def test_a_column_of_no_row_is_nothing() -> None:
    change = RowChange(1, None, RowState({"name": "b", "key": None}), User())
    assert (change.was("name"), change.now("name")) == (None, "b")
    assert change.moved("name", "key")
    assert not change.moved("key")


def test_an_end_that_never_comes_has_not_come() -> None:
    now, minute = timezone.now(), dt.timedelta(minutes=1)
    assert [ended(None), ended(now - minute), ended(now + minute)] == [False, True, False]
