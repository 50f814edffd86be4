"""Grants as facts: started ones that are open or closed lately, with their approvals."""

import datetime as dt

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies.decisions.facts import GrantFact
from policies.grants import verbs
from policies.loading import facts
from policies.loading.facts import Question
from policies.models import Grant, Tenant
from tests.policies.conftest import granted, request

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


def of(user: User) -> list[GrantFact]:
    (found,) = facts.load([Question(user.pk, "acme", "invoice-sync")]).facts
    return list(found.grants)


def test_a_grant_has_its_installs_approvals_and_times(cast: Cast) -> None:
    grant = granted(cast, cast.dan, installs=["inst-acme"])
    (fact,) = of(cast.dan)
    assert (fact.id, fact.all_installs, fact.installs) == (grant.pk, False, {"inst-acme"})
    assert (fact.approvals, fact.approvals_required, fact.closed_as) == (1, 1, "")
    assert (fact.starts_at, fact.ends_at) == (grant.starts_at, grant.ends_at)


def test_pending_and_denied_requests_are_no_grants(cast: Cast) -> None:
    request(cast.dan)
    verbs.deny(request(cast.dora).pk, by=cast.olivia, reason="no")
    assert of(cast.dan) == of(cast.dora) == []


def test_a_closed_grant_is_told_of_for_an_hour(cast: Cast) -> None:
    grant = granted(cast, cast.dan)
    verbs.revoke(grant.pk, by=cast.olivia, reason="it is over")
    (fact,) = of(cast.dan)
    assert (fact.closed_as, fact.closed_reason) == ("revoked", "it is over")
    past = timezone.now() - dt.timedelta(hours=1) - dt.timedelta(minutes=1)
    other = granted(cast, cast.dora)
    Grant.objects.filter(pk=other.pk).update(state="revoked", closed_at=past)
    assert of(cast.dora) == []


def test_a_renamed_tenants_grant_stays_with_the_row_it_was_given_for(cast: Cast) -> None:
    granted(cast, cast.dan)
    assert len(of(cast.dan)) == 1
    Tenant.objects.filter(pk=cast.acme.pk).update(key="acme-old")
    Tenant.objects.create(key="acme", name="Another")
    assert of(cast.dan) == []
