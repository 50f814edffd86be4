"""What the grant's verbs share: finding and locking a row, claiming a change, who may judge."""

import datetime as dt
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies.grants import claims
from policies.grants.claims import GrantConflict, GrantMissing, GrantRefused
from policies.models import Grant, Lock
from tests.policies.conftest import granted, request

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


def locked(grant: Grant, **more: Any) -> Grant:
    with transaction.atomic():
        return claims.locked(grant.pk, **more)


def test_a_grant_that_is_not_there_is_missing() -> None:
    with pytest.raises(GrantMissing, match="G-99999"), transaction.atomic():
        claims.locked(99999)


def test_a_stale_version_and_a_grant_past_its_end_conflict(cast: Cast) -> None:
    grant = granted(cast, cast.dan)
    assert locked(grant, version=grant.version) == grant
    with pytest.raises(GrantConflict, match="was changed since"):
        locked(grant, version=grant.version - 1)
    Grant.objects.filter(pk=grant.pk).update(ends_at=timezone.now())
    with pytest.raises(GrantConflict, match="ended at") as over:
        locked(grant)
    assert over.value.code == "ended"


def test_a_change_is_claimed_by_state_version_and_conditions(cast: Cast) -> None:
    row = request(cast.dan)
    version = row.version
    claims.change(row, ticket="T-1")
    assert (row.ticket, row.version) == ("T-1", version + 1)
    stale = Grant.objects.get(pk=row.pk)
    claims.change(row, ticket="T-2")
    with pytest.raises(GrantConflict):
        claims.change(stale, ticket="T-3")
    with pytest.raises(GrantConflict):
        claims.change(row, Q(lapses_at__lte=timezone.now()), ticket="T-4")
    assert Grant.objects.get(pk=row.pk).ticket == "T-2"


def test_a_verb_for_another_state_says_which_it_would_take(cast: Cast) -> None:
    row = request(cast.dan)
    claims.expect(row, Grant.State.REQUESTED, to="approve")
    with pytest.raises(GrantConflict, match=r"is requested; to revoke it, .* scheduled or active"):
        claims.expect(row, Grant.State.SCHEDULED, Grant.State.ACTIVE, to="revoke")


def test_judges_are_the_operators_who_are_no_party_and_not_locked(cast: Cast) -> None:
    row = request(cast.olivia, beneficiary=cast.dan)
    assert set(claims.judges(row.requester_id, row.beneficiary_id)) == {cast.oscar}
    claims.require_judge(row, cast.oscar)
    for person, code in ((cast.olivia, "own_grant"), (cast.alice, "not_operator")):
        with pytest.raises(GrantRefused) as refused:
            claims.require_judge(row, person)
        assert refused.value.code == code
    Lock.objects.create(user=cast.oscar, reason="x", expires_at=timezone.now() - dt.timedelta(1))
    claims.require_judge(row, cast.oscar)  # that lock is over
    Lock.objects.create(user=cast.oscar, reason="x")
    with pytest.raises(GrantRefused):
        claims.require_judge(row, cast.oscar)


def test_to_others_than_its_parties_a_grant_looks_missing(cast: Cast) -> None:
    row = request(cast.alice, beneficiary=cast.dan)
    claims.require_party(row, cast.alice)
    claims.require_party(row, cast.dan)
    with pytest.raises(GrantMissing):
        claims.require_party(row, cast.dora)


def test_a_grant_described_is_plain_data_with_its_installs_by_name(cast: Cast) -> None:
    row = request(cast.dan, installs=["inst-acme"], ticket="T-1")
    said = claims.describe(row)
    assert (said["label"], said["installs"], said["ticket"]) == (row.label, ["inst-acme"], "T-1")
    assert (said["starts_at"], said["ends_at"], said["extends"]) == (None, None, None)
    assert claims.describe(request(cast.dora))["installs"] is None


def test_an_unknown_environment_has_no_policy(cast: Cast, settings: Any) -> None:
    settings.EXT_DEBUG_ENVIRONMENT = "qa"
    with pytest.raises(GrantRefused, match="'qa' is not a known environment"):
        claims.policy()
