"""Access tokens in the admin: the text is shown once, and whoever may ends one."""

import pytest

from extdebug.demo.sample import Cast
from policies.identity import tokens
from policies.models import AccessToken
from tests.policies.at_the_desk import signed_in
from tests.policies.conftest import actions

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


def test_a_token_is_shown_once_and_kept_as_a_digest(cast: Cast) -> None:
    client = signed_in(cast.olivia)
    data = {"name": "curl", "tenant": "acme", "extension": "", "days": "7"}
    page = client.post("/admin/policies/accesstoken/add/", data)
    raw = page.context["issued"].raw
    assert raw in page.text
    assert "no-store" in page["Cache-Control"]
    token = AccessToken.objects.get()
    assert (token.owner, token.digest) == (cast.olivia, tokens.digest(raw))
    for url in ("", f"{token.pk}/change/", f"{token.pk}/history/"):
        shown = client.get(f"/admin/policies/accesstoken/{url}").text
        assert raw not in shown
        assert token.digest not in shown
    scopeless = {**data, "tenant": ""}
    assert "needs a scope" in client.post("/admin/policies/accesstoken/add/", scopeless).text
    assert client.get(f"/admin/policies/accesstoken/{token.pk}/revoke/").status_code == 200
    token.refresh_from_db()
    assert token.revoked_at is None
    client.post(f"/admin/policies/accesstoken/{token.pk}/revoke/")
    token.refresh_from_db()
    assert token.revoked_at is not None
    assert actions(subject_type="access_token") == [
        "token.issued", "audit.read", "token.revoked",
    ]  # fmt: skip
