"""The directory in step: what is there is given once and on record, what left loses its access."""

import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from audit.models import AuditRecord, ChangeNote
from extdebug.demo.sample import Cast
from policies.directory import sync as sync_module
from policies.directory.document import Options
from policies.directory.gate import Refused
from policies.models import (
    Capability,
    KeptRow,
    Membership,
    Notice,
    Tenant,
)
from tests.fixtures.trail import noted
from tests.policies.conftest import actions, ask, in_parallel
from tests.policies.directory.documents import WHOLE, access, said, synced, without

pytestmark = pytest.mark.django_db


def told() -> list[str]:
    """The actions that the directory's records name, in their order."""
    return actions(actor_kind="system")


def test_an_empty_database_gets_all_of_it_on_record_and_a_second_run_nothing() -> None:
    made = noted(lambda: synced(**WHOLE))
    assert made == [], "each change was told by its own record"
    assert told() == [
        "tenant.created", "tenant.created", "extension.created",
        "install.created", "install.created", "user.created", "user.created",
        "membership.created", "developer.added", "capability.given", "capability.given",
    ]  # fmt: skip
    record = AuditRecord.objects.get(action="developer.added")
    assert (record.actor_kind, record.actor_name, record.reason) == (
        "system", "directory", "brought in step with the directory",
    )  # fmt: skip
    assert record.extension == "mailer"
    assert record.data["is"]["installs"] == ["mail-u"]
    uma = User.objects.get(username="uma")
    assert not uma.has_usable_password()
    assert ask(uma, tenant="umbrella", extension="mailer").allowed
    assert KeptRow.objects.count() == 11

    assert said(synced(**WHOLE)) == []
    assert len(told()) == 11


@pytest.mark.parametrize(
    ("section", "place", "action", "who"),
    [
        ("tenants", 0, "tenant.suspended", ("uma", "umbrella")),
        ("extensions", 0, "lock.set", ("uma", "umbrella")),
        ("installs", 0, "capability.withdrawn", ("uma", "umbrella")),
        ("people", 0, "user.changed", ("uma", "umbrella")),
        ("roles", 0, "membership.removed", ("uma", "umbrella")),
        ("roles", 1, "developer.removed", ("ines", "umbrella")),
        ("capabilities", 1, "capability.withdrawn", ("ines", "umbrella")),
    ],
)
def test_what_left_loses_its_access_at_once_and_gets_it_back_by_widen_alone(
    section: str, place: int, action: str, who: tuple[str, str]
) -> None:
    synced(**WHOLE)
    person, target = User.objects.get(username=who[0]), {"tenant": who[1], "extension": "mailer"}
    assert ask(person, **target).allowed
    before, rows = access(), User.objects.count()

    assert noted(lambda: synced(Options(), **{section: without(section, place)[section]})) == []
    assert told()[11:] == [action]
    assert not ask(person, **target).allowed
    assert User.objects.count() == rows, "nobody is deleted"
    assert Tenant.objects.count() == 2

    if section == "installs":
        back = {"installs": WHOLE["installs"], "capabilities": WHOLE["capabilities"]}
    else:
        back = {section: WHOLE[section]}
    with pytest.raises(Refused) as refused:
        synced(Options(), **back)
    assert refused.value.code == "would_widen"
    assert not ask(person, **target).allowed
    assert noted(lambda: synced(**back)) == []
    assert access() == before


def test_a_section_that_is_absent_is_left_alone(cast: Cast) -> None:
    synced(**WHOLE)
    before = access()
    assert said(synced(people=WHOLE["people"])) == []
    assert access() == before


def test_what_was_made_at_the_desk_is_left_alone_until_it_is_named(cast: Cast) -> None:
    before = access()
    synced(**WHOLE)
    nothing: dict[str, Any] = {section: [] for section in WHOLE}
    synced(**nothing)
    after = access()
    assert {key: after[key] & before[key] for key in before} == before

    alice = {"person": "alice", "role": "admin", "tenant": "acme"}
    assert said(synced(roles=[alice])) == ["~ alice admin acme: kept by the directory from now on"]
    assert said(synced(roles=[])) == ["- role: alice admin acme"]
    assert not Membership.objects.filter(user=cast.alice).exists()


# --- what is not done -----------------------------------------------------------------------------


def test_a_dry_run_leaves_no_trace(django_capture_on_commit_callbacks: Any) -> None:
    def trace() -> tuple[Any, ...]:
        return (
            access(), KeptRow.objects.count(), AuditRecord.objects.count(),
            ChangeNote.objects.count(), Notice.objects.count(),
        )  # fmt: skip

    before = trace()
    with django_capture_on_commit_callbacks() as callbacks:
        outcome = synced(dry_run=True, **WHOLE)
    assert outcome.dry_run
    assert len(said(outcome)) == 11
    assert trace() == before
    assert callbacks == []


def test_all_processes_are_told_to_decide_again(django_capture_on_commit_callbacks: Any) -> None:
    def hints(**sections: Any) -> list[Any]:
        with django_capture_on_commit_callbacks() as callbacks:
            synced(**sections)
        return [callback.args[0] for callback in callbacks]

    assert hints(**WHOLE) == [{"type": "cut.hint", "kind": "policy", "subject": "directory"}]
    assert len(hints(roles=[])) == 1
    assert hints(roles=[]) == [], "nothing changed"


def test_many_rows_do_not_leave_unasked() -> None:
    people = [{"username": f"p{number}"} for number in range(100)]
    synced(people=people)
    synced(Options(), people=people[:80])
    with pytest.raises(Refused) as refused:
        synced(Options(allow_removals=20), people=people[:59])
    assert refused.value.code == "too_many_removals"
    assert str(refused.value).startswith(
        "people: 21 rows would lose access, of 80 that the directory keeps."
    )
    assert User.objects.filter(is_active=True).count() == 80
    synced(Options(allow_removals=21), people=people[:59])
    assert User.objects.filter(is_active=True).count() == 59


@pytest.mark.usefixtures("production")
def test_in_production_what_needs_two_people_waits_and_the_rest_is_done(cast: Cast) -> None:
    outcome = synced(**WHOLE)
    assert {step.section for step in outcome.waiting} == {"roles", "capabilities"}
    assert len(outcome.waiting) == 4
    assert not Membership.objects.filter(user__username="uma").exists()
    assert not Capability.objects.filter(extension__key="mailer").exists()

    # Two people gave it at the desk: from then on the directory keeps it, and takes it away.
    uma, umbrella = User.objects.get(username="uma"), Tenant.objects.get(key="umbrella")
    Membership.objects.create(user=uma, tenant=umbrella)
    assert said(synced(**WHOLE)) == ["~ uma admin umbrella: kept by the directory from now on"]
    assert said(synced(Options(), roles=[])) == ["- role: uma admin umbrella"]

    synced(tenants=[], extensions=[])
    outcome = synced(tenants=WHOLE["tenants"], extensions=WHOLE["extensions"])
    assert len(outcome.waiting) == 3
    assert Tenant.objects.get(key="umbrella").suspended_at is not None

    # An operator's address is where alerts go, and their account is not switched on by one.
    redirected = {"username": "olivia", "email": "eve@evil.test"}
    assert len(synced(people=[redirected]).waiting) == 1
    synced(people=[])
    assert len(synced(people=[{"username": "olivia"}]).waiting) == 1
    cast.olivia.refresh_from_db()
    assert (cast.olivia.email, cast.olivia.is_active) == ("olivia@example.test", False)


@pytest.mark.usefixtures("production")
def test_one_person_may_where_that_is_set_and_everybody_hears_of_it(
    cast: Cast, settings: Any
) -> None:
    settings.EXT_DEBUG_ONE_PERSON = True
    with pytest.raises(Refused):
        synced(Options(), **WHOLE)
    assert synced(**WHOLE).waiting == []
    record = AuditRecord.objects.get(action="change.made_alone")
    assert (record.actor_name, len(record.data["changes"])) == ("directory", 4)
    told_of = Notice.objects.filter(kind="change_alone").values_list("recipients", flat=True)
    assert sorted(told_of) == [["olivia@example.test"], ["oscar@example.test"]]


def test_a_run_takes_few_statements(django_assert_max_num_queries: Any) -> None:
    synced(**WHOLE)
    more = [
        *WHOLE["installs"],
        *(
            {"key": f"many-{number}", "tenant": "umbrella", "extension": "mailer"}
            for number in range(150)
        ),
    ]
    with django_assert_max_num_queries(45):
        synced(installs=more)
    people = [{"username": f"p{number}"} for number in range(100)]
    role = {"role": "developer", "extension": "mailer", "installs": ["mail-u", "mail-i"]}
    synced(people=people)
    with django_assert_max_num_queries(45):
        synced(roles=[{"person": person["username"], **role} for person in people])


@pytest.mark.django_db(transaction=True)
def test_a_table_that_somebody_holds_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite a transaction has the database to itself")
    monkeypatch.setattr(sync_module, "PATIENCE_MS", 50)
    holds, done = threading.Event(), threading.Event()

    def edit() -> None:
        with transaction.atomic():
            Tenant.objects.create(key="held", name="Held")
            holds.set()
            done.wait(20)
        connection.close()

    def run() -> None:
        holds.wait(20)
        try:
            with pytest.raises(sync_module.UNAVAILABLE, match="lock timeout"):
                synced(**WHOLE)
        finally:
            done.set()

    results = in_parallel(edit, run)
    assert results == [None, None]
    assert synced(tenants=WHOLE["tenants"]).made
