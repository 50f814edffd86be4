"""What two operators release the next run makes, exactly that and once; nothing else counts."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from policies.changes import requests, verbs
from policies.changes.second_person import ChangeRefused, NeedsSecond
from policies.directory.document import Options
from policies.models import Capability, DirectoryRelease, Membership
from tests.fixtures.trail import noted
from tests.policies.conftest import actions
from tests.policies.directory.documents import WHOLE, said, synced, without

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


def release(cast: Cast, batch: DirectoryRelease) -> None:
    """Asked for by olivia, approved by oscar."""
    batch.released_at = timezone.now()
    with pytest.raises(NeedsSecond) as needs:
        verbs.save(batch, by=cast.olivia)
    asked = requests.ask(needs.value.plan, by=cast.olivia, reason="the first import")
    requests.approve(asked.pk, by=cast.oscar)


def the_batch() -> DirectoryRelease:
    return DirectoryRelease.objects.get(released_at=None)


def test_a_batch_is_released_by_two_made_by_the_next_run_and_used_up(cast: Cast) -> None:
    assert noted(lambda: synced(Options(), **WHOLE)) == []
    batch = the_batch()
    assert (len(batch.changes), batch.sections.count(",")) == (4, 5)
    assert str(batch).startswith("4 changes of tenants, extensions,")
    assert said(synced(Options(), **WHOLE)) == []
    assert the_batch().pk == batch.pk, "the same is asked for once"

    release(cast, batch)
    assert not Membership.objects.filter(user__username="uma").exists()
    outcome: Any = None

    def run() -> None:
        nonlocal outcome
        outcome = synced(Options(hold=True), **WHOLE)

    assert noted(run) == []
    assert (len(said(outcome)), outcome.waiting) == (4, [])
    assert Membership.objects.filter(user__username="uma").exists()
    assert actions(action="change.made_alone") == []
    told = AuditRecord.objects.filter(subject_type="directoryrelease").order_by("seq")
    assert [row.actor_name for row in told] == ["directory", "oscar", "directory"]

    # Once: what leaves and comes back is asked for again.
    synced(Options(), **without("roles", 0, 1))
    again = synced(Options(), **WHOLE)
    assert len(again.waiting) == 2
    assert the_batch().pk != batch.pk


def test_another_list_is_another_batch(cast: Cast) -> None:
    synced(Options(), **without("roles", 0))
    asked = the_batch()
    release(cast, asked)
    outcome = synced(Options(), **WHOLE)
    assert len(outcome.waiting) == 4, "a role more than was released"
    assert not Capability.objects.filter(extension__key="mailer").exists()
    assert len(the_batch().changes) == 4
    # Of other sections nobody asks here: a batch of each stays as it is.
    synced(Options(), people=WHOLE["people"])
    assert len(the_batch().changes) == 4
    assert said(synced(Options(), **without("roles", 0))) != [], "what was released is still good"


def test_what_was_released_is_good_for_a_day(cast: Cast) -> None:
    synced(Options(), **WHOLE)
    batch = the_batch()
    release(cast, batch)
    for wrong in (dt.timedelta(days=-1, minutes=-1), dt.timedelta(minutes=1)):
        DirectoryRelease.objects.update(released_at=timezone.now() + wrong)
        assert len(synced(Options(), dry_run=True, **WHOLE).waiting) == 4
    DirectoryRelease.objects.update(released_at=timezone.now())
    assert synced(Options(), dry_run=True, **WHOLE).waiting == []


def test_who_gains_does_not_release(cast: Cast) -> None:
    document = {**WHOLE, "roles": [{"person": "oscar", "role": "admin", "tenant": "umbrella"}]}
    document["people"] = [*WHOLE["people"], {"username": "oscar"}]
    synced(Options(), **document)
    batch = the_batch()
    assert batch.gainers == [cast.oscar.pk]
    batch.released_at = timezone.now()
    with pytest.raises(NeedsSecond) as needs:
        verbs.save(batch, by=cast.olivia)
    with pytest.raises(ChangeRefused, match="Nobody could approve that"):
        requests.ask(needs.value.plan, by=cast.olivia, reason="x")


def test_a_capability_is_a_gain_of_those_who_watch_by_it(cast: Cast) -> None:
    rows = [{"extension": "report-maker"}]
    Capability.objects.filter(extension=cast.report_maker).delete()
    synced(Options(), capabilities=rows)
    assert the_batch().gainers == [cast.greta.pk]


def test_a_release_is_not_made_by_hand(cast: Cast) -> None:
    """Neither a new row, nor a used one set back, nor another list under a release."""
    synced(Options(), **WHOLE)
    release(cast, the_batch())
    batch = DirectoryRelease.objects.get()
    batch.digest = "x" * 64
    with pytest.raises(NeedsSecond):
        verbs.save(batch, by=cast.olivia)
    synced(Options(), **WHOLE)
    batch.refresh_from_db()
    batch.used_at = None
    with pytest.raises(NeedsSecond):
        verbs.save(batch, by=cast.olivia)
    made = DirectoryRelease(
        sections="roles", digest="x" * 64, changes=[["roles", "x", "x"]],
        asked_at=timezone.now(), released_at=timezone.now(),
    )  # fmt: skip
    with pytest.raises(NeedsSecond):
        verbs.save(made, by=cast.olivia)


def test_a_dry_run_asks_for_nothing(cast: Cast) -> None:
    synced(Options(), dry_run=True, **WHOLE)
    assert not DirectoryRelease.objects.exists()


def test_what_no_longer_waits_is_asked_for_no_more(cast: Cast, settings: Any) -> None:
    synced(Options(), **WHOLE)
    synced(Options(), **{**WHOLE, "roles": [], "capabilities": []})
    assert not DirectoryRelease.objects.exists()
