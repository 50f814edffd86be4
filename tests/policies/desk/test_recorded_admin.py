"""Saves and deletes at the desk: recorded or not done, and asked about when they cut."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client

from audit.models import AuditRecord, Outbox
from extdebug.demo.sample import Cast
from policies.changes import verbs
from policies.models import (
    Capability,
    EnvironmentPolicy,
    ExtensionDeveloper,
    Install,
    Limits,
    Lock,
    Membership,
    ProductionMode,
    RedactionRule,
    Tenant,
)
from tests.fixtures.trail import refusing
from tests.policies.at_the_desk import seen, signed_in, watch
from tests.policies.conftest import actions, granted

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]
NO_DATE = {"expires_at_0": "", "expires_at_1": ""}


def forms(cast: Cast) -> dict[str, tuple[dict[str, Any], str]]:
    """Address -> (what to post, the action that stands in the trail)."""
    return {
        "policies/tenant": ({"key": "initech", "name": "Initech"}, "tenant.created"),
        "policies/extension": ({"key": "sender", "name": "Sender"}, "extension.created"),
        "policies/install": (
            {"key": "inst-x", "tenant": cast.acme.pk, "extension": cast.report_maker.pk},
            "install.created",
        ),
        "policies/membership": (
            {"user": cast.mallory.pk, "tenant": cast.acme.pk, "role": "admin"},
            "membership.created",
        ),
        "policies/extensiondeveloper": (
            {"user": cast.mallory.pk, "extension": cast.invoice_sync.pk,
             "installs": [cast.inst_acme.pk]},
            "developer.added",
        ),
        "policies/lock": ({"user": cast.mallory.pk, "reason": "left", **NO_DATE}, "lock.set"),
        "policies/productionmode": (
            {"tenant": cast.globex.pk, "mode": "off"}, "production_mode.changed",
        ),
        "policies/limits": ({"sessions_per_user": "3"}, "limits.changed"),
        "policies/environmentpolicy": (
            {"environment": "staging", "enabled": "on", "approvals_required": "1",
             "max_grant_minutes": "60", "pending_minutes": "60", "break_glass_minutes": "10"},
            "policy.changed",
        ),
        "policies/redactionrule": (
            {"name": "customer", "pattern": r"KD-\d{6}", "example": "KD-123456",
             "enabled": "on"},
            "rule.created",
        ),
        "auth/user": (
            {"username": "newcomer", "usable_password": "true", "password1": "kq9-tangerine",
             "password2": "kq9-tangerine"},
            "user.created",
        ),
        "auth/group": ({"name": "night shift"}, "user.changed"),
    }  # fmt: skip


# What widens access needs a second person in production: changes/test_second_person.py.
WIDENING = (
    "policies/membership", "policies/extensiondeveloper", "policies/productionmode",
    "policies/redactionrule",
)  # fmt: skip
PLACES = (
    "policies/tenant", "policies/extension", "policies/install", "policies/membership",
    "policies/extensiondeveloper", "policies/lock", "policies/productionmode", "policies/limits",
    "policies/environmentpolicy", "policies/redactionrule", "auth/user", "auth/group",
)  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_every_save_and_every_delete_has_its_row(
    cast: Cast, root: Client, place: str, production: Any
) -> None:
    if place in WIDENING:
        production.EXT_DEBUG_ENVIRONMENT = "staging"
    data, action = forms(cast)[place]
    answer = root.post(f"/admin/{place}/add/", data)
    assert answer.status_code == 302, answer.context and answer.context["errors"]
    made = AuditRecord.objects.get(actor_name="root")
    assert (made.action, made.ip) == (action, "127.0.0.1")
    pk = made.subject_id
    assert root.get(f"/admin/{place}/{pk}/history/").text.count(action) == 1
    assert root.post(f"/admin/{place}/{pk}/delete/", {"post": "yes"}).status_code == 302
    gone = AuditRecord.objects.filter(actor_name="root").exclude(action="audit.read").first()
    assert gone is not None
    assert (gone.seq, gone.subject_id) != (made.seq, "")
    assert gone.data["was"]


@pytest.mark.parametrize("place", PLACES)
def test_without_its_row_nothing_is_saved(
    cast: Cast, root: Client, place: str, production: Any
) -> None:
    if place in WIDENING:
        production.EXT_DEBUG_ENVIRONMENT = "staging"
    data, _ = forms(cast)[place]
    kinds = (Tenant, Install, Membership, ExtensionDeveloper, Lock, ProductionMode, Limits,
             EnvironmentPolicy, RedactionRule, User, Group)  # fmt: skip
    before = [kind.objects.count() for kind in kinds]
    with refusing(connection):
        answer = root.post(f"/admin/{place}/add/", data)
    if place == "policies/lock":  # what takes rights away is done; its row waits
        assert answer.status_code == 302
        assert Outbox.objects.count() == 1
        return
    assert answer.status_code == 503
    assert b"nothing was changed" in answer.content
    assert [kind.objects.count() for kind in kinds] == before


def test_deleting_many_records_each(cast: Cast, root: Client) -> None:
    for user in (cast.dan, cast.dora):
        verbs.save(Lock(user=user, reason="x"), by=cast.olivia)
    chosen = list(Lock.objects.values_list("pk", flat=True))
    data = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    assert root.post("/admin/policies/lock/", data).status_code == 302
    assert not Lock.objects.exists()
    assert actions(actor_name="root") == ["lock.lifted", "lock.lifted"]


def test_an_operator_without_the_models_permission_changes_nothing(cast: Cast) -> None:
    wanted = Permission.objects.filter(content_type__app_label="policies")
    cast.olivia.user_permissions.set(wanted.filter(codename="operate_debug"))
    client = signed_in(cast.olivia)
    assert client.get("/admin/policies/tenant/").status_code == 200
    assert client.post("/admin/policies/tenant/add/", {"key": "x", "name": "x"}).status_code == 403
    assert client.post(f"/admin/policies/tenant/{cast.acme.pk}/delete/").status_code == 403
    assert Tenant.objects.count() == 2


@pytest.mark.parametrize("place", ["lock", "suspension", "membership", "capability", "account"])
def test_a_change_that_cuts_is_asked_about_with_the_number(
    cast: Cast, root: Client, place: str
) -> None:
    """Whatever way policy turns against a live session: it is undone, asked about, then done."""
    granted(cast, cast.dan)
    watch(cast.dan)
    watch(cast.dan)
    developer = ExtensionDeveloper.objects.get(user=cast.dan)
    capability = Capability.objects.get(extension=cast.invoice_sync, install=None)
    user = {"username": "dan", "email": "dan@example.test", "date_joined_0": "2026-01-01",
            "date_joined_1": "00:00:00", "last_login_0": "", "last_login_1": ""}  # fmt: skip
    ways: dict[str, tuple[str, dict[str, Any]]] = {
        "lock": ("policies/lock/add/", {"extension": cast.invoice_sync.pk, "reason": "x",
                                        **NO_DATE}),
        "suspension": (f"policies/tenant/{cast.acme.pk}/change/",
                       {"name": "Acme", "suspended": "on"}),
        "membership": (f"policies/extensiondeveloper/{developer.pk}/delete/", {"post": "yes"}),
        "capability": (f"policies/capability/{capability.pk}/delete/", {"post": "yes"}),
        "account": (f"auth/user/{cast.dan.pk}/change/", user),
    }  # fmt: skip
    url, data = ways[place]
    if url.endswith("/change/"):
        data |= seen(root, f"/admin/{url}")
    before = actions()
    asked = root.post(f"/admin/{url}", data)
    assert asked.status_code == 200
    assert "This cuts 2 live sessions at once" in asked.text
    assert actions() == before
    fewer = root.post(f"/admin/{url}", {**data, "_cuts": "1"})
    assert fewer.status_code == 200, "agreed to one, but it would be two"
    assert actions() == before
    sent = {name: value for name, value in asked.context["sent"]}  # noqa: C416
    assert root.post(f"/admin/{url}", {**sent, "_cuts": "2"}).status_code == 302
    assert len(actions()) == len(before) + 1


def test_a_change_that_cuts_nobody_is_not_asked_about(cast: Cast, root: Client) -> None:
    granted(cast, cast.dan)
    watch(cast.dan)
    data = {"user": cast.mallory.pk, "reason": "x", **NO_DATE}
    assert root.post("/admin/policies/lock/add/", data).status_code == 302


@pytest.mark.parametrize("way", ["changed meanwhile", "without what it was made from"])
def test_a_stale_form_answers_409_and_overwrites_nothing(
    cast: Cast, root: Client, way: str
) -> None:
    url = f"/admin/policies/tenant/{cast.acme.pk}/change/"
    data = {"name": "Mine", **seen(root, url)}
    if way == "changed meanwhile":
        Tenant.objects.filter(pk=cast.acme.pk).update(name="Theirs")
    else:
        del data["_seen"]
    before = actions()
    assert root.post(url, data).status_code == 409
    cast.acme.refresh_from_db()
    assert cast.acme.name != "Mine"
    assert actions() == before
    assert root.post(url, {**data, **seen(root, url)}).status_code == 302


def test_a_form_that_is_shown_again_stays_as_fresh_as_it_was(cast: Cast, root: Client) -> None:
    url = f"/admin/policies/tenant/{cast.acme.pk}/change/"
    data = {"name": "", **seen(root, url)}
    again = root.post(url, data)
    Tenant.objects.filter(pk=cast.acme.pk).update(name="Theirs")
    assert root.post(url, {"name": "Mine", "_seen": again.context["seen"]}).status_code == 409
