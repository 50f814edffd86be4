"""The janitor's work for policies: labels follow the clock, old rows go, twice does nothing."""

import datetime as dt
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies import access, upkeep
from policies.models import Grant, Notice, Opening, Ticket
from tests.policies.conftest import TARGET, actions, granted, knock, request

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


def janitor() -> str:
    """What one round of `manage.py janitor` said it did."""
    out = StringIO()
    call_command("janitor", stdout=out, stderr=out, skip_checks=True)
    return out.getvalue()


def test_the_janitor_deletes_old_notices_openings_and_tickets_and_keeps_the_young(
    cast: Cast,
) -> None:
    now = timezone.now()
    request(cast.dan)  # writes a notice for each approver
    old, young = Notice.objects.all()
    late = now - upkeep.KEEP_NOTICES
    Notice.objects.filter(pk=old.pk).update(sent_at=late, created_at=late)
    Notice.objects.filter(pk=young.pk).update(
        sent_at=now, created_at=late + dt.timedelta(minutes=1)
    )
    for _ in range(2):
        knock(cast.dan)
        access.issue_ticket(access.viewer_of(cast.dan, transport="ws"), **TARGET)
    first, second = Opening.objects.filter(kind="session").order_by("pk")
    Opening.objects.filter(pk=first.pk).update(at=now - dt.timedelta(minutes=2))
    used, unused = Ticket.objects.order_by("pk")
    Ticket.objects.filter(pk=used.pk).update(expires_at=now)

    said = janitor()
    for step in ("old notices deleted: 1", "old openings deleted: 1", "old tickets deleted: 1"):
        assert step in said
    assert list(Notice.objects.values_list("pk", flat=True)) == [young.pk]
    assert list(Opening.objects.filter(kind="session").values_list("pk", flat=True)) == [second.pk]
    assert list(Ticket.objects.values_list("pk", flat=True)) == [unused.pk]
    assert janitor() == ""


def test_the_janitor_brings_labels_up_to_date_and_sends_what_waits(cast: Cast) -> None:
    now = timezone.now()
    pending = request(cast.dan)
    active = granted(cast, cast.dora, minutes=5)
    scheduled = granted(cast, cast.alice, starts_after=now + dt.timedelta(milliseconds=1))
    Grant.objects.filter(pk=pending.pk).update(lapses_at=now)
    Grant.objects.filter(pk=active.pk).update(ends_at=timezone.now())
    assert Notice.objects.filter(sent_at=None).exists()

    said = janitor()
    assert "grants past their time: " in said
    assert "notices sent: " in said
    states = dict(Grant.objects.values_list("pk", "state"))
    assert states == {pending.pk: "lapsed", active.pk: "ended", scheduled.pk: "active"}
    assert {"grant.lapsed", "grant.ended"} <= set(actions())
    assert not Notice.objects.filter(sent_at=None).exists()
    assert janitor() == ""


@pytest.mark.parametrize("name", [name for name, _ in upkeep.STEPS])
def test_a_step_with_nothing_to_do_counts_nothing(name: str) -> None:
    assert dict[str, Any](upkeep.STEPS)[name]() == 0
