"""Labels follow the clock, each once, and close at the moment that was over and not later."""

import datetime as dt
import threading

import pytest
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies.database import clock
from policies.grants import expiry, verbs
from policies.models import Grant, Lock, Notice
from tests.policies.conftest import actions, ask, granted, request

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


def test_a_request_past_its_deadline_lapses_at_the_deadline_and_its_people_hear_of_it(
    cast: Cast,
) -> None:
    pending, past = request(cast.dan), timezone.now() - dt.timedelta(minutes=5)
    Grant.objects.filter(pk=pending.pk).update(lapses_at=past)
    assert expiry.lapse() == 1
    pending.refresh_from_db()
    assert (pending.state, pending.closed_at) == (Grant.State.LAPSED, past)
    assert Notice.objects.filter(kind="lapsed", recipients=["dan@example.test"]).count() == 1
    assert expiry.lapse() == 0
    assert actions(subject_id=str(pending.pk)).count("grant.lapsed") == 1


def test_what_is_not_due_keeps_its_label(cast: Cast) -> None:
    request(cast.dora)
    granted(cast, cast.dan)
    granted(cast, cast.alice, starts_after=timezone.now() + dt.timedelta(hours=1))
    assert expiry.lapse() == 0


def test_a_row_that_somebody_else_labelled_is_left_alone(cast: Cast) -> None:
    active = granted(cast, cast.dan)
    Grant.objects.filter(pk=active.pk).update(ends_at=timezone.now())
    seen = Grant.objects.get(pk=active.pk)
    assert expiry.lapse_one(Grant.objects.get(pk=active.pk))
    assert not expiry.lapse_one(seen)
    assert actions(subject_id=str(active.pk)).count("grant.ended") == 1


def test_a_scheduled_grant_is_activated_before_a_verb_judges_it(cast: Cast) -> None:
    later = granted(cast, cast.dan, starts_after=timezone.now() + dt.timedelta(seconds=1.5))
    assert later.state == Grant.State.SCHEDULED
    expiry.settle(later.pk)
    assert Grant.objects.get(pk=later.pk).state == Grant.State.SCHEDULED
    assert later.starts_at is not None
    while timezone.now() <= later.starts_at + dt.timedelta(milliseconds=5):
        pass
    expiry.settle(later.pk)
    assert Grant.objects.get(pk=later.pk).state == Grant.State.ACTIVE
    assert actions(subject_id=str(later.pk))[-1] == "grant.activated"


def test_a_scheduled_grant_whose_approver_lost_the_role_is_cancelled_at_its_start(
    cast: Cast,
) -> None:
    soon = timezone.now() + dt.timedelta(milliseconds=1500)
    scheduled = verbs.approve(request(cast.dan, starts_after=soon).pk, by=cast.olivia)
    Lock.objects.create(user=cast.olivia, reason="x")
    waited = threading.Event()
    while clock.now() <= soon:
        waited.wait(0.05)
    assert not ask(cast.dan).allowed  # also before anybody has labelled it
    assert expiry.lapse() == 1
    scheduled.refresh_from_db()
    assert (scheduled.state, scheduled.closed_reason) == ("cancelled", expiry.UNAPPROVED)
