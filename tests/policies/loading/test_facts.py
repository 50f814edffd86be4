"""Facts as loaded: in the order asked, of one moment, and what is missing refuses."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from extdebug.demo.sample import Cast
from policies.loading import facts
from policies.loading.facts import Question
from policies.models import Capability, EnvironmentPolicy, Limits, Lock, ProductionMode

pytestmark = pytest.mark.django_db
Counted = Callable[[int], AbstractContextManager[Any]]


def of(user: Any, tenant: str = "acme", extension: str = "invoice-sync", **more: Any) -> Any:
    (found,) = facts.load([Question(user.pk, tenant, extension, **more)]).facts
    return found


def test_facts_come_in_the_order_of_the_questions(cast: Cast) -> None:
    people = [cast.olivia, cast.mallory, cast.dan]
    loaded = facts.load([Question(p.pk, "acme", "invoice-sync") for p in people])
    assert [found.user_id for found in loaded.facts] == [p.pk for p in people]
    assert [found.operator for found in loaded.facts] == [True, False, False]
    assert loaded.reading.version >= 0


def test_relations_capabilities_and_installs_are_those_of_the_target(cast: Cast) -> None:
    dora = of(cast.dora)
    assert (dora.develops, dora.develops_all) == ({"inst-acme"}, False)
    assert (dora.installs, dora.capable_installs) == ({"inst-acme"}, {"inst-acme"})
    assert of(cast.dan).develops_all
    assert of(cast.alice).member
    assert not of(cast.alice, "globex").member
    Capability.objects.filter(install=cast.inst_acme).delete()
    assert of(cast.dora).capable_installs == frozenset()
    Capability.objects.filter(extension=cast.invoice_sync, install=None).delete()
    assert not of(cast.dora).extension_capable


def test_what_does_not_exist_is_a_fact_too(cast: Cast) -> None:
    gone = of(cast.dan, "nowhere", "nothing")
    assert (gone.tenant_exists, gone.extension_exists, gone.installs) == (False, False, set())
    assert of(cast.dan, "-").tenantless
    (nobody,) = facts.load([Question(0, "acme", "invoice-sync")]).facts
    assert not nobody.active


def test_a_token_that_is_gone_or_another_persons_counts_as_revoked(cast: Cast) -> None:
    assert of(cast.dan).token is None
    assert of(cast.dan, token_id=999).token == facts.GONE
    assert facts.GONE.revoked


def test_rules_that_name_a_scope_reach_what_lies_in_it(cast: Cast) -> None:
    ProductionMode.objects.create(tenant=cast.acme, mode="off")
    Lock.objects.create(extension=cast.invoice_sync, reason="an outage")
    Limits.objects.create(tenant=cast.globex, sessions_per_user=1)
    acme, globex = of(cast.dan), of(cast.dan, "globex")
    assert (acme.mode_off, globex.mode_off) == (True, False)
    assert [lock.on for lock in acme.locks] == ["The extension"]
    assert (acme.limits.sessions_per_user, globex.limits.sessions_per_user) == (5, 1)


def test_the_environments_row_replaces_the_built_in_rules(cast: Cast, settings: Any) -> None:
    settings.EXT_DEBUG_ENVIRONMENT = "staging"
    rules = facts.environment_rules()
    assert rules is not None
    assert not rules.grant_required
    EnvironmentPolicy.objects.create(environment="staging", grant_required=True)
    rules = facts.environment_rules()
    assert rules is not None
    assert rules.grant_required
    settings.EXT_DEBUG_ENVIRONMENT = "qa"
    assert facts.environment_rules() is None


def test_a_hundred_questions_take_one_query_as_one_does(
    cast: Cast, django_assert_max_num_queries: Counted
) -> None:
    with django_assert_max_num_queries(1):
        facts.load([Question(cast.dan.pk, "acme", "invoice-sync")])
    questions = [Question(cast.dan.pk, f"t{n}", "invoice-sync") for n in range(100)]
    with django_assert_max_num_queries(1):
        facts.load(questions)
