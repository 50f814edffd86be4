"""The provider as django-allauth speaks to it: where people are sent, and what comes back.

django-allauth keeps the state, makes the request with PKCE and exchanges the code. Beside that, an
ID token is always verified by the provider's keys and has to answer the request by its nonce, the
issuer is the configured one, nothing is added to the request by whoever made a link, and no
provider of the database counts. Accounts are not its business: `answer` says what is proven.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlencode

import requests
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, get_adapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils import timezone

from policies.sign_in import claims as of_people
from policies.sign_in import id_tokens
from policies.sign_in.claims import BadClaims, Person
from policies.sign_in.documents import Documents, ProviderAway
from policies.sign_in.id_tokens import BadToken, UnknownKey

ID: Final = "openid_connect"  # of django-allauth's kind of provider, of which there is one
LONGEST_ANSWER: Final = 2 * 1024 * 1024  # bytes of any answer of the provider
LONGEST_ERROR: Final = 100  # characters of a provider's code for what went wrong
_SIGN_OUT: Final = "end_session_endpoint"  # RP-Initiated Logout 1.0
_AGAIN: Final = "Sign in again."


class NotSignedIn(Exception):
    """The provider vouches for nobody. `code` is for the trail, the message for the person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def begin(request: HttpRequest, *, next_url: str) -> HttpResponseBase:
    """Send the person to the provider. ProviderAway."""
    provider = get_adapter(request).get_provider(request, ID)
    provider.oauth2_adapter_class = _Flow
    nonce = secrets.token_urlsafe(24)
    answer: HttpResponseBase = provider.redirect(
        request, process="login", next_url=next_url, auth_params={"nonce": nonce}, nonce=nonce
    )
    return answer


def answer(request: HttpRequest) -> tuple[Person, str]:
    """Who came back from the provider, and the address that they wanted when they left.

    NotSignedIn when it vouches for nobody, ProviderAway when it does not answer.
    """
    flow = _Flow(request, ID)
    provider = flow.get_provider()
    asked, state = request.GET.get("state"), dict[str, Any]()
    try:
        state |= provider.unstash_redirect_state(request, asked)
    except PermissionDenied:
        raise NotSignedIn(
            "state", f"That sign-in was started in another browser, or too long ago. {_AGAIN}"
        ) from None
    if request.GET.get("iss", settings.SIGN_IN.issuer) != settings.SIGN_IN.issuer:  # RFC 9207
        raise NotSignedIn("issuer", f"The answer came from another provider. {_AGAIN}")
    if "error" in request.GET or "code" not in request.GET:
        code = request.GET.get("error", "no code")[:LONGEST_ERROR]
        raise NotSignedIn(f"provider: {code}", f"You were not signed in there ({code}).")
    person = _proven(flow, flow.exchanged(provider.app, state), nonce=str(state.get("nonce", "")))
    return person, str(state.get("next") or "")


def sign_out_address() -> str:
    """Where people sign out of the provider itself, "" when it has no such page. ProviderAway."""
    endpoint = str(documents_of(settings.SIGN_IN.issuer).configuration().get(_SIGN_OUT, ""))
    if not endpoint.startswith(("https://", "http://")):
        return ""
    separator = "&" if "?" in endpoint else "?"
    return f"{endpoint}{separator}{urlencode({'client_id': settings.SIGN_IN.client_id})}"


def _proven(flow: _Flow, tokens: Mapping[str, Any], *, nonce: str) -> Person:
    token, documents = tokens.get("id_token"), documents_of(settings.SIGN_IN.issuer)
    verified = functools.partial(
        id_tokens.verified,
        token,
        issuer=settings.SIGN_IN.issuer,
        client_id=settings.SIGN_IN.client_id,
        nonce=nonce,
        now=timezone.now(),
    )
    try:
        try:
            claims = verified(keys=documents.keys())
        except UnknownKey:
            claims = verified(keys=documents.keys(again=True))
    except BadToken as error:
        raise NotSignedIn("token", f"The answer could not be verified: {error}. {_AGAIN}") from None
    names = settings.SIGN_IN.name_claim, settings.SIGN_IN.groups_claim
    if of_people.lacks(claims, *names):
        claims = {**flow.userinfo(tokens, subject=claims["sub"]), **claims}
    try:
        return of_people.person(
            claims, issuer=settings.SIGN_IN.issuer, name_claim=names[0], groups_claim=names[1]
        )
    except BadClaims as error:
        raise NotSignedIn("claims", str(error)) from None


class _Flow(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """One request's part of the code flow."""

    @property
    def openid_config(self) -> Mapping[str, Any]:
        return documents_of(settings.SIGN_IN.issuer).configuration()

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return request.build_absolute_uri(reverse("oidc-callback"))

    def exchanged(self, app: SocialApp, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """The tokens for the code of this request."""
        client = self.get_client(self.request, app)
        verifier = state.get("pkce_code_verifier")
        try:
            tokens: Any = self.get_access_token_data(
                self.request, app, client, pkce_code_verifier=verifier
            )
        except requests.RequestException:
            raise ProviderAway("it does not answer") from None
        except (OAuth2Error, KeyError, ValueError):
            raise NotSignedIn(
                "code", f"The code in the answer was not accepted there. {_AGAIN}"
            ) from None
        return tokens if isinstance(tokens, dict) else {}

    def userinfo(self, tokens: Mapping[str, Any], *, subject: str) -> Mapping[str, Any]:
        """More claims about the same person, where the provider has an endpoint for them."""
        if not self.openid_config.get("userinfo_endpoint"):
            return {}
        try:
            said: Any = self._fetch_user_info(str(tokens.get("access_token")))
        except (requests.RequestException, ValueError):
            raise ProviderAway("it does not say more about you") from None
        if not isinstance(said, dict) or said.get("sub") != subject:
            raise NotSignedIn("userinfo", f"The answer about you was about somebody else. {_AGAIN}")
        return said


class SettingsAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """What django-allauth asks the console: which provider there is, and how to reach it."""

    def list_apps(
        self, request: HttpRequest | None, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """The settings' own provider: a row of the database gives nobody a way in."""
        configured = settings.SIGN_IN
        return [SocialApp(provider=ID, **configured.for_allauth)] if configured.issuer else []

    def get_requests_session(self) -> requests.Session:
        """Follows no redirect: the addresses are the provider's own, and so is what is sent."""
        session: requests.Session = super().get_requests_session()
        plain = session.request
        session.request = functools.partial(plain, allow_redirects=False)  # type: ignore[method-assign]
        session.hooks["response"].append(_require_short)
        return session


def _require_short(response: requests.Response, *args: Any, **kwargs: Any) -> None:
    if len(response.content) > LONGEST_ANSWER:
        raise requests.exceptions.ContentDecodingError("too long")


@lru_cache(maxsize=4)
def documents_of(issuer: str) -> Documents:
    """What this process knows of an issuer."""
    return Documents(issuer, fetch=_fetch)


def _fetch(url: str) -> Any:
    with get_adapter().get_requests_session() as session:
        response = session.get(url)
    if response.status_code != requests.codes.ok:
        raise requests.HTTPError(f"{response.status_code}")
    return response.json()
