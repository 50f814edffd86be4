"""The sample can be laid out again and again, and gives each person what the demo says."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from extdebug.demo import sample
from policies.models import Capability, ExtensionDeveloper, Grant, Membership, Tenant


def counts() -> list[int]:
    models = (Tenant, User, Membership, ExtensionDeveloper, Capability)
    return [model.objects.count() for model in models]


@pytest.mark.django_db
def test_a_second_time_changes_nothing_and_signs_nobody_out(client: Client):
    sample.lay_out()
    before = counts()
    assert client.login(username="dan", password=sample.PASSWORD)
    sample.lay_out()
    assert counts() == before
    assert client.get("/extensions/").status_code == 200


@pytest.mark.django_db
def test_what_went_missing_comes_back():
    cast = sample.lay_out()
    cast.mallory.delete()
    Membership.objects.all().delete()
    again = sample.lay_out()
    assert again.mallory.check_password(sample.PASSWORD)
    assert {str(row.user) for row in Membership.objects.all()} == {"alice", "greta"}


@pytest.mark.django_db
def test_a_changed_password_is_the_printed_one_again():
    cast = sample.lay_out()
    cast.dan.set_password("something else")
    cast.dan.save()
    assert sample.lay_out().dan.check_password(sample.PASSWORD)


def test_only_operators_may_enter_the_admin_site(cast: sample.Cast):
    people = [getattr(cast, name) for name in sample.PEOPLE]
    assert {person.username for person in people if person.is_staff} == {"olivia", "oscar"}
    assert not any(person.is_superuser for person in people)


@pytest.mark.django_db
def test_one_request_waits_for_an_approver_however_often_one_starts(
    settings: Settings,
):
    settings.EXT_DEBUG_ENVIRONMENT = "production"
    settings.EXT_DEBUG_UI_ENABLED = True
    cast = sample.lay_out()
    sample.ask_for_a_grant(cast)
    sample.ask_for_a_grant(cast)
    assert [(grant.beneficiary, grant.state) for grant in Grant.objects.all()] == [
        (cast.dan, Grant.State.REQUESTED)
    ]
