"""The janitor's round: labels follow the clock, leftovers go, and nothing happens twice."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies import access, upkeep
from policies.models import Grant, Notice, Opening, Ticket
from tests.policies.conftest import TARGET, actions, ask, granted, request

pytestmark = pytest.mark.django_db


def test_one_round_does_it_and_the_next_finds_nothing(cast: Cast, production: Any) -> None:
    now = timezone.now()
    pending = request(cast.dan)
    active = granted(cast, cast.dora, minutes=5)
    scheduled = granted(cast, cast.alice, starts_after=now + dt.timedelta(milliseconds=1))
    Grant.objects.filter(pk=pending.pk).update(lapses_at=now)
    Grant.objects.filter(pk=active.pk).update(ends_at=timezone.now())
    access.issue_ticket(access.viewer_of(cast.dan, transport="ws"), **TARGET)
    Ticket.objects.update(expires_at=now)
    ask(cast.dan, opening=True)
    Opening.objects.update(at=now - dt.timedelta(minutes=2))
    Notice.objects.update(sent_at=now, created_at=now - dt.timedelta(days=31))
    old = Notice.objects.count()

    done = upkeep.run()
    assert done["grants"] in (2, 3)  # the scheduled one may have been activated by its approval
    assert (done["tickets"], done["openings"]) == (1, 1)
    assert done["old_notices"] == old
    states = dict(Grant.objects.values_list("pk", "state"))
    assert states == {pending.pk: "lapsed", active.pk: "ended", scheduled.pk: "active"}
    assert {"grant.lapsed", "grant.ended"} <= set(actions())
    again = upkeep.run()
    assert {name: count for name, count in again.items() if name != "notices"} == {
        "grants": 0,
        "tickets": 0,
        "openings": 0,
        "old_notices": 0,
    }
