"""Asking for a grant, for more time and for break-glass access: what is refused, by which code."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies.grants import requests
from policies.grants.claims import GrantConflict, GrantRefused
from policies.models import EnvironmentPolicy, Grant
from tests.policies.conftest import TARGET, granted, request

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"minutes": 0}, "minutes"),
        ({"minutes": 481}, "minutes"),
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 2001}, "reason"),
        ({"installs": ["inst-globex"]}, "installs"),
        ({"installs": []}, "installs"),
        ({"tenant": "nowhere"}, "not_found"),
        ({"starts_after": timezone.now() + dt.timedelta(days=8)}, "too_far"),
    ],
)
def test_a_request_that_could_not_work_is_refused(
    cast: Cast, asked: dict[str, Any], code: str
) -> None:
    with pytest.raises(GrantRefused) as refused:
        request(cast.dan, **asked)
    assert refused.value.code == code
    assert not Grant.objects.exists()


def test_the_environments_policy_bounds_the_minutes(cast: Cast) -> None:
    EnvironmentPolicy.objects.create(environment="production", max_grant_minutes=30)
    assert request(cast.dan, minutes=30).minutes == 30
    with pytest.raises(GrantRefused, match="1 to 30 minutes, not 31"):
        request(cast.dora, minutes=31)


def test_keys_are_taken_in_any_case_and_a_reason_without_its_blanks(cast: Cast) -> None:
    row = request(cast.dan, tenant="ACME", installs=["Inst-Acme"], reason="  an outage ")
    assert (row.tenant, row.reason) == (cast.acme, "an outage")
    assert list(row.installs.all()) == [cast.inst_acme]


def test_nobody_floods_the_approvers(cast: Cast) -> None:
    now = timezone.now()
    for number in range(requests.PENDING_AT_ONCE):
        Grant.objects.create(
            requester=cast.dan, beneficiary=cast.dan, tenant_key="unknown",
            extension_key=f"x{number}", environment="production", reason="x", minutes=1,
            requested_at=now, lapses_at=now + dt.timedelta(hours=1),
        )  # fmt: skip
    with pytest.raises(GrantRefused) as refused:
        request(cast.dan)
    assert refused.value.code == "too_many"
    Grant.objects.filter(extension_key="x0").update(lapses_at=now)
    assert request(cast.dan).pk  # one that is past its deadline does not count


def test_more_time_is_asked_for_by_a_party_for_the_same_target(cast: Cast) -> None:
    grant = granted(cast, cast.dan, installs=["inst-acme"], ticket="T-1")
    more = requests.extend(grant.pk, by=cast.dan, minutes=5, reason="not done")
    assert (more.extends, more.starts_after, more.ticket) == (grant, grant.ends_at, "T-1")
    assert list(more.installs.all()) == [cast.inst_acme]
    with pytest.raises(GrantConflict):
        requests.extend(more.pk, by=cast.dan, minutes=5, reason="not yet active")


def test_where_no_grant_is_needed_none_is_given(cast: Cast, settings: Any) -> None:
    settings.EXT_DEBUG_ENVIRONMENT = "staging"
    with pytest.raises(GrantRefused) as refused:
        request(cast.dan)
    assert refused.value.code == "not_needed"


def test_breaking_the_glass_can_be_switched_off_and_is_bounded(cast: Cast) -> None:
    policy = EnvironmentPolicy.objects.create(environment="production", break_glass_minutes=10)
    with pytest.raises(GrantRefused, match="1 to 10 minutes"):
        requests.break_glass(cast.olivia, **TARGET, minutes=11, reason="fire")
    policy.break_glass = False
    policy.save()
    with pytest.raises(GrantRefused) as refused:
        requests.break_glass(cast.olivia, **TARGET, minutes=5, reason="fire")
    assert refused.value.code == "break_glass_off"
