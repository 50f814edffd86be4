"""What widens access, and whose; the cases as people meet them are in test_second_person.py."""

import pytest

from extdebug.demo.sample import Cast
from policies.changes.row_state import state_of
from policies.changes.widening import widening
from policies.models import ExtensionDeveloper, Limits, Lock

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
