"""The page of a tenant's own admins: consent with its cuts, and nothing of other tenants."""

import pytest
from django.contrib.auth.models import User

from audit import trail
from extdebug.demo.sample import Cast
from policies import consent
from policies.models import Consent
from tests.policies.at_the_desk import signed_in, watch
from tests.policies.conftest import actions, ask, granted

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]
ACME = "/tenant/acme/"
SAY = "/tenant/acme/consent/"


@pytest.mark.parametrize("who", ["greta", "dan", "dora", "mallory", "olivia"])
def test_of_another_tenant_there_is_no_page_and_nothing_to_say(cast: Cast, who: str) -> None:
    client = signed_in(getattr(cast, who))
    answers = [client.get(url) for url in (ACME, "/tenant/nowhere/")]
    answers += [client.post(f"{url}consent/", {"act": "withdraw"}) for url in (ACME, "/tenant/x/")]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert not Consent.objects.exists()


def test_the_slice_has_the_tenants_rows_and_no_others(cast: Cast) -> None:
    granted(cast, cast.dan)
    granted(cast, cast.dora, tenant="acme", installs=["inst-acme"])
    granted(cast, cast.greta, tenant="globex", reason="globex only")
    watch(cast.dan)
    page = signed_in(cast.alice).get(ACME)
    assert {row.tenant for row in page.context["rows"]} == {"acme"}
    assert "globex" not in page.text
    assert {"session.opened", "grant.approved", "audit.read"} <= {
        row.action for row in page.context["rows"]
    }
    assert actions(actor_name="alice") == ["audit.read"]


def test_the_slice_says_why_a_session_ended_in_words_with_the_code_behind(cast: Cast) -> None:
    trail.record_close(
        "7e0c1a2b", actor=trail.SYSTEM, tenant="acme", extension="invoice-sync", reason="time_up",
        data={"code": 4408},
    )  # fmt: skip
    page = signed_in(cast.alice).get(ACME)
    assert "The session&#x27;s time was up" in page.text
    assert "4408 time_up" in page.text
    assert f'title="tenant {cast.acme.pk}">tenant acme</span>' in page.text
    assert '<td title="session.closed">Session closed <span' in page.text


def test_the_slice_goes_on_page_by_page(cast: Cast) -> None:
    for number in range(60):
        consent.give(cast.acme, by=cast.alice, note=str(number))
    client = signed_in(cast.alice)
    first = client.get(ACME)
    rest = client.get(ACME, {"before": first.context["older"]})
    seen = [row.seq for page in (first, rest) for row in page.context["rows"]]
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 61
    assert rest.context["older"] is None


def test_withdrawing_consent_says_how_many_it_cuts_before_it_does(cast: Cast) -> None:
    granted(cast, cast.dan)
    granted(cast, cast.alice)
    watch(cast.dan)
    watch(cast.alice)
    client = signed_in(cast.alice)
    data = {"act": "withdraw", "extension": "invoice-sync", "note": "incident over"}
    asked = client.post(SAY, data)
    assert "This ends 1 live session" in asked.text, "the tenant's own admin goes on"
    assert not Consent.objects.exists()
    assert ask(cast.dan).allowed
    confirmed = client.post(SAY, {**data, "_cuts": "1"})
    assert confirmed.status_code == 302
    assert not ask(cast.dan).allowed
    assert ask(cast.alice).allowed
    assert actions(actor_name="alice")[-1] == "consent.withdrawn"


def test_requiring_and_giving_for_a_while(cast: Cast) -> None:
    granted(cast, cast.dan)
    client = signed_in(cast.alice)
    client.post(SAY, {"act": "require"})
    assert ask(cast.dan).reason.startswith("The tenant has not consented")
    client.post(SAY, {"act": "give", "extension": "invoice-sync", "days": "3", "note": "ok"})
    decision = ask(cast.dan)
    assert decision.allowed
    assert Consent.objects.get().expires_at is not None
    page = client.get(ACME).text
    assert "given" in page
    assert "required" in page


def test_what_is_not_installed_here_cannot_be_named(cast: Cast) -> None:
    client = signed_in(cast.alice)
    assert client.post(SAY, {"act": "give", "extension": "report-maker"}).status_code == 404
    assert client.post(SAY, {"act": "burn"}).status_code == 302
    assert not Consent.objects.exists()


def test_get_changes_nothing_and_strangers_sign_in_first(cast: Cast, client: object) -> None:
    alice = signed_in(cast.alice)
    assert alice.get(SAY, {"act": "withdraw"}).status_code == 405
    assert not Consent.objects.exists()
    cast.alice.memberships.all().delete()
    assert alice.get(ACME).status_code == 404
    User.objects.filter(pk=cast.alice.pk).update(is_active=False)
    assert alice.get(ACME)["Location"].startswith("/login/")
