"""Rights of accounts and groups; the cases as people meet them are in test_second_person.py."""

import pytest
from django.contrib.auth.models import Group, User

from extdebug.demo.sample import Cast
from policies.changes.account_widening import group_widens, hands_over, user_widens
from policies.changes.row_change import RowChange
from policies.changes.row_state import state_of
from tests.policies.conftest import operate

pytestmark = pytest.mark.django_db


def test_a_password_hands_over_an_account_that_has_rights(cast: Cast) -> None:
    assert hands_over(User, cast.alice.pk, by=cast.olivia)
    assert not hands_over(User, cast.mallory.pk, by=cast.olivia)
    assert not hands_over(User, cast.olivia.pk, by=cast.olivia)
    assert not hands_over(Group, cast.alice.pk, by=cast.olivia)


def test_rights_are_those_of_active_staff(cast: Cast) -> None:
    before = state_of(User.objects.get(pk=cast.mallory.pk))
    cast.mallory.user_permissions.add(operate())
    held = state_of(User.objects.get(pk=cast.mallory.pk))
    assert user_widens(RowChange(cast.mallory.pk, before, held, cast.olivia)) is None
    User.objects.filter(pk=cast.mallory.pk).update(is_staff=True)
    staff = state_of(User.objects.get(pk=cast.mallory.pk))
    found = user_widens(RowChange(cast.mallory.pk, held, staff, cast.olivia))
    assert found is not None
    assert found.people == {cast.mallory.pk}
    assert user_widens(RowChange(cast.mallory.pk, staff, held, cast.olivia)) is None


def test_a_group_widens_where_it_has_staff(cast: Cast) -> None:
    group = Group.objects.create(name="night")
    before = state_of(group)
    group.permissions.add(operate())
    after = state_of(Group.objects.get())
    change = RowChange(group.pk, before, after, cast.olivia)
    assert group_widens(change) is None
    cast.oscar.groups.add(group)
    found = group_widens(change)
    assert found is not None
    assert found.people == {cast.oscar.pk}
