"""Accounts of the provider's people: linked by who may, never by a name."""

import pytest
from django.contrib.auth.models import User

from audit.models import AuditRecord
from audit.trail import Action
from extdebug.demo.sample import Cast
from policies.models import SignInIdentity
from policies.sign_in import accounts
from policies.sign_in.claims import Person
from policies.sign_in.provider import NotSignedIn

pytestmark = pytest.mark.django_db(transaction=True)
ISSUER = "https://id.example"


def person(subject: str = "s-1", *, name: str = "lena", email: str = "") -> Person:
    return Person(ISSUER, subject, name, email, frozenset())


def made(who: Person) -> SignInIdentity:
    changes = accounts.changes_of(ISSUER, who=who.name)
    row = accounts.made(who, changes)
    changes.record()
    return row


def test_an_account_is_made_with_no_password_and_no_rights(cast: Cast):
    user = made(person(email="lena@acme.example")).user
    assert (user.email, user.has_usable_password()) == ("lena@acme.example", False)
    assert (user.is_staff, user.is_superuser, user.is_active) == (False, False, True)
    assert accounts.known(person(name="renamed")) == user
    assert accounts.known(person("s-2")) is None


def test_an_address_that_django_would_not_take_is_left_out(cast: Cast):
    assert made(person(email="lena@intranet")).user.email == ""


@pytest.mark.parametrize("name", ["alice", "Alice", "ALICE", ""])
def test_no_account_is_made_over_another_or_without_name(cast: Cast, name: str):
    with pytest.raises(NotSignedIn):
        made(person(name=name))
    assert not SignInIdentity.objects.exists()


def test_a_link_is_of_one_account_and_one_subject(cast: Cast):
    accounts.link(cast.dan, issuer=ISSUER, subject="s-1", by="shell user root")
    with pytest.raises(accounts.NotLinked, match="linked to dan already"):
        accounts.link(cast.dora, issuer=ISSUER, subject="s-1", by="shell user root")
    with pytest.raises(accounts.NotLinked, match="another subject"):
        accounts.link(cast.dan, issuer=ISSUER, subject="s-2", by="shell user root")
    accounts.link(cast.dan, issuer="https://other.example", subject="s-1", by="shell user root")
    row = AuditRecord.objects.filter(action=Action.IDENTITY_LINKED).earliest("seq")
    assert (row.actor_name, row.data["is"]["subject"]) == ("shell user root", "s-1")


def test_subjects_are_told_apart_by_every_character(cast: Cast):
    accounts.link(cast.dan, issuer=ISSUER, subject="s-a", by="x")
    accounts.link(cast.dora, issuer=ISSUER, subject="s-A", by="x")
    assert accounts.known(person("s-A")) == cast.dora


def test_a_link_by_plain_sql_is_on_record_as_well(cast: Cast):
    row = accounts.link(cast.dan, issuer=ISSUER, subject="s-1", by="x")
    SignInIdentity.objects.filter(pk=row.pk).update(user=User.objects.get(username="olivia"))
    from audit import trail

    trail.settle_notes()
    assert AuditRecord.objects.filter(
        action=Action.ROW_CHANGED, subject_type="signinidentity", subject_id=str(row.pk)
    ).exists()
