"""Refused acts on grants are on record by their rule; what is granted or merely stale is not."""

import pytest

from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from policies.grants import verbs
from policies.grants.verbs import GrantConflict, GrantMissing, GrantRefused
from tests.policies.conftest import TARGET, granted, request

pytestmark = [
    pytest.mark.django_db(transaction=True),  # the row survives the act's own rollback
    pytest.mark.usefixtures("production"),
]


def told(action: str = "grant.refused") -> list[AuditRecord]:
    return list(AuditRecord.objects.filter(action=action).order_by("seq"))


def test_a_refused_verb_says_whose_grant_it_was_and_which_rule_said_no(cast: Cast) -> None:
    pending = request(cast.dan)
    with pytest.raises(GrantRefused):
        verbs.approve(pending.pk, by=cast.alice, ip="192.0.2.7")
    (row,) = told()
    assert (row.actor_name, row.ip, row.subject_id) == ("alice", "192.0.2.7", str(pending.pk))
    assert (row.tenant, row.extension) == (TARGET["tenant"], TARGET["extension"])
    assert row.data["code"] == "approve: not_operator"
    assert not pending.approvals.exists()


def test_a_grant_that_is_not_theirs_or_is_none_leaves_a_row_each(cast: Cast) -> None:
    active = granted(cast, cast.dan)
    for number in (active.pk, 10**6):
        with pytest.raises(GrantMissing):
            verbs.release(number, by=cast.mallory)
    assert [(row.subject_id, row.tenant) for row in told()] == [
        (str(active.pk), "acme"), (str(10**6), ""),
    ]  # fmt: skip


def test_refused_requests_and_glass_that_may_not_be_broken_name_their_target(cast: Cast) -> None:
    with pytest.raises(GrantRefused):
        verbs.break_glass(cast.dan, **TARGET, minutes=5, reason="fire", ip="192.0.2.8")
    with pytest.raises(GrantRefused):
        verbs.request(cast.mallory, **TARGET, minutes=5, reason="fire")
    rows = told("grant.request_refused")
    assert [(row.actor_name, row.tenant, row.ip, row.data["code"]) for row in rows] == [
        ("dan", "acme", "192.0.2.8", "not_operator"), ("mallory", "acme", "", "not_found"),
    ]  # fmt: skip
    assert told() == []  # one row for a refusal, under one name


def test_a_stale_form_is_no_refusal_and_neither_is_an_act_that_works(cast: Cast) -> None:
    active = granted(cast, cast.dan)
    with pytest.raises(GrantConflict):
        verbs.release(active.pk, by=cast.dan, version=active.version + 1)
    verbs.release(active.pk, by=cast.dan)
    assert told() == []
