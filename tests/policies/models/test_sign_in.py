"""Identities: of one issuer a subject is one account, and an account one subject."""

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies.models import PasswordDoor, RoleByGroup, SignInIdentity

pytestmark = pytest.mark.django_db


def identity(
    user: User, *, issuer: str = "https://id.example", subject: str = "s-1"
) -> SignInIdentity:
    return SignInIdentity.objects.create(
        issuer=issuer, subject=subject, user=user, linked_at=timezone.now()
    )


def test_one_subject_one_account(cast: Cast):
    row = identity(cast.dan)
    assert str(row) == "dan as s-1 at https://id.example"
    for user, more in ((cast.dora, {}), (cast.dan, {"subject": "s-2"})):
        with pytest.raises(IntegrityError), transaction.atomic():
            identity(user, **more)
    identity(cast.dan, issuer="https://other.example")


def test_a_role_is_kept_once(cast: Cast):
    row = identity(cast.dan)
    mark = RoleByGroup.objects.create(identity=row, kind="admin", name="acme")
    assert str(mark) == f"admin acme of {row}"
    with pytest.raises(IntegrityError), transaction.atomic():
        RoleByGroup.objects.create(identity=row, kind="admin", name="acme", scope="all")


def test_a_door_is_of_one_account(cast: Cast):
    door = PasswordDoor.objects.create(user=cast.dan, until=timezone.now())
    assert str(door).startswith("dan until ")
