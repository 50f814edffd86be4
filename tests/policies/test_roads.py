"""No road by which a row of policy is changed leads past the trail.

SQL, the ORM's bulk methods, fixtures and commands become `row.changed`; the admin's actions are
recorded by their verbs, once.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core import serializers
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from audit import trail
from extdebug.demo.sample import Cast
from policies.models import Lock, Membership, RedactionRule, Tenant
from tests.fixtures.trail import noted, sql
from tests.policies.at_the_desk import signed_in
from tests.policies.conftest import actions, bring_deferred_triggers, granted, operate, request

pytestmark = pytest.mark.django_db


def roads(cast: Cast, tmp_path: Path) -> dict[str, tuple[str, Callable[[], Any]]]:
    """Each with the table whose change must be told."""
    mallory, acme, now = cast.mallory, cast.acme, timezone.now()
    tenant, member, lock = "policies_tenant", "policies_membership", "policies_lock"

    def load(*rows: dict[str, Any]) -> None:
        place = tmp_path / "rows.json"
        place.write_text(json.dumps(rows))
        call_command("loaddata", str(place), verbosity=0)

    def as_fixture(row: Any, **fields: Any) -> dict[str, Any]:
        (made,) = json.loads(serializers.serialize("json", [row]))
        made["fields"].update(fields)
        return dict(made)

    def bulk_update() -> None:
        acme.name = "Another"
        Tenant.objects.bulk_update([acme], ["name"])

    return {
        "sql update": (tenant, lambda: sql("UPDATE policies_tenant SET name = 'Another'")),
        "sql delete": (member, lambda: sql("DELETE FROM policies_membership")),
        "update": (tenant, lambda: Tenant.objects.update(name="Another")),
        "bulk_update": (tenant, bulk_update),
        "bulk_create": (
            member,
            lambda: Membership.objects.bulk_create([Membership(user=mallory, tenant=acme)]),
        ),
        "update_or_create": (
            member,
            lambda: Membership.objects.update_or_create(user=mallory, tenant=acme),
        ),
        "delete of many": (member, lambda: Membership.objects.all().delete()),
        "a cascade": (
            "policies_extensiondeveloper",
            lambda: User.objects.filter(pk=cast.dora.pk).delete(),
        ),
        "save": (lock, lambda: Lock(user=mallory, reason="x").save()),
        "a fixture": (
            lock,
            lambda: load(as_fixture(Lock(user=mallory, reason="x"), created_at=f"{now}")),
        ),
        "a fixture over a row": (tenant, lambda: load(as_fixture(acme, name="Another"))),
        "createsuperuser": (
            "auth_user",
            lambda: call_command(
                "createsuperuser", username="eve", email="eve@x.test", interactive=False,
                verbosity=0,
            ),
        ),
        "a relation": (
            "auth_user_user_permissions",
            lambda: mallory.user_permissions.add(operate()),
        ),
        "the other side of a relation": (
            "auth_user_groups",
            lambda: Group.objects.create(name="g").user_set.set([mallory]),
        ),
    }  # fmt: skip


ROADS = (
    "sql update", "sql delete", "update", "bulk_update", "bulk_create", "update_or_create",
    "delete of many", "a cascade", "save", "a fixture", "a fixture over a row", "createsuperuser",
    "a relation", "the other side of a relation",
)  # fmt: skip


@pytest.mark.parametrize("road", ROADS)
def test_what_no_verb_changed_is_told_with_the_databases_role(
    cast: Cast, tmp_path: Path, road: str
) -> None:
    made = roads(cast, tmp_path)
    assert set(made) == set(ROADS)
    table, change = made[road]
    found = noted(change)
    assert table in {row.data["table"] for row in found}
    assert {row.actor_kind for row in found} == {"database"}
    role = "console" if connection.vendor == "postgresql" else ""
    assert {row.actor_id for row in found} == {role}


def test_a_table_that_is_emptied_is_told(cast: Cast) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("TRUNCATE is PostgreSQL's")
    bring_deferred_triggers()
    (row,) = noted(lambda: sql("TRUNCATE policies_lock"))
    assert (row.data["table"], row.data["operation"]) == ("policies_lock", "TRUNCATE")


def test_a_fixture_of_many_rows_names_each(cast: Cast, tmp_path: Path) -> None:
    place = tmp_path / "people.json"
    people = [
        {"model": "auth.user", "fields": {"username": f"p{n}", "is_superuser": True}}
        for n in range(300)
    ]
    place.write_text(json.dumps(people))
    found = noted(lambda: call_command("loaddata", str(place), verbosity=0))
    names = {row["is"]["username"] for record in found for row in record.data["rows"]}
    assert names == {f"p{n}" for n in range(300)}
    assert len(found) < 20


@pytest.mark.usefixtures("production")
def test_the_admins_actions_on_many_rows_are_told_by_their_verbs_alone(
    cast: Cast, root: Any
) -> None:
    rules = [  # switched off: one in force takes two people
        RedactionRule.objects.create(
            name=f"r{n}", pattern=f"secret-{n}", example=f"secret-{n}", enabled=False
        )
        for n in range(2)
    ]
    active, pending = granted(cast, cast.dan), request(cast.dora, installs=["inst-acme"])
    trail.settle_notes()
    before = actions()

    def act(where: str, action: str, *rows: Any, **more: Any) -> None:
        sent = {"action": action, "_selected_action": [row.pk for row in rows], **more}
        assert root.post(f"/admin/policies/{where}/", sent).status_code in (200, 302)

    def all_of_them() -> None:
        act("redactionrule", "delete_selected", *rules, post="yes")
        for name, grant in (("revoke", active), ("deny", pending)):
            version = {f"version_{grant.pk}": grant.version}
            act("grant", f"{name}_selected", grant, confirmed="1", reason="over", **version)

    assert noted(all_of_them) == []
    told = [name for name in actions()[len(before) :] if name != "audit.read"]
    assert told == ["rule.removed", "rule.removed", "grant.revoked", "grant.denied"]


def test_who_edits_in_the_admin_is_told_once(cast: Cast, root: Any) -> None:
    wanted = {"user": cast.dan.pk, "tenant": "", "extension": "", "reason": "x"}
    assert noted(lambda: root.post("/admin/policies/lock/add/", wanted)) == []
    assert actions(action__startswith="lock.") == ["lock.set"]
    client = signed_in(cast.olivia)
    assert client.get("/admin/policies/lock/").status_code == 200
