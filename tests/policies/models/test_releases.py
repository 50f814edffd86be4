"""One batch of the same sections waits at a time, and none is used before it was released."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from policies.models import DirectoryRelease

pytestmark = pytest.mark.django_db


def test_what_the_database_refuses() -> None:
    now = timezone.now()

    def make(**more: Any) -> DirectoryRelease:
        with transaction.atomic():
            return DirectoryRelease.objects.create(
                sections="roles",
                digest="x" * 64,
                changes=[["roles", "a", "a"]],
                asked_at=now,
                **more,
            )

    assert str(make(released_at=now, used_at=now)) == "1 change of roles"
    make(released_at=now)
    make()
    with pytest.raises(IntegrityError):
        make()
    with pytest.raises(IntegrityError):
        make(used_at=now)
