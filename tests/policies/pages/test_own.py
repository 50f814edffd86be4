"""What people do with their own grants and tokens, and cannot do with others'."""

import re

import pytest

from extdebug.demo.sample import Cast
from policies.identity import tokens
from policies.models import AccessToken, Grant
from tests.policies.at_the_desk import signed_in, state
from tests.policies.conftest import actions, ask, granted, request

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


def test_a_person_gives_back_and_asks_for_more(cast: Cast) -> None:
    grant = granted(cast, cast.dan)
    client = signed_in(cast.dan)
    assert grant.label in client.get("/access/").text
    more = {"minutes": "30", "reason": "not done yet"}
    assert client.post(f"/access/grants/{grant.pk}/extend/", more).status_code == 302
    extension = Grant.objects.get(extends=grant)
    assert (extension.state, extension.starts_after) == ("requested", grant.ends_at)
    client.post(f"/access/grants/{extension.pk}/withdraw/", {"version": extension.version})
    client.post(f"/access/grants/{grant.pk}/release/", {"version": grant.version})
    assert (state(extension), state(grant)) == ("withdrawn", "released")
    assert not ask(cast.dan).allowed


def test_a_stale_page_changes_nothing_and_says_so(cast: Cast) -> None:
    grant = granted(cast, cast.dan)
    client = signed_in(cast.dan)
    for version in ("0", "", "x"):
        url = f"/access/grants/{grant.pk}/release/"
        answer = client.post(url, {"version": version}, follow=True)
        assert "was changed since you opened it" in answer.text
    assert state(grant) == Grant.State.ACTIVE


@pytest.mark.parametrize("who", ["dora", "alice", "mallory", "olivia"])
def test_anothers_grant_and_token_answer_404(cast: Cast, who: str) -> None:
    grant = granted(cast, cast.dan)
    token = tokens.issue(cast.dan, name="curl", tenant=cast.acme).token
    client = signed_in(getattr(cast, who))
    data = {"version": grant.version, "minutes": "9", "reason": "x"}
    for verb in ("release", "extend", "withdraw", "cancel"):
        assert client.post(f"/access/grants/{grant.pk}/{verb}/", data).status_code == 404
    assert client.post(f"/access/tokens/{token.pk}/revoke/").status_code == 404
    assert client.post("/access/tokens/99999/revoke/").status_code == 404
    assert state(grant) == Grant.State.ACTIVE
    token.refresh_from_db()
    assert token.revoked_at is None


def test_no_verb_of_an_approver_is_to_be_had_here(cast: Cast) -> None:
    grant = request(cast.dan)
    client = signed_in(cast.dan)
    for verb in ("approve", "revoke", "deny", "review", "settle"):
        url = f"/access/grants/{grant.pk}/{verb}/"
        assert client.post(url, {"version": grant.version, "reason": "x"}).status_code == 404
        assert client.get(url).status_code == 405
    assert state(grant) == Grant.State.REQUESTED


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"name": "curl", "days": "7"}, "tenant"),  # no scope
        ({"name": "", "tenant": "acme", "days": "7"}, "name"),
        ({"name": "curl", "tenant": "acme", "days": "9999"}, "days"),
    ],
)
def test_what_is_wrong_with_a_token_is_brought_into_sight(
    cast: Cast, said: dict[str, str], field: str
) -> None:
    client = signed_in(cast.dan)
    assert " autofocus" not in client.get("/access/").text
    page = client.post("/access/tokens/", said)
    assert page.status_code == 400
    focused = re.findall(r"<(?:input|select) [^>]*autofocus[^>]*>", page.text)
    assert [re.findall(r'name="(\w+)"', tag) for tag in focused] == [[field]]


def test_a_token_is_shown_once_and_only_for_what_one_may_see(cast: Cast) -> None:
    client = signed_in(cast.dora)
    data = {"name": "curl", "tenant": "acme", "extension": "invoice-sync", "days": "5"}
    page = client.post("/access/tokens/", data)
    raw = page.context["issued"].raw
    assert raw in page.text
    assert page["Cache-Control"] == "no-store"
    assert raw not in client.get("/access/").text
    foreign = client.post("/access/tokens/", {**data, "tenant": "globex"})
    assert foreign.status_code == 400
    assert AccessToken.objects.count() == 1
    client.post(f"/access/tokens/{AccessToken.objects.get().pk}/revoke/")
    assert actions(actor_name="dora") == ["token.issued", "token.revoked"]


def test_an_outsider_has_an_empty_page(cast: Cast) -> None:
    page = signed_in(cast.mallory).get("/access/")
    assert page.status_code == 200
    assert "acme" not in page.text
    assert "invoice-sync" not in page.text
