"""What groups give is given once, taken when they are left, and never what somebody else keeps."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.utils import timezone
from pytest_django import Settings

from audit.models import AuditRecord
from audit.trail import Action
from extdebug.demo.sample import Cast
from policies import access
from policies.database import clock
from policies.directory import sync
from policies.directory.document import Options, read_json
from policies.identity import operators
from policies.models import (
    ExtensionDeveloper,
    Install,
    Membership,
    Notice,
    RoleByGroup,
    SignInIdentity,
)
from policies.sign_in import roles
from policies.sign_in.role_map import RoleMapText
from policies.upkeep import end_stale_roles

pytestmark = pytest.mark.django_db(transaction=True)
ISSUER = "https://id.example"
MAP = RoleMapText().parse(
    "leads=admin:acme; devs=developer:invoice-sync; acme-devs=developer:invoice-sync/inst-acme;"
    "globex-devs=developer:invoice-sync/inst-globex; new-devs=developer:invoice-sync/inst-new;"
    "ops=operator:desk; helpers=operator:helpers"
)
Comes = Callable[..., None]


@pytest.fixture
def desk(cast: Cast) -> Group:
    """The admin's group of operators."""
    group = Group.objects.create(name="desk")
    group.permissions.set(Permission.objects.filter(content_type__app_label="policies"))
    return group


@pytest.fixture
def lena(cast: Cast) -> User:
    return User.objects.create_user("lena", "lena@acme.example")


@pytest.fixture
def comes(lena: User) -> Comes:
    """`comes("leads")`: lena signs in with these groups."""
    identity = SignInIdentity.objects.create(
        issuer=ISSUER, subject="s-1", user=lena, linked_at=clock.now(), seen_at=clock.now()
    )

    def sign_in(*groups: str) -> None:
        roles.apply(identity.pk, roles.existing(MAP.roles(groups)))

    return sign_in


def held(user: User) -> set[str]:
    """All roles of somebody, in words."""
    found = {f"admin {row.tenant.key}" for row in Membership.objects.filter(user=user)}
    for row in ExtensionDeveloper.objects.filter(user=user):
        keys = (
            "all"
            if row.all_installs
            else " ".join(sorted(row.installs.values_list("key", flat=True)))
        )
        found.add(f"developer {row.extension.key} {keys}")
    found |= {f"group {name}" for name in user.groups.values_list("name", flat=True)}
    return found | ({"staff"} if User.objects.get(pk=user.pk).is_staff else set())


def marks() -> set[str]:
    return {f"{row.kind} {row.name}".strip() for row in RoleByGroup.objects.all()}


# --- given and taken ----------------------------------------------------------------------------


def test_groups_give_and_leaving_them_takes(comes: Comes, lena: User, desk: Group):
    comes("leads", "acme-devs", "ops")
    assert held(lena) == {"admin acme", "developer invoice-sync inst-acme", "group desk", "staff"}
    assert operators.is_operator(lena)
    comes("acme-devs")
    assert held(lena) == {"developer invoice-sync inst-acme"}
    assert not operators.is_operator(lena)
    comes()
    assert (held(lena), marks()) == (set(), set())


def test_the_same_groups_again_change_nothing(comes: Comes, lena: User, desk: Group):
    comes("leads", "acme-devs", "ops")
    before = AuditRecord.objects.count()
    comes("leads", "acme-devs", "ops")
    assert AuditRecord.objects.count() == before


def test_groups_of_one_extension_are_put_together(comes: Comes, lena: User):
    comes("acme-devs", "globex-devs")
    assert held(lena) == {"developer invoice-sync inst-acme inst-globex"}
    comes("globex-devs")
    assert held(lena) == {"developer invoice-sync inst-globex"}
    comes("globex-devs", "devs")
    assert held(lena) == {"developer invoice-sync all"}
    comes("acme-devs")
    assert held(lena) == {"developer invoice-sync inst-acme"}


def test_what_a_group_names_and_is_not_there_gives_nothing_until_it_is(
    comes: Comes, lena: User, cast: Cast
):
    comes("new-devs", "acme-devs", "helpers")
    assert held(lena) == {"developer invoice-sync inst-acme"}
    Install.objects.create(key="inst-new", tenant=cast.acme, extension=cast.invoice_sync)
    comes("new-devs", "acme-devs", "helpers")
    assert held(lena) == {"developer invoice-sync inst-acme inst-new"}


def test_each_change_says_who_and_which_provider(comes: Comes, lena: User, desk: Group):
    comes("leads", "ops")
    comes()
    rows = AuditRecord.objects.filter(actor_name=f"sign-in ({ISSUER})").order_by("seq")
    assert [row.action for row in rows] == [
        Action.MEMBERSHIP_CREATED, Action.USER_CHANGED, Action.MEMBERSHIP_REMOVED,
        Action.USER_CHANGED,
    ]  # fmt: skip
    assert {row.reason for row in rows} == {f"lena as known to {ISSUER}"}
    assert not AuditRecord.objects.filter(action=Action.ROW_CHANGED, subject_type="membership")


def test_a_live_authority_ends_with_the_group(comes: Comes, lena: User, cast: Cast):
    viewer = access.viewer_of(lena, transport="ws")
    comes("devs")
    version = clock.read().version
    assert access.decide(viewer, tenant="acme", extension="invoice-sync").allowed
    comes()
    assert not access.decide(viewer, tenant="acme", extension="invoice-sync").allowed
    assert clock.read().version > version  # which each process looks at


# --- who keeps it -------------------------------------------------------------------------------


def test_what_the_desk_made_stays(comes: Comes, lena: User, cast: Cast, desk: Group):
    Membership.objects.create(user=lena, tenant=cast.acme)
    row = ExtensionDeveloper.objects.create(user=lena, extension=cast.invoice_sync)
    row.installs.set([cast.inst_globex])
    lena.groups.add(desk)
    User.objects.filter(pk=lena.pk).update(is_staff=True)
    mine = held(lena)
    comes("leads", "devs", "ops")
    assert (held(lena), marks()) == (mine, set())
    comes()
    assert held(lena) == mine


def test_what_the_directory_keeps_by_now_is_not_taken(comes: Comes, lena: User, cast: Cast):
    comes("leads", "acme-devs")
    listed = [
        {"person": "lena", "role": "admin", "tenant": "acme"},
        {"person": "lena", "role": "developer", "extension": "invoice-sync",
         "installs": ["inst-acme"]},
    ]  # fmt: skip
    document, _ = read_json(json.dumps({"roles": listed}).encode())
    sync.sync(document, Options())
    comes("globex-devs")
    assert held(lena) == {"admin acme", "developer invoice-sync inst-acme"}
    nobody, _ = read_json(b'{"roles": []}')
    sync.sync(nobody, Options())
    assert held(lena) == set()


def test_what_the_desk_took_away_stays_away_until_the_group_is_joined_anew(
    comes: Comes, lena: User, cast: Cast, desk: Group
):
    comes("leads", "ops")
    Membership.objects.filter(user=lena).delete()
    User.objects.filter(pk=lena.pk).update(is_staff=False)
    comes("leads", "ops")
    assert held(lena) == {"group desk"}
    comes()
    comes("leads", "ops")
    assert held(lena) == {"admin acme", "group desk", "staff"}


def test_staff_by_hand_stays_staff(comes: Comes, lena: User, desk: Group):
    User.objects.filter(pk=lena.pk).update(is_staff=True)
    comes("ops")
    assert marks() == {"operator desk"}
    comes()
    assert held(lena) == {"staff"}


def test_nobody_becomes_staff_by_a_group_that_is_not_there(comes: Comes, lena: User):
    comes("helpers")
    assert (held(lena), marks()) == (set(), set())


# --- how long it holds --------------------------------------------------------------------------


def test_what_groups_gave_ends_when_nobody_came_back(
    comes: Comes, lena: User, desk: Group, settings: Settings
):
    comes("leads", "ops")
    assert end_stale_roles() == 0
    lasts = dt.timedelta(seconds=settings.SIGN_IN.roles_seconds)
    SignInIdentity.objects.update(seen_at=timezone.now() - lasts - dt.timedelta(seconds=1))
    assert end_stale_roles() == 1
    assert held(lena) == set()
    assert end_stale_roles() == 0


# --- who is told --------------------------------------------------------------------------------


def test_operators_hear_in_production_what_two_of_them_would_decide_on(
    comes: Comes, desk: Group, settings: Settings
):
    comes("acme-devs")
    assert not notices()
    comes()
    settings.EXT_DEBUG_ENVIRONMENT = "production"
    comes("acme-devs", "ops")
    said = notices()
    assert {each.subject for each in said} == {"ROLES GIVEN: lena"}
    assert {tuple(each.recipients) for each in said} >= {("olivia@example.test",)}
    assert "developer of invoice-sync (inst-acme)" in said[0].body
    assert ISSUER in said[0].body
    many = len(said)
    comes("acme-devs", "ops")
    assert len(notices()) == many


def notices() -> list[Any]:
    return list(Notice.objects.filter(kind="roles_given"))
