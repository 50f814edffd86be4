"""Facts that no road rewrites: a withdrawal, an approval, a broken glass (issue 10.2)."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies import consent
from policies.changes import requests
from policies.changes.second_person import NeedsSecond
from policies.grants import verbs
from policies.models import (
    Approval,
    ChangeRequest,
    Consent,
    EnvironmentPolicy,
    Grant,
    Install,
    Lock,
    Membership,
)
from tests.policies.at_the_desk import signed_in
from tests.policies.conftest import TARGET, ask, refused_sql, request, wants

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]
HOUR = dt.timedelta(hours=1)


# --- consent ----------------------------------------------------------------------------------


def test_no_operator_lifts_a_withdrawal(cast: Cast) -> None:
    """ATTACK 8: as the tenant's new admin, by entry, by request, by ORM."""
    consent.withdraw(cast.acme, by=cast.alice)
    Membership.objects.create(user=cast.olivia, tenant=cast.acme)
    for lift in (
        lambda: consent.give(cast.acme, by=cast.olivia),
        lambda: consent.give(cast.acme, by=cast.olivia, extension=cast.invoice_sync),
        lambda: consent.enter(cast.acme, by=cast.olivia, evidence="a letter"),
    ):
        with pytest.raises(consent.ConsentWithdrawn):
            lift()
    row = Consent.objects.get()
    for by in (cast.olivia, cast.dan):
        with pytest.raises(IntegrityError), transaction.atomic():
            Consent.objects.filter(pk=row.pk).update(state="given", decided_by=by)
    for road in (
        lambda: Consent.objects.all().delete(),
        lambda: Consent.objects.update(tenant=cast.globex),
        lambda: Consent.objects.update(extension=cast.report_maker),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            road()
    consent.give(cast.acme, by=cast.alice)  # the tenant's own people can
    assert Consent.objects.get().state == "given"


def test_a_withdrawal_after_the_request_holds(cast: Cast) -> None:
    asked = wants(
        lambda: consent.enter(cast.acme, by=cast.olivia, evidence="a letter"), by=cast.olivia
    )
    consent.withdraw(cast.acme, by=cast.alice)
    with pytest.raises(ValueError, match=r"withdrew|already|exists"):
        requests.approve(asked.pk, by=cast.oscar)
    assert Consent.objects.get().state == "withdrawn"


def test_an_entry_on_the_tenants_behalf_names_its_evidence(cast: Cast, root: Any) -> None:
    cast.olivia.user_permissions.add(Permission.objects.get(codename="add_consent"))
    with pytest.raises(consent.EvidenceMissing):
        consent.enter(cast.acme, by=cast.olivia, evidence=" ")
    with pytest.raises(consent.ConsentRefused):
        consent.enter(cast.acme, by=cast.dan, evidence="a letter")
    client = signed_in(User.objects.get(pk=cast.olivia.pk))
    url = "/admin/policies/consent/add/"
    form = {"tenant": cast.acme.pk, "expires_at_0": "", "expires_at_1": ""}
    assert client.post(url, form).status_code == 200
    said = {**form, "evidence": "contract 7", "_why": "they asked by letter"}
    assert client.post(url, said).status_code == 302
    asked = ChangeRequest.objects.get()
    assert "contract 7" in str(asked.shown)
    page = signed_in(cast.oscar).post(f"/admin/policies/changerequest/{asked.pk}/approve/")
    assert page.status_code == 302
    assert "contract 7" in Consent.objects.get().note


def test_an_operator_who_is_the_tenants_admin_does_not_speak_for_it_alone(cast: Cast) -> None:
    Membership.objects.create(user=cast.olivia, tenant=cast.acme)
    cast.acme.consent_required = True
    cast.acme.save()
    for change in (
        lambda: consent.give(cast.acme, by=cast.olivia),
        lambda: consent.require(cast.acme, by=cast.olivia, required=False),
    ):
        with pytest.raises(NeedsSecond), transaction.atomic():
            change()
    consent.withdraw(cast.acme, by=cast.olivia)
    assert Consent.objects.get().state == "withdrawn"


# --- approvals --------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["deactivated", "role", "locked"])
def test_an_approval_counts_while_its_approver_may_approve(
    cast: Cast, third_operator: User, loss: str
) -> None:
    def lose(person: User) -> None:
        if loss == "deactivated":
            User.objects.filter(pk=person.pk).update(is_active=False)
        elif loss == "role":
            person.user_permissions.clear()
        else:
            Lock.objects.create(user=person, reason="x")

    EnvironmentPolicy.objects.create(environment="production", approvals_required=2)
    at_quorum = request(cast.dan)
    later = request(cast.dora, starts_after=timezone.now() + HOUR, installs=["inst-acme"])
    verbs.approve(at_quorum.pk, by=cast.olivia)
    verbs.approve(later.pk, by=cast.olivia)
    assert verbs.approve(later.pk, by=cast.oscar).state == "scheduled"
    lose(cast.olivia)
    assert verbs.approve(at_quorum.pk, by=cast.oscar).state == "requested"
    assert not ask(cast.dan).allowed
    assert verbs.approve(at_quorum.pk, by=third_operator).state == "active"
    assert ask(cast.dan).allowed
    with pytest.raises(IntegrityError), transaction.atomic():
        Grant.objects.filter(pk=later.pk).update(state="active")


def test_a_forged_approval_does_not_exist(cast: Cast) -> None:
    pending = request(cast.dan)
    for person in (cast.mallory, cast.alice):
        with pytest.raises(IntegrityError, match="operator"), transaction.atomic():
            Approval.objects.create(
                grant=pending, approver=person, requester=cast.dan, beneficiary=cast.dan,
                verdict="approve", created_at=timezone.now(),
            )  # fmt: skip


# --- break-glass ------------------------------------------------------------------------------


def test_a_broken_glass_is_not_widened_deleted_or_left_unreviewed(cast: Cast) -> None:
    glass = verbs.break_glass(
        cast.olivia, **TARGET, minutes=5, reason="fire", installs=["inst-acme"]
    )
    more = Install.objects.create(key="more", tenant=cast.acme, extension=cast.invoice_sync)
    mine = Grant.objects.filter(pk=glass.pk)
    for road in (
        lambda: glass.installs.add(more),
        lambda: mine.update(version=1),
        lambda: mine.update(all_installs=True),
        lambda: mine.update(break_glass=False),
        lambda: mine.update(ends_at=timezone.now() + 2 * HOUR),
        lambda: mine.update(reviewed_at=timezone.now()),
        lambda: mine.update(id=999),
        mine.delete,
        lambda: mine._raw_delete("default"),
        lambda: Install.objects.filter(key="inst-acme").update(key="renamed"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            road()
    refused_sql(f"DELETE FROM policies_grant WHERE id = {glass.pk}")
    if connection.vendor == "sqlite":
        names = [str(f.column) for f in Grant._meta.concrete_fields]
        other = [{"id": "id + 1"}.get(name, name) for name in names]
        refused_sql(
            f"INSERT OR REPLACE INTO policies_grant ({', '.join(names)})"
            f" SELECT {', '.join(other)} FROM policies_grant WHERE id = {glass.pk}"
        )
    verbs.release(glass.pk, by=cast.olivia)
    verbs.review(glass.pk, by=cast.oscar, justified=True, comment="seen")
    for road in (
        lambda: mine.update(reviewed_at=None),
        glass.review.delete,
        mine.delete,
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            road()


def test_a_broken_glass_that_alerts_nobody_is_refused(cast: Cast, production: Any) -> None:
    User.objects.exclude(pk=cast.olivia.pk).update(email="")
    with pytest.raises(verbs.GrantRefused, match="alert nobody"):
        verbs.break_glass(cast.olivia, **TARGET, minutes=5, reason="fire")
    production.EXT_DEBUG_WEBHOOK_URL = "file:///etc/passwd"
    production.EXT_DEBUG_WEBHOOK_SECRET = "s"
    with pytest.raises(verbs.GrantRefused, match="alert nobody"):
        verbs.break_glass(cast.olivia, **TARGET, minutes=5, reason="fire")
    production.EXT_DEBUG_WEBHOOK_URL = "http://127.0.0.1:9/hook"
    assert verbs.break_glass(cast.olivia, **TARGET, minutes=5, reason="fire").break_glass
