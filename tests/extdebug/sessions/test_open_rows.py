"""Openings that share a transaction count as one after another, and each is on record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import trail
from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from extdebug.models import DebugSession
from extdebug.sessions.open_rows import Wanted, open_rows
from extdebug.wire.keys import Target
from policies import access
from policies.models import Limits, Opening
from tests.extdebug.opened_rows import open_row

pytestmark = pytest.mark.django_db
TARGET = Target("acme", "invoice-sync")
ELSEWHERE = Target("globex", "invoice-sync")


def wanted(user: User, target: Target = TARGET) -> Wanted:
    return Wanted(access.viewer_of(user, transport="ws", ip="10.0.0.9"), target, "p1")


def limited(**most: int) -> None:
    Limits.objects.update_or_create(tenant=None, extension=None, defaults=most)


def codes(asked: list[Wanted]) -> list[str]:
    return [decision.code for decision, _ in open_rows(asked)]


def as_written(asked: list[Wanted], *, together: bool) -> Any:
    """What is left of these openings, without ids and times; all of it is taken back."""
    with transaction.atomic():
        if together:
            opened = open_rows(asked)
        else:
            opened = [one for each in asked for one in open_rows([each])]
        columns = ("username", "tenant", "extension", "process", "ip", "grant", "standing")
        rows = list(DebugSession.objects.order_by("opened_at").values_list(*columns))
        told = AuditRecord.objects.filter(action="session.opened").order_by("seq")
        said = [(r.actor_name, r.tenant, {**r.data, "expires_at": ""}) for r in told]
        rates = list(Opening.objects.order_by("pk").values_list("user__username", "kind"))
        answers = [
            (replace(decision, retry_after=min(decision.retry_after, 1)), lease is not None)
            for decision, lease in opened
        ]  # the seconds left are another moment's
        transaction.set_rollback(True)
    return answers, rows, said, rates


def test_together_they_end_as_they_would_one_after_another(cast: Cast) -> None:
    limited(sessions_per_user=2, openings_per_minute=4, sessions_per_extension=5)
    people = [cast.dan, cast.olivia, cast.mallory, cast.dora, cast.alice, cast.dan]
    asked = [wanted(user, at) for at in (TARGET, ELSEWHERE, TARGET) for user in people]
    together = as_written(asked, together=True)
    assert together == as_written(asked, together=False)
    answers = [decision.code for decision, _ in together[0]]
    assert {"", "busy", "not_found"} <= set(answers)


@pytest.mark.parametrize(
    ("cap", "people"),
    [
        ("sessions_per_user", ["dan", "dan", "dan"]),
        ("openings_per_minute", ["dan", "dan", "dan"]),
        ("sessions_per_tenant", ["dan", "olivia", "alice"]),
        ("sessions_per_extension", ["dan", "olivia", "alice"]),
    ],
)
def test_no_cap_is_exceeded_by_coming_at_once(cast: Cast, cap: str, people: list[str]) -> None:
    limited(**{cap: 2})
    assert codes([wanted(getattr(cast, name)) for name in people]) == ["", "", "busy"]
    assert DebugSession.objects.count() == 2


def test_a_session_that_nobody_is_connected_to_gives_way_among_others_too(cast: Cast) -> None:
    limited(sessions_per_user=2)
    _, lost = open_row(wanted(cast.dan).viewer, TARGET)
    assert lost is not None
    DebugSession.objects.filter(pk=lost.id).update(detached_at=timezone.now())
    assert codes([wanted(cast.dan)] * 3) == ["", "", "busy"]
    live = DebugSession.objects.filter(closed_at=None)
    assert live.count() == 2
    assert str(lost.id) not in {str(row.pk) for row in live}


def test_each_opening_has_its_record_in_one_whole_chain(cast: Cast) -> None:
    leases = [lease for _, lease in open_rows([wanted(cast.dan), wanted(cast.olivia)])]
    told = AuditRecord.objects.filter(action="session.opened").order_by("seq")
    assert [row.subject_id for row in told] == [lease.id for lease in leases if lease]
    assert trail.verify().ok


def test_what_fails_leaves_neither_rows_nor_records_nor_attempts(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise IntegrityError("no")

    monkeypatch.setattr(trail, "record_all", refuse)
    with pytest.raises(IntegrityError):
        open_rows([wanted(cast.dan), wanted(cast.olivia)])
    assert not DebugSession.objects.exists()
    assert not Opening.objects.filter(kind="session").exists()


def test_an_opening_asks_a_fixed_number_of_questions(
    cast: Cast, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(11):  # two of them are the transaction's savepoint
        open_rows([wanted(cast.dan)])
    with django_assert_max_num_queries(11):
        open_rows([wanted(user) for user in (cast.dan, cast.olivia, cast.oscar, cast.alice)])
