"""How the provider is spoken to: by the settings alone, without redirects, in answers of a size."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp
from django.test import RequestFactory

from policies.sign_in import provider as spoken_to
from policies.sign_in.documents import ProviderAway
from tests.fixtures.oidc import Provider

pytestmark = pytest.mark.django_db


def test_a_provider_in_the_database_gives_nobody_a_way_in(provider: Provider):
    SocialApp.objects.create(
        provider="openid_connect", provider_id="evil", name="Evil", client_id="x",
        settings={"server_url": "https://evil.example"},
    )  # fmt: skip
    (app,) = get_adapter().list_apps(None)
    assert (app.client_id, app.settings["server_url"]) == ("console", provider.issuer)


def test_without_an_issuer_there_is_none():
    assert get_adapter().list_apps(None) == []


def test_no_redirect_is_followed_and_no_endless_answer_read(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
):
    with get_adapter().get_requests_session() as session:
        answer = session.get(f"{provider.issuer}/auth?client_id=x")
        assert not answer.history
        monkeypatch.setattr(spoken_to, "LONGEST_ANSWER", 10)
        with pytest.raises(requests.RequestException):
            session.get(f"{provider.issuer}/.well-known/openid-configuration")


def test_a_status_that_is_no_success_is_no_document(provider: Provider):
    documents: Any = spoken_to.documents_of(f"{provider.issuer}/no-such-realm")
    with pytest.raises(ProviderAway, match="does not answer"):
        documents.configuration()


def test_where_one_is_sent_back_to_is_this_console(provider: Provider):
    request = RequestFactory().get("/login/provider/")
    request.session = {}  # type: ignore[assignment]
    flow = spoken_to._Flow(request, spoken_to.ID)
    assert flow.get_callback_url(request, SocialApp()) == (
        "http://testserver/login/provider/callback/"
    )
