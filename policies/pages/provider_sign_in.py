"""The two addresses of signing in by the provider: where one leaves, and where one comes back.

Attempts are spaced as those with a password are; each refusal is one line on the sign-in page, and
on record.
"""

from __future__ import annotations

import datetime as dt
import math
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from audit import refusals
from audit.requesters import ip_of
from policies.identity import second_factor
from policies.pages import sign_in
from policies.sign_in import arrival, provider
from policies.sign_in.documents import ProviderAway
from policies.sign_in.provider import NotSignedIn

_BACKEND: Final = "django.contrib.auth.backends.ModelBackend"


@never_cache
@require_GET
def begin(request: HttpRequest) -> HttpResponseBase:
    """Send the person to the provider; from another site's link to the sign-in page first, so that
    nobody is signed in by a page they only look at."""
    _require_on()
    wanted = sign_in.where_to(request, request.GET.get("next", ""))
    if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        return redirect(f"{reverse('login')}?{urlencode({'next': wanted})}")
    if wait := sign_in.attempts.begin(**_who(request), now=time.monotonic()):
        return sign_in.too_often(seconds=math.ceil(wait))
    try:
        return provider.begin(request, next_url=wanted)
    except ProviderAway as away:
        return _away(request, away, wanted)


@never_cache
@require_GET
def callback(request: HttpRequest) -> HttpResponseBase:
    """Sign in whom the provider vouches for."""
    _require_on()
    if wait := sign_in.attempts.begin(**_who(request), now=time.monotonic()):
        return sign_in.too_often(seconds=math.ceil(wait))
    ip, person = ip_of(request), None
    try:
        person, wanted = provider.answer(request)
        user = arrival.arrive(person, ip=ip)
    except ProviderAway as away:
        return _away(request, away, "")
    except NotSignedIn as refused:
        arrival.record_refusal(refused, ip=ip, person=person)
        refusals.told(request)
        error = f"{settings.SIGN_IN.name}: {refused}"
        return sign_in.show(request, error=error, status=403)
    for _ in ("that one left", "that one came back"):
        sign_in.attempts.succeeded(**_who(request))
    login(request, user, backend=_BACKEND)
    second_factor.signed_in(request)
    request.session[sign_in.BY_PROVIDER] = True
    request.session.set_expiry(timezone.now() + _lasts())
    return redirect(sign_in.where_to(request, wanted) or settings.LOGIN_REDIRECT_URL)


@never_cache
@require_GET
def sign_out(request: HttpRequest) -> HttpResponseBase:
    """Lead to the provider's own page for signing out; here they have signed out before."""
    _require_on()
    if wait := sign_in.attempts.begin(**_who(request), now=time.monotonic()):
        return sign_in.too_often(seconds=math.ceil(wait))
    try:
        address = provider.sign_out_address()
    except ProviderAway as away:
        return _away(request, away, "")
    sign_in.attempts.succeeded(**_who(request))
    if not address:
        error = f"{settings.SIGN_IN.name} has no page for signing out: close the browser instead."
        return sign_in.show(request, error=error, status=404)
    return redirect(address)


def _lasts() -> dt.timedelta:
    """From now, whether it is used or not: then the provider is asked again."""
    return dt.timedelta(seconds=min(settings.SIGN_IN.session_seconds, settings.SESSION_COOKIE_AGE))


def _who(request: HttpRequest) -> Mapping[str, str]:
    return {"address": ip_of(request), "account": "", "browser": ""}


def _away(request: HttpRequest, away: ProviderAway, wanted: str) -> HttpResponseBase:
    error = f"{settings.SIGN_IN.name} cannot be used now: {away}. Try again in a moment."
    return sign_in.show(request, error=error, status=503, next_url=wanted)


def _require_on() -> None:
    if not settings.SIGN_IN.issuer:
        raise Http404
