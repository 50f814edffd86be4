"""Changes of policy: saved with their audit row or not at all, described in plain values."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db.models import ProtectedError
from django.utils import timezone

from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from policies.changes import verbs
from policies.changes.row_records import Unrecordable
from policies.models import (
    Capability,
    EnvironmentPolicy,
    ExtensionDeveloper,
    Grant,
    Limits,
    Lock,
    Membership,
    ProductionMode,
    RedactionRule,
    Tenant,
)
from tests.policies.conftest import actions, granted

pytestmark = pytest.mark.django_db


def last() -> AuditRecord:
    record = AuditRecord.objects.order_by("-seq").first()
    assert record is not None
    return record


def test_a_change_says_what_was_and_what_is(cast: Cast) -> None:
    cast.acme.name = "Acme GmbH"
    verbs.save(cast.acme, by=cast.olivia, ip="192.0.2.7", reason="new name")
    record = last()
    assert (record.action, record.actor_name, record.ip) == (
        "tenant.changed",
        "olivia",
        "192.0.2.7",
    )
    assert (record.tenant, record.subject_type, record.reason) == ("acme", "tenant", "new name")
    assert record.data["changed"] == {"name": {"from": "Acme Ltd", "to": "Acme GmbH"}}


def test_saving_without_a_change_records_nothing(cast: Cast) -> None:
    verbs.save(cast.acme, by=cast.olivia)
    assert actions() == []


def test_what_is_invalid_is_not_saved(cast: Cast) -> None:
    for row in (
        Tenant(key="Upper Case", name="x"),
        Tenant(key="unknown", name="x"),
        Lock(reason="nobody"),
        Lock(user=cast.dan, tenant=cast.acme, reason="two"),
        EnvironmentPolicy(environment="production", grant_required=False),
        EnvironmentPolicy(environment="qa"),
        Limits(ttl_seconds=1),
        ProductionMode(mode="off"),
    ):
        with pytest.raises(ValidationError):
            verbs.save(row, by=cast.olivia)
    assert actions() == []


@pytest.mark.parametrize(
    ("column", "value", "action"),
    [
        ("suspended_at", timezone.now(), "tenant.suspended"),
        ("consent_required", True, "consent.required"),
        ("name", "x", "tenant.changed"),
    ],
)
def test_a_tenants_changes_have_their_own_names(
    cast: Cast, column: str, value: Any, action: str
) -> None:
    setattr(cast.acme, column, value)
    verbs.save(cast.acme, by=cast.olivia)
    assert actions() == [action]


def test_each_kind_of_row_has_its_words(cast: Cast) -> None:
    rows = [
        Lock(extension=cast.invoice_sync, reason="x"),
        Membership(user=cast.mallory, tenant=cast.acme),
        RedactionRule(name="r", pattern="x", example="x"),
        EnvironmentPolicy(environment="staging"),
        ProductionMode(tenant=cast.acme, mode="off"),
        Limits(sessions_per_user=1),
        Group(name="operators"),
    ]
    for row in rows:
        verbs.save(row, by=cast.olivia)
    for row in rows:
        verbs.delete(row, by=None)
    assert actions() == [
        "lock.set", "membership.created", "rule.created", "policy.changed",
        "production_mode.changed", "limits.changed", "user.changed",
        "lock.lifted", "membership.removed", "rule.removed", "policy.changed",
        "production_mode.changed", "limits.changed", "user.changed",
    ]  # fmt: skip
    assert last().actor_kind == "system"


def test_relations_are_part_of_the_change(cast: Cast) -> None:
    developer = ExtensionDeveloper.objects.get(user=cast.dora)
    verbs.save(developer, by=cast.olivia, related={"installs": [cast.inst_globex]})
    assert last().data["changed"] == {"installs": {"from": ["inst-acme"], "to": ["inst-globex"]}}
    with verbs.recorded(cast.mallory, by=cast.olivia) as change:
        cast.mallory.user_permissions.set(cast.olivia.user_permissions.all())
        change.reason = "a new operator"
    assert (last().action, last().reason) == ("user.changed", "a new operator")
    assert any("operate" in name for name in last().data["changed"]["user_permissions"]["to"])


def test_a_secret_is_recorded_as_changed_and_not_as_it_is(cast: Cast) -> None:
    before = cast.dan.password
    cast.dan.set_password("another-secret")
    verbs.save(cast.dan, by=cast.olivia)
    text = str(last().data)
    assert "password" in text
    assert before not in text
    assert cast.dan.password not in text


def test_a_capability_belongs_to_its_installs_slice(cast: Cast) -> None:
    capability = Capability.objects.get(install=cast.inst_acme)
    verbs.delete(capability, by=cast.olivia, reason="not theirs")
    record = last()
    assert (record.action, record.tenant, record.extension) == (
        "capability.withdrawn",
        "acme",
        "invoice-sync",
    )
    assert record.data["was"]["install"] == cast.inst_acme.pk


def test_history_protects_its_subjects(cast: Cast, production: Any) -> None:
    granted(cast, cast.dan)
    before = actions()
    with pytest.raises(ProtectedError):
        verbs.delete(cast.acme, by=cast.olivia)
    assert actions() == before
    assert User.objects.filter(pk=cast.dan.pk).exists()


def test_grants_have_verbs_of_their_own(cast: Cast) -> None:
    with pytest.raises(Unrecordable):
        verbs.save(Grant(), by=cast.olivia)
