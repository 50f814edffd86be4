"""Signing in by a real OpenID Connect provider: who comes in, and what proves nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from audit.models import AuditRecord
from audit.trail import Action
from extdebug.demo.sample import Cast
from policies.identity.attempts import OF_ADDRESS
from policies.models import Membership, SignInIdentity
from policies.pages import sign_in
from policies.sign_in import provider as spoken_to
from tests.fixtures.cast import PASSWORD
from tests.fixtures.oidc import Provider

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    sign_in.attempts.__init__()  # type: ignore[misc] # the process's own, as a new process has it
    yield
    sign_in.attempts.__init__()  # type: ignore[misc]


def who(client: Client) -> str:
    """Whose session this is; "" when nobody is signed in."""
    key = client.session.get("_auth_user_id")
    return User.objects.get(pk=key).username if key else ""


def refused(answer: Any, client: Client, *, status: int = 403) -> str:
    """The line that the page says; nobody was signed in."""
    assert answer.status_code == status, answer.content
    assert who(client) == ""
    return str(answer.context["error"])


# --- who comes in -------------------------------------------------------------------------------


def test_a_person_with_a_group_gets_an_account_and_its_roles(cast: Cast, provider: Provider):
    provider.knows("s-1", preferred_username="lena", email="lena@acme.example",
                   email_verified=True, groups=["leads", "unheard-of"])  # fmt: skip
    client = Client()
    answer = provider.sign_in(client, wanted="/access/")
    assert (answer.status_code, answer["Location"]) == (302, "/access/")
    assert who(client) == "lena"
    lena = User.objects.get(username="lena")
    assert (lena.email, lena.is_staff, lena.has_usable_password()) == (
        "lena@acme.example", False, False,
    )  # fmt: skip
    assert Membership.objects.filter(user=lena, tenant=cast.acme).exists()
    assert client.get("/extensions/").status_code == 200
    rows = AuditRecord.objects.filter(actor_name=f"sign-in ({provider.issuer})")
    assert {row.action for row in rows} == {
        Action.USER_CREATED, Action.IDENTITY_LINKED, Action.MEMBERSHIP_CREATED,
        Action.DEVELOPER_ADDED,
    }  # fmt: skip
    assert all("lena" in row.reason and provider.issuer in row.reason for row in rows)


def test_claims_are_asked_for_where_the_token_has_none(cast: Cast, provider: Provider):
    provider.control(inIdToken=False)
    provider.knows("s-1", preferred_username="lena", groups=["leads"])
    client = Client()
    provider.sign_in(client)
    assert who(client) == "lena"
    provider.control(forge="userinfo")
    assert "somebody else" in refused(provider.sign_in(other := Client()), other)
    provider.control(inIdToken=True)


def test_the_request_has_state_nonce_and_a_challenge_and_nothing_of_whoever_made_the_link(
    cast: Cast, provider: Provider
):
    link = "/login/provider/?auth_params=prompt%3Dnone%26nonce%3Dx&scope=admin&process=connect"
    sent = urlsplit(Client().get(link)["Location"])
    said = {name: value[0] for name, value in parse_qs(sent.query).items()}
    assert said["code_challenge_method"] == "S256"
    assert len(said["nonce"]) >= 32
    assert len(said["state"]) >= 16
    assert "prompt" not in said
    assert set(said["scope"].split()) == {"openid", "profile", "email", "groups"}
    assert said["redirect_uri"] == "http://testserver/login/provider/callback/"


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/login/?next=/x"])
def test_no_address_of_another_site_is_gone_to(cast: Cast, provider: Provider, wanted: str):
    provider.knows("s-1", preferred_username="lena", groups=["leads"])
    assert provider.sign_in(Client(), wanted=wanted)["Location"] == "/extensions/"


def test_a_link_on_another_site_signs_nobody_in(cast: Cast, provider: Provider):
    answer = Client().get(
        "/login/provider/?next=/access/", headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer["Location"] == "/login/?next=%2Faccess%2F"


def test_the_sign_in_ends_when_it_ends_however_much_it_is_used(
    cast: Cast, provider: Provider, settings: Settings
):
    provider.knows("s-1", preferred_username="lena", groups=["leads"])
    client = Client()
    provider.sign_in(client)
    row = Session.objects.get(session_key=client.session.session_key)
    lasts = row.expire_date - timezone.now()
    assert dt.timedelta(hours=7, minutes=59) < lasts <= dt.timedelta(hours=8)
    session = client.session
    session["used"] = True
    session.save()
    assert Session.objects.get(session_key=session.session_key).expire_date == row.expire_date


def test_signing_out_ends_it(cast: Cast, provider: Provider):
    provider.knows("s-1", preferred_username="lena", groups=["leads"])
    client = Client()
    provider.sign_in(client)
    left = client.post("/logout/")["Location"]
    assert left == "/login/?signed_out=1"
    assert who(client) == ""
    assert "still signed in at Acme ID" in client.get(left).text
    there = client.get("/login/provider/out/")["Location"]
    assert there == f"{provider.issuer}/session/end?client_id=console"
    assert httpx.get(there).status_code == 200
    assert client.get("/extensions/").status_code == 302


# --- whose account it is ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["alice", "ALICE"])
def test_an_account_of_that_name_is_not_taken_over(cast: Cast, provider: Provider, name: str):
    provider.knows("s-1", preferred_username=name, email=cast.alice.email, email_verified=True,
                   groups=["leads"])  # fmt: skip
    client = Client()
    assert "not linked" in refused(provider.sign_in(client), client)
    assert not SignInIdentity.objects.exists()
    row = AuditRecord.objects.get(action=Action.SIGN_IN_REFUSED)
    assert (row.data["code"], row.data["subject"]) == ("provider: name taken", "s-1")


def test_an_equal_address_is_another_person(cast: Cast, provider: Provider):
    provider.knows("s-1", preferred_username="lena", email=cast.alice.email, email_verified=True,
                   groups=["leads"])  # fmt: skip
    client = Client()
    provider.sign_in(client)
    assert who(client) == "lena"


def test_an_address_that_is_not_verified_is_not_kept(cast: Cast, provider: Provider):
    provider.knows("s-1", preferred_username="lena", email="x@y.example", email_verified=False,
                   groups=["leads"])  # fmt: skip
    provider.sign_in(Client())
    assert User.objects.get(username="lena").email == ""


def test_the_subject_decides_whatever_the_name_is_by_now(cast: Cast, provider: Provider):
    provider.knows("s-1", preferred_username="lena", groups=["leads"])
    provider.sign_in(Client())
    provider.knows("s-1", preferred_username="olivia", groups=["leads"])
    client = Client()
    provider.sign_in(client)
    assert who(client) == "lena"
    provider.knows("s-2", preferred_username="lena", groups=["leads"])
    assert "not linked" in refused(provider.sign_in(other := Client()), other)


def test_a_linked_account_is_come_into(cast: Cast, provider: Provider):
    SignInIdentity.objects.create(
        issuer=provider.issuer, subject="s-1", user=cast.dan, linked_at=timezone.now()
    )
    provider.knows("s-1", preferred_username="someone")
    client = Client()
    provider.sign_in(client)
    assert who(client) == "dan"


def test_whom_no_group_lets_in_gets_no_account(cast: Cast, provider: Provider):
    for groups in ([], ["unheard-of"], ["nowhere"]):
        provider.knows("s-1", preferred_username="lena", groups=groups)
        client = Client()
        assert "none of your groups" in refused(provider.sign_in(client), client)
    assert not User.objects.filter(username="lena").exists()


def test_an_inactive_account_stays_out(cast: Cast, provider: Provider):
    provider.knows("s-1", preferred_username="lena", groups=["leads"])
    provider.sign_in(Client())
    User.objects.filter(username="lena").update(is_active=False)
    client = Client()
    assert "inactive" in refused(provider.sign_in(client), client)
    row = AuditRecord.objects.filter(action=Action.SIGN_IN_REFUSED).get()
    assert row.actor_name == "lena"


def test_a_name_that_no_account_could_have_is_said(cast: Cast, provider: Provider):
    for name in (None, "two words", "x" * 151, "a\u202eb"):
        provider.knows("s-1", preferred_username=name, groups=["leads"])
        client = Client()
        assert "no name" in refused(provider.sign_in(client), client)


# --- answers that prove nothing -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("forge", "said"),
    [
        ("none", "not signed with a key"),
        ("hmac", "not signed with a key"),
        ("stranger", "signature is not valid"),
        ("another key", "a key that the provider does not name"),
        ("issuer", "another provider issued it"),
        ("audience", "another client"),
        ("party", "another client"),
        ("expired", "time is over"),
        ("old", "time is over"),
        ("early", "time has not come"),
        ("nonce", "another request"),
        ("no nonce", "another request"),
        ("nobody", "names nobody"),
        ("garbage", "cannot be read"),
    ],
)
def test_a_forged_token_signs_nobody_in(cast: Cast, provider: Provider, forge: str, said: str):
    provider.knows("s-1", preferred_username="lena", groups=["leads"])
    provider.control(forge=forge)
    client = Client()
    assert said in refused(provider.sign_in(client), client)
    assert not User.objects.filter(username="lena").exists()
    row = AuditRecord.objects.get(action=Action.SIGN_IN_REFUSED)
    assert row.data["code"] == "provider: token"
    assert row.data["issuer"] == provider.issuer


def test_a_state_counts_once_and_in_the_browser_that_left(cast: Cast, provider: Provider):
    provider.knows("s-1", preferred_username="lena", groups=["leads"])
    client, other = Client(), Client()
    address = urlsplit(provider.comes_back(client))
    back = f"{address.path}?{address.query}"
    assert "another browser" in refused(other.get(back), other)
    assert client.get(back).status_code == 302
    client.post("/logout/")
    assert "another browser" in refused(client.get(back), client)
    made_up = f"{address.path}?state=made-up&code=x"
    assert "another browser" in refused(client.get(made_up), client)
    for nothing in ("", "?code=x", "?error=server_error"):
        assert "another browser" in refused(client.get(f"{address.path}{nothing}"), client)


def test_an_answer_of_another_issuer_or_with_another_code_is_refused(
    cast: Cast, provider: Provider
):
    provider.knows("s-1", preferred_username="lena", groups=["leads"])
    mixed = lambda url: url.replace("iss=http%3A%2F%2F127.0.0.1", "iss=http%3A%2F%2Felsewhere")  # noqa: E731
    client = Client()
    assert "another provider" in refused(provider.sign_in(client, accept=mixed), client)
    stolen = lambda url: url.replace("code=", "code=x")  # noqa: E731
    assert "was not accepted" in refused(provider.sign_in(client, accept=stolen), client)


def test_whoever_changes_their_mind_there_reads_so_here(cast: Cast, provider: Provider):
    provider.control(now="")
    client = Client()
    assert "access_denied" in refused(provider.sign_in(client), client)


def test_new_keys_of_the_provider_are_found(cast: Cast, provider: Provider):
    clock = [1000.0]
    spoken_to.documents_of(provider.issuer).clock = lambda: clock[0]
    provider.knows("s-1", preferred_username="lena", groups=["leads"])
    client = Client()
    provider.sign_in(client)
    assert who(client) == "lena"
    provider.control(rotate=True)
    clock[0] += 11  # no sooner than that are keys asked for again
    client = Client()
    provider.sign_in(client)
    assert who(client) == "lena"


def test_ten_thousand_groups_are_no_burden(cast: Cast, provider: Provider):
    provider.knows("s-1", preferred_username="lena",
                   groups=[f"group-{n:05}" for n in range(10_000)] + ["leads"])  # fmt: skip
    client = Client()
    provider.sign_in(client)
    assert who(client) == "lena"


@pytest.mark.parametrize("groups", ["leads", {"leads": True}, ["leads", 7], True])
def test_groups_that_are_no_list_of_names_let_nobody_in(
    cast: Cast, provider: Provider, groups: object
):
    provider.knows("s-1", preferred_username="lena", groups=groups)
    client = Client()
    assert "no list" in refused(provider.sign_in(client), client)


# --- when it is away, or off --------------------------------------------------------------------


def test_a_provider_that_is_away_is_one_line_and_passwords_go_on(cast: Cast, provider: Provider):
    provider.stop()
    client = Client()
    answer = client.get("/login/provider/")
    line = refused(answer, client, status=503)
    assert line == "Acme ID cannot be used now: it does not answer. Try again in a moment."
    assert client.get("/login/").status_code == 200
    signed = client.post("/login/", {"username": "olivia", "password": PASSWORD})
    assert signed.status_code == 302


def test_one_without_a_page_for_signing_out_is_said(cast: Cast, provider: Provider):
    documents = spoken_to.documents_of(provider.issuer)
    documents._configuration = (documents.clock(), {**documents.configuration()})
    documents._configuration[1].pop("end_session_endpoint")
    answer = Client().get("/login/provider/out/")
    assert (answer.status_code, "has no page" in answer.text) == (404, True)


def test_a_provider_that_goes_away_between_leaving_and_coming_back(cast: Cast, provider: Provider):
    provider.knows("s-1", preferred_username="lena", groups=["leads"])
    client = Client()
    address = urlsplit(provider.comes_back(client))
    provider.stop()
    answer = client.get(f"{address.path}?{address.query}")
    assert "does not answer" in refused(answer, client, status=503)


def test_attempts_are_spaced(cast: Cast, provider: Provider):
    client = Client()
    statuses = [client.get("/login/provider/").status_code for _ in range(OF_ADDRESS.burst + 1)]
    assert statuses == [302] * OF_ADDRESS.burst + [429]
    assert client.get("/login/provider/callback/?state=x").status_code == 429


def test_sign_ins_that_succeed_are_not_counted(cast: Cast, provider: Provider):
    provider.knows("s-1", preferred_username="lena", groups=["leads"])
    for _ in range(OF_ADDRESS.burst // 2 + 2):
        assert provider.sign_in(Client()).status_code == 302


def test_without_a_provider_there_is_nothing(cast: Cast):
    assert Client().get("/login/provider/").status_code == 404
    assert Client().get("/login/provider/callback/").status_code == 404
    assert b"Sign in with" not in Client().get("/login/").content
