"""The rules that decisions ask, in the admin: what may be changed there and what may not."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies import consent
from policies.models import Capability, EnvironmentPolicy, Lock, ProductionMode
from tests.policies.at_the_desk import seen, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]
NO_DATE = {"expires_at_0": "", "expires_at_1": ""}


def test_a_lock_names_who_set_it_and_the_list_tells_the_expired_ones(
    cast: Cast, root: Client
) -> None:
    data = {"user": cast.mallory.pk, "reason": "left", **NO_DATE}
    assert root.post("/admin/policies/lock/add/", data).status_code == 302
    lock = Lock.objects.get()
    assert lock.created_by is not None
    assert lock.created_by.get_username() == "root"
    past = timezone.now() - dt.timedelta(minutes=1)
    over = Lock.objects.create(tenant=cast.acme, reason="an outage", expires_at=past)

    def shown(query: str) -> list[int]:
        page = root.get(f"/admin/policies/lock/{query}")
        return [row.pk for row in page.context["cl"].result_list]

    assert shown("?live=yes") == [lock.pk]
    assert shown("?live=no") == [over.pk]


def test_consent_is_shown_and_never_changed_or_deleted_here(cast: Cast, root: Client) -> None:
    said = consent.give(cast.acme, by=cast.alice)
    assert "alice" in root.get("/admin/policies/consent/").text
    for act in ("change", "delete"):
        url = f"/admin/policies/consent/{said.pk}/{act}/"
        assert root.post(url, {"state": "withdrawn", "post": "yes"}).status_code == 403
    said.refresh_from_db()
    assert said.state == "given"


def test_a_capability_is_given_or_withdrawn_and_not_turned_into_another(
    cast: Cast, root: Client
) -> None:
    given = Capability.objects.get(install=cast.inst_acme)
    data: dict[str, Any] = {"name": given.name, "extension": cast.report_maker.pk}
    assert root.post(f"/admin/policies/capability/{given.pk}/change/", data).status_code == 403


def test_an_environments_name_is_set_once(cast: Cast, root: Client) -> None:
    policy = EnvironmentPolicy.objects.create(environment="staging")
    url = f"/admin/policies/environmentpolicy/{policy.pk}/change/"
    data = {
        "environment": "production", "enabled": "on", "approvals_required": "2",
        "max_grant_minutes": "60", "pending_minutes": "60", "break_glass_minutes": "10",
    }  # fmt: skip
    assert root.post(url, {**data, **seen(root, url)}).status_code == 302
    policy.refresh_from_db()
    assert (policy.environment, policy.approvals_required) == ("staging", 2)


def test_lists_show_any_for_what_a_rule_leaves_open(cast: Cast) -> None:
    ProductionMode.objects.create(tenant=cast.acme, mode="off")
    page = signed_in(cast.olivia).get("/admin/policies/productionmode/").text
    assert "any" in page
    assert "Off: no requests, no watching" in page
