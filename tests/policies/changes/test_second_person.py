"""Nobody alone: what widens access in production takes two people, on every road (issue 10.2)."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.utils import timezone

from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from policies import consent
from policies.changes import requests
from policies.changes import verbs as changes
from policies.changes.requests import ChangeConflict
from policies.changes.second_person import ChangeRefused, NeedsSecond
from policies.grants import verbs
from policies.identity import tokens
from policies.models import (
    Capability,
    ChangeRequest,
    EnvironmentPolicy,
    Extension,
    ExtensionDeveloper,
    Lock,
    Membership,
    Notice,
    ProductionMode,
    Tenant,
)
from tests.policies.at_the_desk import signed_in
from tests.policies.conftest import actions, ask, granted, operate, wants

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]
HOUR = dt.timedelta(hours=1)


# --- what needs two ---------------------------------------------------------------------------


def widenings(cast: Cast) -> dict[str, Callable[[], Any]]:  # noqa: C901 - one list of cases
    me = cast.olivia

    def stored(row: Any) -> Any:
        row.save()
        return row

    def rights(person: User, **columns: Any) -> None:
        with changes.recorded(person, by=me):
            for name, value in columns.items():
                setattr(person, name, value)
            person.save()

    def permission(person: User) -> None:
        person.is_staff = True
        person.save()
        with changes.recorded(person, by=me):
            person.user_permissions.add(operate())

    def through_group() -> None:
        group = Group.objects.create(name="night")
        me.groups.add(group)
        with changes.recorded(group, by=me):
            group.permissions.add(Permission.objects.get(codename="add_user"))

    def into_group() -> None:
        group = Group.objects.create(name="powers")
        group.permissions.add(Permission.objects.get(codename="add_user"))
        with changes.recorded(me, by=me):
            me.groups.add(group)

    def mine_wider() -> None:
        row = ExtensionDeveloper.objects.create(user=me, extension=cast.invoice_sync)
        row.installs.add(cast.inst_acme)
        changes.save(row, by=me, related={"installs": [cast.inst_acme, cast.inst_globex]})

    def to_all() -> None:
        row = ExtensionDeveloper.objects.get(user=cast.dora)
        row.all_installs = True
        changes.save(row, by=me, related={"installs": []})

    def laxer() -> None:
        row = EnvironmentPolicy.objects.create(environment="production", approvals_required=2)
        row.approvals_required = 1
        changes.save(row, by=me)

    def tenants_lock_shorter() -> None:
        lock = stored(Lock(tenant=cast.acme, reason="x"))
        lock.expires_at = timezone.now() + HOUR
        changes.save(lock, by=me)

    def lock_moved() -> None:
        lock = stored(Lock(tenant=cast.acme, reason="x"))
        lock.tenant = cast.globex
        changes.save(lock, by=me)

    def resumed() -> None:
        cast.acme.suspended_at = timezone.now()
        cast.acme.save()
        cast.acme.suspended_at = None
        changes.save(cast.acme, by=me)

    def mode_on() -> None:
        row = stored(ProductionMode(tenant=cast.acme, mode="off"))
        row.mode = "grant"
        changes.save(row, by=me)

    def tenant_with_lock() -> None:
        empty = stored(Tenant(key="empty", name="Empty"))
        stored(Lock(tenant=empty, reason="x"))
        changes.delete(empty, by=me)

    def woken() -> None:
        cast.oscar.is_active = False
        cast.oscar.save()
        rights(cast.oscar, is_active=True)

    return {
        "herself a tenant's admin": lambda: changes.save(
            Membership(user=me, tenant=cast.acme), by=me
        ),
        "another a tenant's admin": lambda: changes.save(
            Membership(user=cast.mallory, tenant=cast.acme), by=me
        ),
        "herself a developer": lambda: changes.save(
            ExtensionDeveloper(user=me, extension=cast.invoice_sync, all_installs=True), by=me
        ),
        "her scope wider": mine_wider,
        "another's scope to all": to_all,
        "a capability": lambda: changes.save(
            Capability(extension=stored(Extension(key="new", name="New"))), by=me
        ),
        "a tenant's lock lifted": lambda: changes.delete(
            stored(Lock(tenant=cast.acme, reason="x")), by=me
        ),
        "an extension's lock lifted": lambda: changes.delete(
            stored(Lock(extension=cast.invoice_sync, reason="x")), by=me
        ),
        "a lock that ends earlier": tenants_lock_shorter,
        "a lock moved": lock_moved,
        "a suspension ended": resumed,
        "mode off lifted": mode_on,
        "mode off deleted": lambda: changes.delete(
            stored(ProductionMode(extension=cast.invoice_sync, mode="off")), by=me
        ),
        "a laxer policy": laxer,
        "the policy's row deleted": lambda: changes.delete(
            stored(EnvironmentPolicy(environment="production", approvals_required=3)), by=me
        ),
        "superuser": lambda: rights(me, is_superuser=True),
        "another operator": lambda: permission(cast.mallory),
        "rights through her group": through_group,
        "herself into a group": into_group,
        "an operator switched on": woken,
        "an operator's alerts redirected": lambda: rights(cast.oscar, email="olivia@x.test"),
        "a tenant with its lock deleted": tenant_with_lock,
        "consent in the tenant's name": lambda: consent.enter(
            cast.acme, by=me, evidence="letter of 2026-01-02"
        ),
    }


KINDS = (
    "herself a tenant's admin", "another a tenant's admin", "herself a developer",
    "her scope wider", "another's scope to all", "a capability", "a tenant's lock lifted",
    "an extension's lock lifted", "a lock that ends earlier", "a lock moved", "a suspension ended",
    "mode off lifted", "mode off deleted", "a laxer policy", "the policy's row deleted",
    "superuser", "another operator", "rights through her group", "herself into a group",
    "an operator switched on", "an operator's alerts redirected",
    "a tenant with its lock deleted", "consent in the tenant's name",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_one_person_does_not_widen_access(cast: Cast, third_operator: User, kind: str) -> None:
    """Asked for, refused to who asks and gains, made by a second person, on record."""
    assert set(widenings(cast)) == set(KINDS)
    asked = wants(widenings(cast)[kind], by=cast.olivia)
    assert asked.state == "requested"
    with pytest.raises(ChangeRefused, match="cannot approve"):
        requests.approve(asked.pk, by=cast.olivia)
    for outsider in (cast.alice, cast.dan, cast.mallory):
        with pytest.raises(ChangeRefused):
            requests.approve(asked.pk, by=outsider)


MADE = (
    "herself a tenant's admin", "another's scope to all", "superuser", "a tenant's lock lifted",
    "consent in the tenant's name",
)  # fmt: skip


@pytest.mark.parametrize("kind", MADE)
def test_with_a_second_person_it_is_made_and_recorded(cast: Cast, kind: str) -> None:
    asked = wants(widenings(cast)[kind], by=cast.olivia)
    done = requests.approve(asked.pk, by=cast.oscar, comment="fine")
    assert (done.state, done.decided_by) == ("applied", cast.oscar)
    made = AuditRecord.objects.get(data__change_request=done.label)
    assert (made.actor_name, made.data["requested_by"]) == ("oscar", "olivia")
    assert actions(subject_type="changerequest") == ["change.requested", "change.applied"]
    with pytest.raises(ChangeConflict):
        requests.approve(done.pk, by=cast.oscar)


def test_what_narrows_is_free(cast: Cast) -> None:
    me = cast.olivia
    changes.save(Lock(tenant=cast.acme, reason="x"), by=me)
    changes.save(ProductionMode(tenant=cast.acme, mode="off"), by=me)
    changes.delete(Membership.objects.get(user=cast.alice), by=me)
    changes.delete(Capability.objects.filter(install=None)[0], by=me)
    everywhere = ExtensionDeveloper.objects.get(user=cast.dan)
    everywhere.all_installs = False
    changes.save(everywhere, by=me, related={"installs": [cast.inst_acme]})
    with changes.recorded(cast.oscar, by=me):
        cast.oscar.is_staff = False
        cast.oscar.save()
    assert ChangeRequest.objects.count() == 0


def test_outside_production_one_person_may(cast: Cast, production: Any) -> None:
    production.EXT_DEBUG_ENVIRONMENT = "staging"
    changes.save(Membership(user=cast.olivia, tenant=cast.acme), by=cast.olivia)
    production.EXT_DEBUG_ENVIRONMENT = "somewhere"
    with pytest.raises(NeedsSecond):
        changes.save(Membership(user=cast.oscar, tenant=cast.acme), by=cast.oscar)


def test_the_setting_for_one_person_is_loud(cast: Cast, production: Any) -> None:
    production.EXT_DEBUG_ONE_PERSON = True
    changes.save(Membership(user=cast.olivia, tenant=cast.acme), by=cast.olivia)
    assert actions() == ["membership.created", "change.made_alone"]
    told = Notice.objects.get(kind="change_alone")
    assert told.recipients == [cast.oscar.email]
    assert "CHANGED ALONE" in told.subject
    desk = signed_in(cast.oscar).get("/admin/").text
    assert "EXT_DEBUG_ONE_PERSON" in desk


# --- locked people ----------------------------------------------------------------------------


def test_who_is_locked_changes_nothing(cast: Cast, root: Any) -> None:
    me = cast.olivia
    lock = Lock.objects.create(user=me, reason="under inquiry")
    for change in (
        lambda: changes.delete(lock, by=me),
        lambda: changes.save(Lock(user=cast.dan, reason="x"), by=me),
        lambda: changes.save(Tenant(key="new", name="New"), by=me),
    ):
        with pytest.raises(ChangeRefused, match="locked"), transaction.atomic():
            change()
    with pytest.raises(tokens.TokenRefused):
        tokens.issue(me, name="x", tenant=cast.acme)
    client = signed_in(me)
    me.user_permissions.set(Permission.objects.all())
    url = f"/admin/policies/lock/{lock.pk}/delete/"
    assert client.post(url, {"post": "yes"}).status_code == 403
    assert Lock.objects.filter(pk=lock.pk).exists()
    Lock.objects.create(user=cast.alice, reason="x")
    with pytest.raises(ChangeRefused):
        consent.withdraw(cast.acme, by=cast.alice)


def test_who_is_locked_revokes_nothing(cast: Cast) -> None:
    active = granted(cast, cast.dan)
    Lock.objects.create(user=cast.olivia, reason="x")
    with pytest.raises(verbs.GrantRefused):
        verbs.revoke(active.pk, by=cast.olivia, reason="x")


# --- other people's accounts ------------------------------------------------------------------


@pytest.mark.parametrize("whose", ["oscar", "alice", "dan"])
def test_nobody_takes_over_an_account_with_rights(cast: Cast, root: Any, whose: str) -> None:
    person = getattr(cast, whose)
    url = f"/admin/auth/user/{person.pk}/password/"
    new = {"password1": "kq9-tangerine", "password2": "kq9-tangerine", "usable_password": "true"}
    answer = root.post(url, new)
    assert answer.status_code == 403
    assert "hands over an account" in answer.text
    before = person.password
    person.refresh_from_db()
    assert person.password == before
    assert root.get("/admin/").status_code == 200  # and root is still signed in


# --- every spelling of a target ---------------------------------------------------------------


@pytest.mark.parametrize("tenant", ["-", "unknown"])
@pytest.mark.parametrize("rule", ["tenant", "lock", "consent", "mode"])
def test_a_stream_named_after_a_tenant_obeys_that_tenants_rules(
    cast: Cast, tenant: str, rule: str
) -> None:
    target = {"tenant": tenant, "extension": "acme"}
    granted(cast, cast.olivia, **target)
    assert ask(cast.olivia, **target).allowed
    if rule == "tenant":
        Tenant.objects.filter(key="acme").update(suspended_at=timezone.now())
    elif rule == "lock":
        Lock.objects.create(tenant=cast.acme, reason="x")
    elif rule == "consent":
        consent.withdraw(cast.acme, by=cast.alice, extension=cast.report_maker)
    else:
        ProductionMode.objects.create(tenant=cast.acme, extension=cast.invoice_sync, mode="off")
    refused = ask(cast.olivia, **target)
    assert refused.failed is not None
    assert refused.failed.rule == rule
