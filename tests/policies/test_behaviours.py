"""The acceptance behaviours of approvals, by number: the half that is decided in the database.
What needs live sockets (8, 9, 10, 20) is tested where the sockets are.
"""

import datetime as dt
from typing import Any

import pytest
from django.core import mail
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from audit import trail
from audit.chain import AuditError
from audit.models import Outbox
from extdebug.demo.sample import Cast
from policies import access, consent
from policies.changes import requests
from policies.changes import verbs as changes
from policies.changes.second_person import NeedsSecond
from policies.decisions.decide import DecisionRule
from policies.grants import notifications
from policies.grants import verbs as grants
from policies.grants.verbs import GrantConflict, GrantMissing, GrantRefused
from policies.models import Approval, Consent, EnvironmentPolicy, Grant, Lock, Notice, Tenant
from tests.fixtures.trail import refusing
from tests.policies.conftest import TARGET, actions, ask, granted, request

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]
HOUR = dt.timedelta(hours=1)


def test_behaviour_01_fresh_production_refuses_everyone_with_a_reason(cast: Cast) -> None:
    for person in (cast.olivia, cast.alice, cast.dan, cast.dora):
        decision = ask(person)
        assert (decision.allowed, decision.code) == (False, "denied")
        assert decision.failed is not None
        assert decision.failed.rule == DecisionRule.GRANT
        assert decision.reason == "You have no grant for this target."
        assert decision.can_request


def test_behaviour_01_production_is_off_until_it_is_switched_on(cast: Cast, settings: Any) -> None:
    grant = granted(cast, cast.dan)
    assert ask(cast.dan).grant_id == grant.pk
    settings.EXT_DEBUG_UI_ENABLED = None
    decision = ask(cast.dan)
    assert decision.failed is not None
    assert decision.failed.rule == DecisionRule.FEATURE
    assert not decision.can_request


def test_behaviour_02_a_grant_names_what_it_is_for(cast: Cast) -> None:
    grant = request(cast.alice, beneficiary=cast.dan, installs=["inst-acme"], ticket="T-1")
    assert (grant.tenant, grant.extension) == (cast.acme, cast.invoice_sync)
    assert [install.key for install in grant.installs.all()] == ["inst-acme"]
    assert grant.capabilities == ["cap:debug.logs"]
    assert (grant.requester, grant.beneficiary) == (cast.alice, cast.dan)
    assert (grant.reason, grant.ticket, grant.minutes) == ("a customer waits", "T-1", 60)


@pytest.mark.parametrize(
    "broken",
    [
        {"minutes": 481},
        {"minutes": 0},
        {"reason": ""},
        {"starts_at": "now", "ends_at": "later", "state": "active"},
        {"tenant": None},
        {"approvals_required": 0},
    ],
)
def test_behaviour_02_the_database_caps_a_grant(cast: Cast, broken: dict[str, Any]) -> None:
    now = timezone.now()
    times = {"now": now, "later": now + dt.timedelta(hours=8, seconds=2)}
    columns: dict[str, Any] = {
        "tenant": cast.acme,
        "tenant_key": "acme",
        "extension": cast.invoice_sync,
        "extension_key": "invoice-sync",
        "environment": "production",
        "requester": cast.dan,
        "beneficiary": cast.dan,
        "reason": "why",
        "minutes": 480,
        "requested_at": now,
        "lapses_at": now,
    }
    Grant.objects.create(**columns).delete()  # it is the change below that is refused
    broken = {name: times.get(value, value) for name, value in broken.items()}
    with pytest.raises(IntegrityError), transaction.atomic():
        Grant.objects.create(**{**columns, **broken})


def test_behaviour_03_the_clock_starts_at_activation(cast: Cast) -> None:
    pending = request(cast.dan, minutes=30)
    Grant.objects.filter(pk=pending.pk).update(lapses_at=timezone.now() + HOUR)
    grant = grants.approve(pending.pk, by=cast.olivia)
    assert grant.starts_at is not None
    assert grant.ends_at == grant.starts_at + dt.timedelta(minutes=30)
    assert grant.starts_at > pending.requested_at


def test_behaviour_03_a_scheduled_grant_counts_from_its_start(cast: Cast) -> None:
    start = timezone.now() + HOUR
    grant = granted(cast, cast.dan, starts_after=start, minutes=30)
    assert (grant.state, grant.starts_at) == ("scheduled", start)
    assert grant.ends_at == start + dt.timedelta(minutes=30)
    decision = ask(cast.dan)
    assert not decision.allowed
    assert f"G-{grant.pk} starts at" in decision.reason


@pytest.mark.usefixtures("third_operator")
def test_behaviour_04_parties_cannot_approve_even_as_superusers(cast: Cast) -> None:
    cast.olivia.is_superuser = True
    cast.olivia.save()
    own = request(cast.olivia)
    for_olivia = request(cast.oscar, beneficiary=cast.olivia)
    for pending, person in (
        (own, cast.olivia),
        (for_olivia, cast.olivia),
        (for_olivia, cast.oscar),
    ):
        with pytest.raises(GrantRefused, match="cannot judge") as refused:
            grants.approve(pending.pk, by=person)
        assert refused.value.code == "own_grant"
        with pytest.raises(GrantRefused):
            grants.deny(pending.pk, by=person, reason="no")


@pytest.mark.usefixtures("third_operator")
def test_behaviour_04_parties_cannot_approve_through_the_orm(cast: Cast) -> None:
    pending = request(cast.oscar, beneficiary=cast.olivia)
    for approver in (cast.olivia, cast.oscar):
        for requester, beneficiary in (
            (cast.oscar, cast.olivia),  # the truth
            (cast.dan, cast.dan),  # a lie about whose grant it is
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                Approval.objects.create(
                    grant=pending,
                    approver=approver,
                    requester=requester,
                    beneficiary=beneficiary,
                    verdict="approve",
                    created_at=timezone.now(),
                )
    # Nor by handing the grant to somebody else, approving, and taking it back.
    for column in ("requester", "beneficiary"):
        with pytest.raises(IntegrityError), transaction.atomic():
            Grant.objects.filter(pk=pending.pk).update(**{column: cast.dan})


def test_behaviour_04_a_state_written_by_hand_gives_no_authority(cast: Cast) -> None:
    pending = request(cast.dan)
    now = timezone.now()
    by_hand = {"state": "active", "starts_at": now, "ends_at": now + HOUR}
    with pytest.raises(IntegrityError, match="approvals"), transaction.atomic():
        Grant.objects.filter(pk=pending.pk).update(**by_hand)
    assert not ask(cast.dan).allowed


def test_behaviour_05_a_quorum_needs_distinct_approvers(cast: Cast, third_operator: Any) -> None:
    EnvironmentPolicy.objects.create(environment="production", approvals_required=2)
    pending = request(cast.dan)
    grants.approve(pending.pk, by=cast.olivia)
    assert not ask(cast.dan).allowed
    with pytest.raises(GrantConflict, match="decided on"):
        grants.approve(pending.pk, by=cast.olivia)
    assert not ask(cast.dan).allowed
    grant = grants.approve(pending.pk, by=third_operator)
    assert grant.state == "active"
    assert ask(cast.dan).grant_id == grant.pk
    assert actions(subject_type="grant", subject_id=str(grant.pk)) == [
        "grant.requested",
        "grant.approval_given",
        "grant.approved",
    ]


def test_behaviour_05_one_denial_is_enough(cast: Cast, third_operator: Any) -> None:
    EnvironmentPolicy.objects.create(environment="production", approvals_required=2)
    pending = request(cast.dan)
    grants.approve(pending.pk, by=cast.olivia)
    grants.deny(pending.pk, by=third_operator, reason="not today")
    with pytest.raises(GrantConflict):
        grants.approve(pending.pk, by=cast.oscar)


def test_behaviour_05_a_policy_tightened_while_pending_counts(
    cast: Cast, third_operator: Any
) -> None:
    pending = request(cast.dan, minutes=240)
    EnvironmentPolicy.objects.create(
        environment="production", approvals_required=2, max_grant_minutes=15
    )
    assert grants.approve(pending.pk, by=cast.olivia).state == "requested"
    grant = grants.approve(pending.pk, by=third_operator)
    assert (grant.state, grant.minutes) == ("active", 15)


def test_behaviour_06_a_request_nobody_could_approve_is_refused(cast: Cast) -> None:
    request(cast.olivia).delete()  # oscar could
    cast.oscar.is_active = False
    cast.oscar.save()
    with pytest.raises(GrantRefused, match="ask an administrator to add operators") as refused:
        request(cast.olivia)
    assert refused.value.code == "nobody_can_approve"
    assert not Grant.objects.exists()


def test_behaviour_06_a_locked_approver_is_none(cast: Cast) -> None:
    Lock.objects.create(user=cast.oscar, reason="on leave")
    with pytest.raises(GrantRefused) as refused:
        request(cast.olivia)
    assert refused.value.code == "nobody_can_approve"


def test_behaviour_07_a_pending_request_lapses_and_late_approval_conflicts(cast: Cast) -> None:
    pending = request(cast.dan)
    Grant.objects.filter(pk=pending.pk).update(lapses_at=timezone.now())
    with pytest.raises(GrantConflict, match="expired unanswered at") as late:
        grants.approve(pending.pk, by=cast.olivia)
    assert late.value.code == "late"
    assert grants.lapse() == 1
    assert grants.lapse() == 0
    pending.refresh_from_db()
    assert (pending.state, pending.closed_at) == ("lapsed", pending.lapses_at)
    with pytest.raises(GrantConflict):
        grants.approve(pending.pk, by=cast.olivia)
    request(cast.dan)  # and the place is free again


def test_behaviour_08_a_revoke_ends_authority_with_its_reason(cast: Cast) -> None:
    grant = granted(cast, cast.dan)
    before = access.policy_version()
    grants.revoke(grant.pk, by=cast.oscar, reason="wrong customer")
    decision = ask(cast.dan)
    assert not decision.allowed
    assert decision.reason == f"Your grant G-{grant.pk} was revoked: wrong customer"
    assert before <= decision.version


def test_behaviour_10_expiry_needs_no_scheduler(cast: Cast) -> None:
    grant = granted(cast, cast.dan)
    decision = ask(cast.dan)
    assert decision.until == grant.ends_at
    Grant.objects.filter(pk=grant.pk).update(ends_at=timezone.now())
    assert not ask(cast.dan).allowed
    grant.refresh_from_db()
    assert grant.state == "active"  # the label has not moved, the authority is gone


def test_behaviour_11_a_session_still_covered_goes_on(cast: Cast) -> None:
    first = granted(cast, cast.dan, minutes=30)
    second = granted(cast, cast.dan, minutes=60)
    decision = ask(cast.dan)
    assert (decision.grant_id, decision.until) == (second.pk, second.ends_at)
    grants.revoke(second.pk, by=cast.olivia, reason="the wrong one")
    decision = ask(cast.dan)
    assert (decision.grant_id, decision.until) == (first.pk, first.ends_at)


def test_behaviour_12_the_beneficiary_can_release_early(cast: Cast) -> None:
    grant = granted(cast, cast.dan)
    for stranger in (cast.dora, cast.mallory, cast.olivia):
        with pytest.raises(GrantMissing):
            grants.release(grant.pk, by=stranger)
    assert grants.release(grant.pk, by=cast.dan).state == "released"
    assert not ask(cast.dan).allowed
    with pytest.raises(GrantConflict):
        grants.release(grant.pk, by=cast.dan)


def test_behaviour_13_an_extension_is_a_new_linked_grant(cast: Cast) -> None:
    grant = granted(cast, cast.dan, minutes=30)
    more = grants.extend(grant.pk, by=cast.dan, minutes=30, reason="not done")
    assert (more.state, more.extends) == ("requested", grant)
    assert ask(cast.dan).until == grant.ends_at
    more = grants.approve(more.pk, by=cast.olivia)
    assert (more.state, more.starts_at) == ("scheduled", grant.ends_at)
    grant.refresh_from_db()
    assert ask(cast.dan).until == grant.ends_at


def test_behaviour_13_an_end_never_moves_later(cast: Cast) -> None:
    grant = granted(cast, cast.dan, minutes=30)
    assert grant.ends_at is not None
    for change in (
        {"ends_at": grant.ends_at + dt.timedelta(seconds=1)},
        {"starts_at": timezone.now() - HOUR},
        {"minutes": 31},
        {"all_installs": True} if not grant.all_installs else {"environment": "staging"},
        {"starts_at": None, "ends_at": None, "state": "requested"},
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            Grant.objects.filter(pk=grant.pk).update(**change)


def test_behaviour_13_revoking_a_grant_takes_its_extensions_along(cast: Cast) -> None:
    grant = granted(cast, cast.dan, minutes=30)
    scheduled = grants.extend(grant.pk, by=cast.dan, minutes=30, reason="not done")
    grants.approve(scheduled.pk, by=cast.oscar)
    pending = grants.extend(scheduled.pk, by=cast.dan, minutes=30, reason="still not")
    grants.revoke(grant.pk, by=cast.olivia, reason="enough")
    scheduled.refresh_from_db()
    pending.refresh_from_db()
    assert (scheduled.state, pending.state) == ("revoked", "denied")


def test_behaviour_14_unreadable_policy_is_an_error_and_no_answer(cast: Cast) -> None:
    granted(cast, cast.dan)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE policies_limits RENAME TO policies_gone")
    with pytest.raises(DatabaseError), transaction.atomic():
        ask(cast.dan)


@pytest.mark.parametrize("whom", ["user", "tenant", "extension"])
def test_behaviour_14_a_lock_stops_everything(cast: Cast, whom: str) -> None:
    granted(cast, cast.dan)
    assert ask(cast.dan).allowed
    subject = {"user": cast.dan, "tenant": cast.acme, "extension": cast.invoice_sync}[whom]
    lock = Lock(**{whom: subject}, reason="an incident")
    changes.save(lock, by=cast.olivia)
    decision = ask(cast.dan)
    assert decision.failed is not None
    assert (decision.failed.rule, decision.can_request) == (DecisionRule.LOCK, False)
    assert "an incident" in decision.reason
    with pytest.raises(GrantRefused):
        request(cast.dan)
    if whom != "user":
        with pytest.raises(GrantRefused):
            grants.break_glass(cast.olivia, **TARGET, minutes=5, reason="fire")
    if whom == "user":
        changes.delete(lock, by=cast.olivia, reason="over")
    else:  # it binds operators too: two of them lift it
        with pytest.raises(NeedsSecond) as needs:
            changes.delete(lock, by=cast.olivia)
        asked = requests.ask(needs.value.plan, by=cast.olivia, reason="over")
        requests.approve(asked.pk, by=cast.oscar)
    assert ask(cast.dan).allowed
    assert actions(action__startswith="lock.") == ["lock.set", "lock.lifted"]


def test_behaviour_14_a_lock_ends_by_itself(cast: Cast) -> None:
    granted(cast, cast.dan)
    Lock.objects.create(tenant=cast.acme, reason="brief", expires_at=timezone.now())
    assert ask(cast.dan).allowed


def test_behaviour_15_the_tenant_can_require_and_withdraw_consent(cast: Cast) -> None:
    granted(cast, cast.dan)
    granted(cast, cast.alice)
    consent.require(cast.acme, by=cast.alice, required=True)
    decision = ask(cast.dan)
    assert decision.failed is not None
    assert decision.failed.rule == DecisionRule.CONSENT
    assert ask(cast.alice).allowed  # it binds people from outside
    consent.give(cast.acme, by=cast.alice, extension=cast.invoice_sync)
    assert ask(cast.dan).allowed
    consent.withdraw(cast.acme, by=cast.alice)
    assert not ask(cast.dan).allowed
    with pytest.raises(GrantRefused):
        grants.break_glass(cast.olivia, **TARGET, minutes=5, reason="fire")
    assert actions(action__startswith="consent.") == [
        "consent.required",
        "consent.given",
        "consent.withdrawn",
    ]


def test_behaviour_15_only_the_tenants_admin_speaks_for_it(cast: Cast) -> None:
    for person in (cast.greta, cast.olivia, cast.dan, cast.mallory):
        with pytest.raises(consent.ConsentRefused):
            consent.give(cast.acme, by=person)
        with pytest.raises(consent.ConsentRefused):
            consent.require(cast.acme, by=person, required=False)
    assert not Consent.objects.exists()


def test_behaviour_15_consent_ends_by_itself(cast: Cast) -> None:
    grant = granted(cast, cast.dan)
    consent.require(cast.acme, by=cast.alice, required=True)
    ends = timezone.now() + dt.timedelta(minutes=5)
    word = consent.give(cast.acme, by=cast.alice, expires_at=ends)
    assert grant.ends_at is not None
    assert ask(cast.dan).until == ends < grant.ends_at
    Consent.objects.filter(pk=word.pk).update(expires_at=timezone.now())
    assert not ask(cast.dan).allowed


def test_behaviour_15_admins_read_their_own_slice_of_the_audit(cast: Cast) -> None:
    granted(cast, cast.dan)
    granted(cast, cast.dan, tenant="globex")
    mine = access.tenants_administered(cast.alice)
    assert mine == ["acme"]
    assert {row.tenant for row in trail.slice_for(mine)} == {"acme"}
    assert access.tenants_administered(cast.dan) == []


def test_behaviour_16_break_glass_is_short_loud_and_reviewed(cast: Cast) -> None:
    grant = grants.break_glass(cast.olivia, **TARGET, minutes=30, reason="fire")
    assert ask(cast.olivia).grant_id == grant.pk
    with pytest.raises(GrantRefused, match="1 to 30 minutes"):
        grants.break_glass(cast.oscar, **TARGET, minutes=31, reason="fire")
    notifications.deliver_due()
    assert [m.to for m in mail.outbox] == [["oscar@example.test"]]
    assert "BREAK-GLASS" in mail.outbox[0].subject
    grants.release(grant.pk, by=cast.olivia)
    with pytest.raises(GrantRefused, match="has not been reviewed"):
        grants.break_glass(cast.olivia, tenant="globex", extension="report-maker", minutes=5,
                           reason="again")  # fmt: skip
    with pytest.raises(GrantRefused):
        grants.review(grant.pk, by=cast.olivia, justified=True, comment="trust me")
    grants.review(grant.pk, by=cast.oscar, justified=False, comment="a request would have done")
    grants.break_glass(cast.olivia, **TARGET, minutes=5, reason="again")


def test_behaviour_16_an_unreviewed_glass_blocks_through_the_orm(cast: Cast) -> None:
    first = grants.break_glass(cast.olivia, **TARGET, minutes=5, reason="fire")
    copy = Grant.objects.get(pk=first.pk)
    copy.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        copy.save(force_insert=True)
    copy.reviewed_at = timezone.now()
    with pytest.raises(IntegrityError), transaction.atomic():
        copy.save(force_insert=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        Grant.objects.filter(pk=first.pk).update(reviewed_at=timezone.now())


def test_behaviour_16_only_operators_break_the_glass(cast: Cast) -> None:
    for person in (cast.alice, cast.dan, cast.mallory):
        with pytest.raises(GrantRefused):
            grants.break_glass(person, **TARGET, minutes=5, reason="fire")
    grant = grants.break_glass(cast.olivia, **TARGET, minutes=5, reason="fire")
    cast.olivia.user_permissions.clear()
    assert not ask(cast.olivia).allowed
    assert grant.break_glass


def test_behaviour_17_everything_about_a_grant_is_found_by_it(cast: Cast) -> None:
    grant = granted(cast, cast.dan)
    more = grants.extend(grant.pk, by=cast.dan, minutes=5, reason="more")
    grants.deny(more.pk, by=cast.olivia, reason="enough")
    grants.revoke(grant.pk, by=cast.oscar, reason="over")
    cast.acme.refresh_from_db()
    first = actions(subject_type="grant", subject_id=str(grant.pk))
    assert first == ["grant.requested", "grant.approved", "grant.revoked"]
    second = actions(subject_type="grant", subject_id=str(more.pk))
    assert second == ["grant.extension_requested", "grant.denied"]
    # History outlives its subjects: who is named by a grant cannot be deleted from under it.
    for subject in (cast.dan, cast.acme, cast.invoice_sync):
        with pytest.raises(IntegrityError), transaction.atomic():
            subject.delete()


def _verbs(cast: Cast) -> list[Any]:
    pending = request(cast.dan)
    active = granted(cast, cast.dora)
    scheduled = granted(cast, cast.alice, starts_after=timezone.now() + HOUR)
    return [
        lambda: request(cast.olivia),
        lambda: grants.approve(pending.pk, by=cast.olivia),
        lambda: grants.deny(pending.pk, by=cast.olivia, reason="no"),
        lambda: grants.withdraw(pending.pk, by=cast.dan),
        lambda: grants.revoke(active.pk, by=cast.olivia, reason="no"),
        lambda: grants.release(active.pk, by=cast.dora),
        lambda: grants.extend(active.pk, by=cast.dora, minutes=5, reason="more"),
        lambda: grants.cancel(scheduled.pk, by=cast.alice),
        lambda: grants.break_glass(cast.olivia, **TARGET, minutes=5, reason="fire"),
        lambda: changes.save(Lock(tenant=cast.acme, reason="x"), by=cast.olivia),
        lambda: changes.delete(cast.inst_reports, by=cast.olivia),
        lambda: consent.withdraw(cast.acme, by=cast.alice),
    ]


def test_behaviour_18_an_audit_failure_aborts_the_transition(cast: Cast) -> None:
    verbs = _verbs(cast)
    states = list(Grant.objects.order_by("pk").values_list("pk", "state", "version"))
    sent = Notice.objects.count()
    taking = [verbs.pop(place) for place in (11, 9, 7, 5, 4, 3, 2)]
    with refusing(connection):
        for verb in verbs:
            with pytest.raises(AuditError):
                verb()
        for verb in taking:  # they are done, and their rows wait
            with transaction.atomic():
                verb()
                assert Outbox.objects.exists()
                transaction.set_rollback(True)
    assert list(Grant.objects.order_by("pk").values_list("pk", "state", "version")) == states
    assert not Approval.objects.filter(grant__state="requested").exists()
    assert not Lock.objects.exists()
    assert not Consent.objects.exists()
    assert Notice.objects.count() == sent
    assert Tenant.objects.get(key="globex").installs.count() == 2
    assert verbs[1]().state == "active"  # and it was the audit alone that stood in the way
