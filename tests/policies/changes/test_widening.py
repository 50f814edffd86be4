"""What widens access, and whose; the cases as people meet them are in test_second_person.py."""

import pytest

from extdebug.demo.sample import Cast
from policies.changes.row_state import RowState, state_of
from policies.changes.widening import widening
from policies.models import ExtensionDeveloper, Limits, Lock, RedactionRule

pytestmark = pytest.mark.django_db


def test_who_gains_is_named(cast: Cast) -> None:
    after = state_of(ExtensionDeveloper.objects.get(user=cast.dora))
    found = widening(ExtensionDeveloper, 1, None, after, by=cast.olivia)
    assert found is not None
    assert found.people == {cast.dora.pk}
    assert widening(ExtensionDeveloper, 1, after, after, by=cast.olivia) is None
    assert widening(ExtensionDeveloper, 1, after, None, by=cast.olivia) is None


def test_another_persons_lock_is_lifted_by_one_and_ones_own_is_not(cast: Cast) -> None:
    lock = state_of(Lock.objects.create(user=cast.dan, reason="x"))
    assert widening(Lock, 1, lock, None, by=cast.olivia) is None
    own = widening(Lock, 1, lock, None, by=cast.dan)
    assert own is not None
    assert own.people == {cast.dan.pk}


def test_limits_open_nothing(cast: Cast) -> None:
    row = state_of(Limits.objects.create(sessions_per_user=9))
    assert widening(Limits, 1, None, row, by=cast.olivia) is None


def test_a_redaction_rule_in_force_is_loosened_by_two_and_made_by_one(cast: Cast) -> None:
    def state(**columns: object) -> RowState | None:
        rule = {"name": "badge", "pattern": "BDG-[0-9]{6}", "example": "BDG-000000"}
        return state_of(RedactionRule(pk=1, **(rule | columns)))

    def widens(before: RowState | None, after: RowState | None) -> bool:
        return widening(RedactionRule, 1, before, after, by=cast.olivia) is not None

    rule, off = state(), state(enabled=False)
    assert not widens(None, rule), "a leaked secret does not wait"
    assert not widens(off, rule)
    assert not widens(off, None), "it masked nothing"
    assert not widens(rule, state(counter_example="BDG-1"))
    for after in (None, off, state(pattern="BDG-1"), state(keywords=["x"]), state(token=False)):
        assert widens(rule, after)
