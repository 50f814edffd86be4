"""What a person is told of their own requests: whose they are, who can answer, what time does."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User

from extdebug.demo.sample import Cast
from policies.database import clock
from policies.grants import own_requests, verbs
from policies.models import EnvironmentPolicy, Grant, Lock
from tests.policies.conftest import granted, request

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]

HERE = ("acme", "invoice-sync")
THERE = ("globex", "invoice-sync")


def told(user: User) -> own_requests.OwnRequest | None:
    return own_requests.latest(user, [HERE]).get(HERE)


def test_who_can_answer_is_an_operator_who_is_no_party_not_locked_and_has_not_answered(
    cast: Cast, third_operator: User
) -> None:
    EnvironmentPolicy.objects.create(environment="production", approvals_required=2)
    row = request(cast.olivia, beneficiary=cast.dan)
    found = told(cast.dan)
    assert found is not None
    assert found.can_answer == ("oscar", "otto")
    Lock.objects.create(user=third_operator, reason="away", created_by=cast.oscar)
    assert told(cast.dan).can_answer == ("oscar",)  # type: ignore[union-attr]
    Lock.objects.all().delete()
    verbs.approve(row.pk, by=third_operator)
    shown = told(cast.dan).as_json()  # type: ignore[union-attr]
    assert (shown["canAnswer"], shown["requestedBy"]) == (["oscar"], "olivia")
    assert (shown["approvals"], shown["approvalsRequired"]) == (1, 2)
    assert told(cast.olivia) is None  # she asked; it is dan who may watch


def test_many_names_are_counted(cast: Cast) -> None:
    for number in range(own_requests.NAMED):
        more = User.objects.create_user(f"op{number}", is_staff=True)
        more.user_permissions.set(cast.olivia.user_permissions.all())
    request(cast.dan)
    shown = told(cast.dan).as_json()  # type: ignore[union-attr]
    assert len(shown["canAnswer"]) == own_requests.NAMED
    assert shown["canAnswerMore"] == 2


def test_what_waits_is_told_before_what_was_answered_and_what_one_did_oneself_is_not(
    cast: Cast,
) -> None:
    first = request(cast.dan)
    verbs.deny(first.pk, by=cast.olivia, reason="no ticket")
    assert told(cast.dan).answered_by == "olivia"  # type: ignore[union-attr]
    second = request(cast.dan)
    assert told(cast.dan).grant == second  # type: ignore[union-attr]
    verbs.withdraw(second.pk, by=cast.dan)
    assert told(cast.dan).grant == first  # type: ignore[union-attr]
    assert own_requests.latest(cast.dan, [THERE]) == {}
    assert own_requests.latest(cast.dan, []) == {}


def test_time_answers_as_well_whatever_the_label_says(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = request(cast.dan)
    now = clock.now()

    def at(moment: dt.datetime) -> own_requests.OwnRequest | None:
        monkeypatch.setattr(clock, "now", lambda: moment)
        return told(cast.dan)

    assert at(row.lapses_at).state == Grant.State.LAPSED  # type: ignore[union-attr]
    assert at(now).changes_at == row.lapses_at  # type: ignore[union-attr]
    monkeypatch.undo()
    later = verbs.request(
        cast.dora, tenant="acme", extension="invoice-sync", minutes=30, reason="x",
        starts_after=now + dt.timedelta(hours=1),
    )  # fmt: skip
    verbs.approve(later.pk, by=cast.olivia)
    later.refresh_from_db()
    assert later.starts_at is not None
    states = {
        moment: later.state_at(later.starts_at + dt.timedelta(minutes=moment))
        for moment in (-1, 0, 29, 30)
    }
    assert states == {-1: "scheduled", 0: "active", 29: "active", 30: "ended"}


def test_an_old_answer_is_told_no_more(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    grant = granted(cast, cast.dan)
    verbs.revoke(grant.pk, by=cast.oscar, reason="over")
    assert told(cast.dan).answered_by == "oscar"  # type: ignore[union-attr]
    late = clock.now() + own_requests.TOLD_FOR + dt.timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: late)
    assert told(cast.dan) is None


@pytest.mark.parametrize(
    ("backend", "address", "promised"),
    [("smtp", "dan@example.test", True), ("smtp", "", False), ("console", "d@example.test", False)],
)
def test_mail_is_promised_only_where_it_arrives(
    cast: Cast, settings: Any, backend: str, address: str, promised: bool
) -> None:
    request(cast.dan)
    settings.EMAIL_BACKEND = f"django.core.mail.backends.{backend}.EmailBackend"
    cast.dan.email = address
    assert told(cast.dan).by_mail is promised  # type: ignore[union-attr]


def test_however_many_targets_it_is_three_queries_and_the_clock(
    cast: Cast, django_assert_max_num_queries: Any
) -> None:
    request(cast.dan)
    request(cast.dan, tenant="globex")
    with django_assert_max_num_queries(4):
        assert set(own_requests.latest(cast.dan, [HERE, THERE])) == {HERE, THERE}
