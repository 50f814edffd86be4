"""Verbs and doors used by several connections at once: one wins, and the others are told."""

import datetime as dt
import threading
from collections import Counter
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies import access, consent
from policies.access import OpenSessions
from policies.database import clock
from policies.grants import verbs
from policies.grants.verbs import GrantConflict, GrantError
from policies.models import (
    Approval,
    Consent,
    EnvironmentPolicy,
    Grant,
    Limits,
    Opening,
    Tenant,
)
from tests.policies.conftest import TARGET, actions, ask, granted, in_parallel, knock, request

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("production")]
rounds = pytest.mark.parametrize("turn", range(2))


def kinds(results: list[Any]) -> Counter[str]:
    """How often each result occurred: an error's class, or "done"."""
    return Counter(
        type(result).__name__ if isinstance(result, Exception) else "done" for result in results
    )


@rounds
def test_two_approvers_at_once_activate_once(cast: Cast, third_operator: Any, turn: int) -> None:
    pending = request(cast.dan)
    results = in_parallel(
        *(lambda by=by: verbs.approve(pending.pk, by=by)
          for by in (cast.olivia, cast.oscar, third_operator))
    )  # fmt: skip
    assert kinds(results) == {"done": 1, "GrantConflict": 2}
    assert Approval.objects.count() == 1
    assert actions(subject_id=str(pending.pk)) == ["grant.requested", "grant.approved"]


@rounds
def test_a_quorum_is_counted_right_when_all_come_at_once(
    cast: Cast, third_operator: Any, turn: int
) -> None:
    EnvironmentPolicy.objects.create(environment="production", approvals_required=3)
    pending = request(cast.dan)
    results = in_parallel(
        *(lambda by=by: verbs.approve(pending.pk, by=by)
          for by in (cast.olivia, cast.oscar, third_operator))
    )  # fmt: skip
    assert kinds(results) == {"done": 3}
    assert ask(cast.dan).grant_id == pending.pk
    assert actions(subject_id=str(pending.pk))[-1] == "grant.approved"
    assert actions(subject_id=str(pending.pk)).count("grant.approved") == 1


@rounds
def test_one_approver_twice_counts_once(cast: Cast, third_operator: Any, turn: int) -> None:
    EnvironmentPolicy.objects.create(environment="production", approvals_required=2)
    pending = request(cast.dan)
    results = in_parallel(*[lambda: verbs.approve(pending.pk, by=cast.olivia)] * 2)
    assert kinds(results) == {"done": 1, "GrantConflict": 1}
    assert not ask(cast.dan).allowed


@rounds
def test_approve_against_deny_and_withdraw_has_one_winner(cast: Cast, turn: int) -> None:
    pending = request(cast.dan)
    results = in_parallel(
        lambda: verbs.approve(pending.pk, by=cast.olivia),
        lambda: verbs.deny(pending.pk, by=cast.oscar, reason="no"),
        lambda: verbs.withdraw(pending.pk, by=cast.dan),
    )
    assert kinds(results) == {"done": 1, "GrantConflict": 2}
    pending.refresh_from_db()
    assert ask(cast.dan).allowed == (pending.state == "active")
    assert len(actions(subject_id=str(pending.pk))) == 2


@rounds
def test_approve_against_lapse_has_one_winner(cast: Cast, turn: int) -> None:
    pending = request(cast.dan)
    soon = timezone.now() + dt.timedelta(milliseconds=30)
    Grant.objects.filter(pk=pending.pk).update(lapses_at=soon)

    def lapse_when_due() -> int:
        while not (lapsed := verbs.lapse()) and clock.now() < soon + dt.timedelta(seconds=2):
            pass
        return lapsed

    approved, lapsed = in_parallel(
        lambda: verbs.approve(pending.pk, by=cast.olivia), lapse_when_due
    )
    pending.refresh_from_db()
    if isinstance(approved, Grant):
        assert (pending.state, lapsed) == ("active", 0)
    else:
        assert isinstance(approved, GrantConflict)
        assert (pending.state, lapsed) == ("lapsed", 1)


def test_an_approval_that_waited_past_the_deadline_is_late(cast: Cast) -> None:
    """The deadline is judged by the clock after the wait for the lock, not before."""
    pending = request(cast.dan)
    soon = timezone.now() + dt.timedelta(milliseconds=400)
    Grant.objects.filter(pk=pending.pk).update(lapses_at=soon)

    def hold() -> None:
        with transaction.atomic():
            Grant.objects.select_for_update().get(pk=pending.pk)
            while clock.now() <= soon:
                pass

    _, approved = in_parallel(hold, lambda: verbs.approve(pending.pk, by=cast.olivia))
    if isinstance(approved, Grant):  # it came before the lock was held
        assert approved.starts_at is not None
        assert approved.starts_at < soon
    else:
        assert isinstance(approved, GrantConflict)
        assert approved.code in ("late", "moved")


@rounds
def test_revoke_against_release_ends_it_once(cast: Cast, turn: int) -> None:
    grant = granted(cast, cast.dan)
    results = in_parallel(
        lambda: verbs.revoke(grant.pk, by=cast.olivia, reason="no"),
        lambda: verbs.release(grant.pk, by=cast.dan),
    )
    assert kinds(results) == {"done": 1, "GrantConflict": 1}
    assert not ask(cast.dan).allowed


@rounds
def test_the_same_request_twice_is_one(cast: Cast, turn: int) -> None:
    results = in_parallel(*[lambda: request(cast.dan)] * 3)
    assert kinds(results) == {"done": 1, "GrantConflict": 2}


@rounds
def test_the_glass_breaks_once(cast: Cast, turn: int) -> None:
    def smash() -> Grant:
        return verbs.break_glass(cast.olivia, **TARGET, minutes=5, reason="fire")

    results = in_parallel(smash, smash, smash)
    assert kinds(results) == {"done": 1, "GrantRefused": 2}
    assert all(isinstance(result, Grant | GrantError) for result in results)


@rounds
def test_a_first_word_of_consent_twice_is_one_row(cast: Cast, turn: int) -> None:
    results = in_parallel(*[lambda: consent.give(cast.acme, by=cast.alice)] * 3)
    assert kinds(results) == {"done": 3}
    assert Consent.objects.count() == 1


def test_a_stale_form_conflicts(cast: Cast) -> None:
    pending = request(cast.dan)
    seen = pending.version
    EnvironmentPolicy.objects.create(environment="production", approvals_required=2)
    verbs.approve(pending.pk, by=cast.olivia, version=seen)
    with pytest.raises(GrantConflict) as stale:
        verbs.approve(pending.pk, by=cast.oscar, version=seen)
    assert stale.value.code == "stale"


@rounds
def test_a_ticket_opens_once(cast: Cast, turn: int) -> None:
    ticket = access.issue_ticket(access.viewer_of(cast.dan, transport="ws"), **TARGET)
    results = in_parallel(*[lambda: access.redeem_ticket(ticket, ip="")] * 4)
    assert sum(result is not None for result in results) == 1
    assert not any(isinstance(result, Exception) for result in results)


def test_openings_at_once_do_not_exceed_a_cap(cast: Cast) -> None:
    """Counting and adding is one step when the row is inserted in decide's transaction."""
    granted(cast, cast.dan)
    Limits.objects.create(sessions_per_user=3)

    def count() -> OpenSessions:
        # Stands for the session's table, which policies does not know.
        return OpenSessions(user=Tenant.objects.filter(key__startswith="open-").count())

    def open_one(number: int) -> bool:
        with transaction.atomic():
            decision = knock(cast.dan, count)
            if decision.allowed:
                Tenant.objects.create(key=f"open-{number}", name="a session")
        return decision.allowed

    results = in_parallel(*(lambda n=n: open_one(n) for n in range(8)))
    assert Counter(results) == {True: 3, False: 5}


def test_openings_at_once_do_not_exceed_the_rate(cast: Cast) -> None:
    granted(cast, cast.dan)
    Limits.objects.create(openings_per_minute=4)
    results = in_parallel(*[lambda: knock(cast.dan)] * 8)
    assert Counter(decision.code for decision in results) == {"": 4, "busy": 4}
    assert all(decision.retry_after in range(50, 61) for decision in results if decision.code)
    assert Opening.objects.filter(kind="session").count() == 4


def test_decisions_during_changes_are_of_one_moment(cast: Cast) -> None:
    """Locked and without a grant, or free and with one: never the free half of each."""
    over = threading.Event()

    def swap() -> None:
        try:
            for _ in range(15):
                with transaction.atomic():
                    active = granted(cast, cast.dan)
                    Tenant.objects.filter(key="acme").update(suspended_at=timezone.now())
                with transaction.atomic():
                    Tenant.objects.filter(key="acme").update(suspended_at=None)
                    verbs.revoke(active.pk, by=cast.olivia, reason="again")
        finally:
            over.set()

    def watch() -> Counter[bool]:
        answers: Counter[bool] = Counter()
        while not over.is_set():
            answers[ask(cast.dan).allowed] += 1
        return answers

    swapped, answers = in_parallel(swap, watch)
    assert swapped is None
    assert answers[False] > 5
    assert answers[True] == 0
