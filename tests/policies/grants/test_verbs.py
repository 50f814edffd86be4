"""The verbs one by one: whom they refuse, by which code, and what they leave as it was.

What they promise together (quorum, parallel use, an audit that fails) is in test_behaviours and
test_races.
"""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from audit import trail
from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from policies.grants import verbs
from policies.grants.verbs import GrantConflict, GrantMissing, GrantRefused
from policies.models import EnvironmentPolicy, Grant, Lock, Notice
from tests.fixtures.trail import refusing
from tests.policies.conftest import TARGET, actions, granted, request

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


@pytest.mark.parametrize(
    ("minutes", "most", "lasts"), [(None, 480, 60), (15, 480, 15), (90, 480, 60), (None, 30, 30)]
)
def test_an_approval_takes_the_shortest_of_request_approver_and_policy(
    cast: Cast, minutes: int | None, most: int, lasts: int
) -> None:
    pending = request(cast.dan, minutes=60)
    EnvironmentPolicy.objects.create(environment="production", max_grant_minutes=most)
    row = verbs.approve(pending.pk, by=cast.olivia, minutes=minutes)
    assert row.starts_at is not None
    assert row.ends_at == row.starts_at + dt.timedelta(minutes=lasts)


def test_an_approval_that_would_be_of_no_use_is_refused(cast: Cast) -> None:
    pending = request(cast.dan)
    Lock.objects.create(user=cast.dan, reason="left the company")
    with pytest.raises(
        GrantRefused, match=r"dan would still be denied: .*left the company"
    ) as refused:
        verbs.approve(pending.pk, by=cast.olivia)
    assert refused.value.code == "lock"
    assert not pending.approvals.exists()


def test_an_extension_of_a_revoked_grant_cannot_be_approved(cast: Cast) -> None:
    grant = granted(cast, cast.dan)
    more = verbs.extend(grant.pk, by=cast.dan, minutes=5, reason="not done")
    Grant.objects.filter(pk=grant.pk).update(state="revoked", closed_at=timezone.now())
    with pytest.raises(GrantRefused, match="was revoked"):
        verbs.approve(more.pk, by=cast.olivia)


@pytest.mark.parametrize("verb", ["deny", "revoke"])
def test_a_no_needs_a_reason_that_the_people_read(cast: Cast, verb: str) -> None:
    grant = request(cast.dan) if verb == "deny" else granted(cast, cast.dan)
    with pytest.raises(GrantRefused) as refused:
        getattr(verbs, verb)(grant.pk, by=cast.olivia, reason=" ")
    assert refused.value.code == "reason"
    row = getattr(verbs, verb)(grant.pk, by=cast.olivia, reason="the customer said no ")
    assert (row.closed_by, row.closed_reason) == (cast.olivia, "the customer said no")
    told = Notice.objects.filter(recipients=["dan@example.test"]).latest("pk")
    assert "the customer said no" in told.body


@pytest.mark.parametrize("verb", ["withdraw", "cancel", "release"])
def test_parties_step_back_from_one_state_each(cast: Cast, verb: str) -> None:
    hour = dt.timedelta(hours=1)
    grants = {
        "withdraw": request(cast.dan),
        "cancel": granted(cast, cast.dora, starts_after=timezone.now() + hour),
        "release": granted(cast, cast.alice),
    }
    act: Any = getattr(verbs, verb)
    for name, grant in grants.items():
        with pytest.raises(GrantMissing):
            act(grant.pk, by=cast.mallory)
        if name != verb:
            with pytest.raises(GrantConflict, match=f"to {verb} it"):
                act(grant.pk, by=grant.beneficiary)
    mine = grants[verb]
    ended = act(mine.pk, by=mine.beneficiary)
    assert ended.closed_at is not None
    assert actions(subject_id=str(mine.pk))[-1].startswith(f"grant.{verb}")


def test_only_an_operator_revokes(cast: Cast) -> None:
    grant = granted(cast, cast.dan)
    with pytest.raises(GrantRefused) as refused:
        verbs.revoke(grant.pk, by=cast.alice, reason="no")
    assert refused.value.code == "not_operator"


def test_a_review_is_of_a_broken_glass_that_is_over_and_happens_once(cast: Cast) -> None:
    plain = granted(cast, cast.dan)
    said: dict[str, Any] = {"by": cast.oscar, "justified": True, "comment": "I read the ticket"}
    with pytest.raises(GrantMissing):
        verbs.review(plain.pk, **said)
    glass = verbs.break_glass(cast.olivia, **TARGET, minutes=5, reason="fire")
    with pytest.raises(GrantConflict, match="still active"):
        verbs.review(glass.pk, **said)
    verbs.release(glass.pk, by=cast.olivia)
    with pytest.raises(GrantRefused):
        verbs.review(glass.pk, **{**said, "by": cast.olivia})
    assert verbs.review(glass.pk, **said).verdict == "justified"
    with pytest.raises(GrantConflict, match="reviewed before"):
        verbs.review(glass.pk, **said)


def test_an_audit_failure_stops_no_revoke(cast: Cast) -> None:
    active = granted(cast, cast.dora)
    more = verbs.extend(active.pk, by=cast.dora, minutes=5, reason="more")
    with refusing(connection):
        verbs.revoke(active.pk, by=cast.olivia, reason="no")
    assert {grant.state for grant in Grant.objects.filter(pk__in=(active.pk, more.pk))} == {
        "revoked", "denied",
    }  # fmt: skip
    trail.retry_waiting()
    told = AuditRecord.objects.filter(action__in=("grant.revoked", "grant.denied"))
    assert {row.subject_id for row in told} == {str(active.pk), str(more.pk)}
    assert {row.actor_name for row in told} == {"olivia"}
