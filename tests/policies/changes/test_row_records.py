"""What a record says of a changed row; that verbs write it is tested with them."""

import pytest
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies.changes.row_records import (
    Unrecordable,
    about,
    action_of,
    difference,
    require_recordable,
    snapshot,
)
from policies.models import Capability, Grant

pytestmark = pytest.mark.django_db


def test_a_change_is_named_and_told_by_what_was_and_what_is(cast: Cast) -> None:
    was = snapshot(cast.acme)
    cast.acme.suspended_at = timezone.now()
    now = snapshot(cast.acme)
    assert action_of(cast.acme, before=None, after=now) == "tenant.created"
    assert action_of(cast.acme, before=was, after=now) == "tenant.suspended"
    assert action_of(cast.acme, before=now, after=was) == "tenant.restored"
    assert action_of(cast.acme, before=was, after=None) == "tenant.removed"
    assert difference(None, now) == {"is": now}
    assert difference(was, None) == {"was": was}
    assert difference(None, None) == {}
    assert list(difference(was, now)["changed"]) == ["suspended_at"]


def test_a_row_is_told_in_the_slice_it_belongs_to(cast: Cast) -> None:
    assert about(cast.acme) == ("acme", "")
    assert about(cast.inst_acme) == ("acme", "invoice-sync")
    assert about(Capability.objects.get(install=cast.inst_acme)) == ("acme", "invoice-sync")
    assert about(cast.dan) == ("", "")


def test_no_password_is_told(cast: Cast) -> None:
    seen = snapshot(cast.dan)
    assert seen is not None
    assert cast.dan.password not in str(seen)


def test_what_has_verbs_of_its_own_is_left_to_them() -> None:
    with pytest.raises(Unrecordable):
        require_recordable(Grant())
