"""Who counts as an operator."""

import pytest
from django.contrib.auth.models import Group, Permission, User

from extdebug.demo.sample import Cast
from tests.policies.conftest import ask

pytestmark = pytest.mark.django_db


def test_an_operator_by_group_counts_and_by_staff_alone_does_not(cast: Cast) -> None:
    group = Group.objects.create(name="operators")
    group.permissions.add(Permission.objects.get(codename="operate_debug"))
    cast.mallory.groups.add(group)
    assert ask(cast.mallory).code == "not_found"
    User.objects.filter(pk=cast.mallory.pk).update(is_staff=True)
    assert ask(cast.mallory).privileged
    cast.mallory.groups.clear()
    assert ask(cast.mallory).code == "not_found"
    User.objects.filter(pk=cast.mallory.pk).update(is_superuser=True)
    assert ask(cast.mallory).allowed
