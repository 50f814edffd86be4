"""The tenant's word on being watched: only its own admins speak, the last word replaces others."""

import datetime as dt

import pytest
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies import consent
from policies.models import Consent
from tests.policies.conftest import actions, ask, granted

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


def test_a_later_word_replaces_the_earlier_one_of_the_same_scope(cast: Cast) -> None:
    end = timezone.now() + dt.timedelta(days=1)
    first = consent.give(cast.acme, by=cast.alice, expires_at=end, note="for the audit")
    assert (first.state, first.expires_at, first.decided_by) == ("given", end, cast.alice)
    again = consent.withdraw(cast.acme, by=cast.alice)
    assert (again.pk, again.state, again.expires_at) == (first.pk, "withdrawn", None)
    one = consent.give(cast.acme, by=cast.alice, extension=cast.invoice_sync)
    assert one.pk != first.pk
    assert actions(tenant="acme") == ["consent.given", "consent.withdrawn", "consent.given"]


def test_a_withdrawal_for_one_extension_cuts_watchers_of_that_one_alone(cast: Cast) -> None:
    granted(cast, cast.dan)
    consent.withdraw(cast.acme, by=cast.alice, extension=cast.report_maker)
    assert ask(cast.dan).allowed
    consent.withdraw(cast.acme, by=cast.alice, extension=cast.invoice_sync)
    assert not ask(cast.dan).allowed


@pytest.mark.parametrize("who", ["olivia", "dan", "greta", "mallory"])
def test_nobody_else_speaks_for_the_tenant(cast: Cast, who: str) -> None:
    person = getattr(cast, who)
    for attempt in (
        lambda: consent.give(cast.acme, by=person),
        lambda: consent.withdraw(cast.acme, by=person),
        lambda: consent.require(cast.acme, by=person, required=True),
    ):
        with pytest.raises(consent.ConsentRefused, match="no tenant 'acme'"):
            attempt()
    assert not Consent.objects.exists()
    assert actions() == []


def test_an_admin_whose_account_is_off_speaks_no_more(cast: Cast) -> None:
    cast.alice.is_active = False
    with pytest.raises(consent.ConsentRefused):
        consent.give(cast.acme, by=cast.alice)


def test_requiring_consent_and_lifting_it_are_on_record(cast: Cast) -> None:
    consent.require(cast.acme, by=cast.alice, required=True, reason="a new contract")
    cast.acme.refresh_from_db()
    assert cast.acme.consent_required
    consent.require(cast.acme, by=cast.alice, required=False)
    assert actions(tenant="acme") == ["consent.required", "consent.changed"]
