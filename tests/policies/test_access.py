"""The door: who gets in, what they are told, and how few queries it takes."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from extdebug.demo.sample import Cast
from policies import access
from policies.decisions.decide import DecisionRule
from policies.grants import verbs
from policies.grants.claims import GrantRefused
from policies.models import (
    Capability,
    ExtensionDeveloper,
    Install,
    Limits,
    ProductionMode,
    Tenant,
)
from tests.policies.conftest import TARGET, ask, granted, knock, request

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "tenant", "allowed", "installs"),
    [
        ("olivia", "acme", True, None),
        ("olivia", "globex", True, None),
        ("alice", "acme", True, None),
        ("alice", "globex", False, frozenset()),
        ("greta", "acme", False, frozenset()),
        ("dan", "acme", True, None),
        ("dan", "globex", True, None),
        ("dora", "acme", True, frozenset({"inst-acme"})),
        ("dora", "globex", False, frozenset()),
        ("mallory", "acme", False, frozenset()),
    ],
)
def test_each_of_the_cast_sees_what_is_theirs(
    cast: Cast, name: str, tenant: str, allowed: bool, installs: frozenset[str] | None
) -> None:
    decision = ask(getattr(cast, name), tenant=tenant)
    assert (decision.allowed, decision.installs) == (allowed, installs)


def test_a_foreign_target_answers_like_one_that_does_not_exist(cast: Cast) -> None:
    foreign = ask(cast.alice, tenant="globex")
    for nothing in (
        ask(cast.alice, tenant="nowhere"),
        ask(cast.alice, extension="nothing"),
        ask(cast.alice, extension="report-maker"),  # exists, but not at acme
        ask(cast.mallory),
        ask(cast.alice, tenant="-"),
        ask(cast.alice, tenant="unknown"),
    ):
        for field in ("code", "reason", "hint", "related", "shown", "can_request", "installs"):
            assert getattr(nothing, field) == getattr(foreign, field), field
    assert foreign.code == "not_found"


def test_a_superuser_is_not_above_the_grant(cast: Cast, production: Any) -> None:
    User.objects.filter(pk=cast.olivia.pk).update(is_superuser=True)
    decision = ask(cast.olivia)
    assert decision.failed is not None
    assert decision.failed.rule == DecisionRule.GRANT


def test_a_deleted_named_install_leaves_no_installs_instead_of_all(cast: Cast) -> None:
    Install.objects.filter(key="inst-acme").update(key="inst-other")
    assert ask(cast.dora).installs == {"inst-other"}
    cast.inst_acme.delete()
    assert ask(cast.dora).code == "not_found"


def test_a_grant_for_a_deleted_install_does_not_become_one_for_all(
    cast: Cast, production: Any
) -> None:
    second = Install.objects.create(key="second", tenant=cast.acme, extension=cast.invoice_sync)
    Capability.objects.create(extension=cast.invoice_sync, install=second)
    granted(cast, cast.alice, installs=["inst-acme"])
    assert ask(cast.alice).installs == {"inst-acme"}
    cast.inst_acme.delete()
    assert not ask(cast.alice).allowed


def test_a_named_install_of_another_extension_gives_nothing(cast: Cast) -> None:
    developer = ExtensionDeveloper.objects.get(user=cast.dora)
    developer.installs.set([cast.inst_reports])
    assert ask(cast.dora).code == "not_found"
    assert ask(cast.dora, tenant="globex", extension="report-maker").code == "not_found"


def test_a_renamed_tenants_grant_does_not_open_its_successor(cast: Cast, production: Any) -> None:
    granted(cast, cast.olivia)
    Tenant.objects.filter(key="acme").update(key="acme-old")
    Tenant.objects.create(key="acme", name="Another")
    assert not ask(cast.olivia).allowed


def test_production_off_refuses_requests_and_ends_grants(cast: Cast, production: Any) -> None:
    granted(cast, cast.dan)
    mode = ProductionMode.objects.create(tenant=cast.acme, mode="grant")
    assert ask(cast.dan).allowed
    ProductionMode.objects.create(extension=cast.invoice_sync, mode="off")
    decision = ask(cast.dan)
    assert decision.failed is not None
    assert (decision.failed.rule, decision.can_request) == (DecisionRule.MODE, False)
    assert mode.mode == "grant"  # the strictest row counts


def test_tenantless_streams_are_for_operators(cast: Cast) -> None:
    assert ask(cast.olivia, tenant="-", extension="whatever").allowed
    assert ask(cast.olivia, tenant="unknown", extension="invoice-sync").allowed


@pytest.mark.parametrize(("tenant", "extension"), [access.NOBODYS, ("unknown", "invoice-sync")])
@pytest.mark.parametrize("environment", ["production", "staging"])
def test_what_no_tenant_owns_is_watched_with_a_grant_that_another_operator_gave(
    cast: Cast, production: Any, environment: str, tenant: str, extension: str
) -> None:
    production.EXT_DEBUG_ENVIRONMENT = environment
    target = {"tenant": tenant, "extension": extension}
    for user in (cast.alice, cast.greta, cast.dan, cast.dora, cast.mallory):
        assert ask(user, **target).code == "not_found"
        with pytest.raises(GrantRefused) as refused:
            request(user, **target)
        assert refused.value.code == "not_found"
    before = ask(cast.olivia, **target)
    assert before.failed is not None
    assert (before.failed.rule, before.can_request) == (DecisionRule.GRANT, True)
    pending = request(cast.olivia, **target)
    with pytest.raises(GrantRefused):
        verbs.approve(pending.pk, by=cast.olivia)
    assert not ask(cast.olivia, **target).allowed
    verbs.approve(pending.pk, by=cast.oscar)
    after = ask(cast.olivia, **target)
    assert (after.allowed, after.installs, after.grant_id) == (True, None, pending.pk)
    assert not ask(cast.oscar, **target).allowed, "it is hers alone"
    assert not ask(cast.olivia, tenant="-", extension="elsewhere").allowed
    verbs.revoke(pending.pk, by=cast.oscar, reason="over")
    assert not ask(cast.olivia, **target).allowed
    broken = verbs.break_glass(cast.oscar, **target, minutes=5, reason="an outage")
    assert ask(cast.oscar, **target).grant_id == broken.pk


def test_only_operators_are_offered_the_stream_of_nobody_without_naming_a_tenant(
    cast: Cast,
) -> None:
    chosen = access.choices(access.viewer_of(cast.olivia, transport="sse"), extension="Unknown")
    assert chosen == ["-"]
    for user in (cast.alice, cast.dan, cast.mallory):
        viewer = access.viewer_of(user, transport="sse")
        assert access.choices(viewer, extension="unknown") == []


def test_an_unknown_environment_is_closed(cast: Cast, settings: Any) -> None:
    settings.EXT_DEBUG_ENVIRONMENT = "qa"
    assert not ask(cast.olivia).allowed
    settings.EXT_DEBUG_UI_ENABLED = True
    decision = ask(cast.olivia)
    assert decision.failed is not None
    assert decision.failed.rule == DecisionRule.ENVIRONMENT


def test_choices_are_the_tenants_with_a_relation(cast: Cast) -> None:
    def choices(user: User, extension: str = "invoice-sync") -> list[str]:
        return access.choices(access.viewer_of(user, transport="ws"), extension=extension)

    assert choices(cast.dan) == ["acme", "globex"]
    assert choices(cast.dora) == ["acme"]
    assert choices(cast.alice) == ["acme"]
    assert choices(cast.olivia) == ["acme", "globex"]
    assert choices(cast.mallory) == []
    assert choices(cast.olivia, "nothing") == []


def test_the_overview_lists_what_is_related_with_its_decision(cast: Cast) -> None:
    rows = access.overview(cast.greta)
    assert [(row.tenant, row.extension) for row in rows] == [
        ("globex", "invoice-sync"),
        ("globex", "report-maker"),
    ]
    assert rows[0].installs == (("inst-globex", "Invoice Sync at Globex Corporation"),)
    assert all(row.decision.allowed for row in rows)
    assert access.overview(cast.mallory) == []
    assert len(access.overview(cast.olivia)) == 3
    assert [row.tenant for row in access.overview(cast.olivia, search="Acme")] == ["acme"]
    assert len(access.overview(cast.olivia, limit=2)) == 2


def test_queries_do_not_grow_with_the_number_asked(
    cast: Cast, production: Any, django_assert_max_num_queries: Any
) -> None:
    granted(cast, cast.dan)
    granted(cast, cast.dora, installs=["inst-acme"])
    viewers = [access.viewer_of(user, transport="ws") for user in (cast.dan, cast.dora, cast.alice)]
    with django_assert_max_num_queries(1):
        access.decide(viewers[0], **TARGET)
    many = [(viewers[i % 3], "acme", "invoice-sync") for i in range(300)]
    with django_assert_max_num_queries(1):
        decisions = access.decide_many(many)
    assert [decision.allowed for decision in decisions[:3]] == [True, True, False]


def test_a_decision_alone_is_the_one_among_many(cast: Cast, production: Any) -> None:
    granted(cast, cast.dan)
    users = [cast.olivia, cast.alice, cast.greta, cast.dan, cast.dora, cast.mallory]
    asked = [
        (access.viewer_of(user, transport="ws"), tenant, "invoice-sync")
        for user in users
        for tenant in ("acme", "globex", "nowhere", "-")
    ]
    alone = [access.decide(v, tenant=t, extension=e) for v, t, e in asked]
    assert access.decide_many(asked) == alone


def test_an_opening_counts_and_a_recheck_does_not(cast: Cast) -> None:
    Limits.objects.create(openings_per_minute=2)
    assert [ask(cast.dan).allowed for _ in range(5)] == [True] * 5
    opened = [knock(cast.dan) for _ in range(3)]
    assert [decision.code for decision in opened] == ["", "", "busy"]
    assert 0 < opened[-1].retry_after <= 60
    assert knock(cast.dora).allowed  # each person has their own rate


def test_a_knock_at_a_foreign_door_counts_towards_the_rate(cast: Cast) -> None:
    Limits.objects.create(openings_per_minute=2)
    codes = [knock(cast.mallory).code for _ in range(3)]
    assert codes == ["not_found", "not_found", "busy"]


def test_a_full_house_is_busy_for_those_who_may_and_unknown_to_others(cast: Cast) -> None:
    full = access.OpenSessions(user=0, tenant=200, extension=0)
    decision = knock(cast.dan, lambda: full)
    assert (decision.code, decision.can_request) == ("busy", False)
    assert decision.retry_after > 0
    assert knock(cast.mallory, lambda: full).code == "not_found"
