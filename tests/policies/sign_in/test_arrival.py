"""Arriving: the account, the roles of this moment, and what is written of a refusal."""

from dataclasses import replace

import pytest
from django.utils import timezone
from pytest_django import Settings

from audit.models import AuditRecord
from audit.trail import Action
from extdebug.demo.sample import Cast
from policies.models import Membership, SignInIdentity
from policies.sign_in import arrival
from policies.sign_in.claims import Person
from policies.sign_in.provider import NotSignedIn
from policies.sign_in.role_map import RoleMapText

pytestmark = pytest.mark.django_db(transaction=True)
ISSUER = "https://id.example"


@pytest.fixture(autouse=True)
def _configured(settings: Settings) -> None:
    roles = RoleMapText().parse("leads=admin:acme")
    settings.SIGN_IN = replace(settings.SIGN_IN, issuer=ISSUER, roles=roles)


def person(*groups: str) -> Person:
    return Person(ISSUER, "s-1", "lena", "", frozenset(groups))


def test_who_arrives_has_the_roles_of_their_groups_and_a_moment(cast: Cast):
    before = timezone.now()
    user = arrival.arrive(person("leads"))
    assert Membership.objects.filter(user=user, tenant=cast.acme).exists()
    seen = SignInIdentity.objects.get(user=user).seen_at
    assert seen is not None
    assert seen >= before
    assert arrival.arrive(person()) == user  # known by now, with nothing left
    assert not Membership.objects.filter(user=user).exists()


def test_a_stranger_without_a_group_leaves_nothing_behind(cast: Cast):
    with pytest.raises(NotSignedIn, match="none of your groups"):
        arrival.arrive(person("unheard-of"))
    assert not SignInIdentity.objects.exists()


def test_a_refusal_is_on_record_with_the_provider_and_never_with_a_name_that_was_said(cast: Cast):
    refused = NotSignedIn("token", "It proves nothing.")
    arrival.record_refusal(refused, ip="192.0.2.7", person=person())
    row = AuditRecord.objects.get(action=Action.SIGN_IN_REFUSED)
    assert (row.actor_name, row.subject_id, row.ip) == ("", "", "192.0.2.7")
    assert row.data == {"code": "provider: token", "issuer": ISSUER, "subject": "s-1"}
