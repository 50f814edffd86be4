"""The one page at which people sign in: attempts are spaced, failures are on record.

Whoever tries too often is answered 429 with the seconds to wait, before anything is hashed or
asked of the database. The admin's own address for signing in leads here.
"""

from __future__ import annotations

import hashlib
import math
import secrets
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from audit import refusal_pages, refusals, trail
from policies.identity import second_factor
from policies.identity.attempts import Attempts
from policies.sign_in import passwords

KNOWN_FOR: Final = 90 * 24 * 3600  # seconds; a browser that signed in before is told from strangers
_MISMATCH: Final = "name and password do not match, or the account is inactive"
_SALT: Final = "policies.sign_in.known_browser"
View = Callable[..., HttpResponseBase]

BY_PROVIDER: Final = (
    "signed_in_by_provider"  # in the session: signing out leaves them signed in there
)

attempts: Final = Attempts()


class _SignIn(LoginView):
    redirect_authenticated_user = True

    def get_success_url(self) -> str:
        """Where `next` leads, unless that is this page again."""
        url = super().get_success_url()
        return self.get_default_redirect_url() if _path(url) == self.request.path else url

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        answer = super().form_valid(form)
        second_factor.signed_in(self.request)
        return answer

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        signed_out = "signed_out" in self.request.GET
        return {**super().get_context_data(**more), **_ways(), "signed_out": signed_out}


def _ways() -> dict[str, Any]:
    """How one may sign in: by which provider (""), and whether a password is asked for."""
    name = settings.SIGN_IN.name if settings.SIGN_IN.issuer else ""
    return {"provider": name, "passwords": passwords.any_door()}


def show(request: HttpRequest, *, error: str, status: int, next_url: str = "") -> HttpResponse:
    """The page with a line that says what went wrong on another road than the form's."""
    context = {"form": AuthenticationForm(request), "next": next_url, "error": error, **_ways()}
    return render(request, "registration/login.html", context, status=status)


def where_to(request: HttpRequest, wanted: str) -> str:
    """The address that somebody wants after signing in, "" when it is not one of this console."""
    here = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if here and _path(wanted) != reverse("login") else ""


def _path(url: str) -> str:
    return url.partition("?")[0]


def guarded(
    view: View, *, attempts: Attempts = attempts, clock: Callable[[], float] = time.monotonic
) -> View:
    """The view, whose POSTs count as attempts."""

    @sensitive_post_parameters("password")
    @wraps(view)
    def sign_in(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method != "POST":
            return view(request, *args, **kwargs)
        account = request.POST.get("username", "").strip()[:150].casefold()
        address = str(request.META.get("REMOTE_ADDR") or "")[:45]
        who = {"address": address, "account": account, "browser": _known(request, account)}
        wait = attempts.begin(**who, now=clock())
        if wait > 0:
            return too_often(seconds=math.ceil(wait))
        if not passwords.may(account):
            _record(account, address, why="passwords are switched off")
            error = f"Passwords are switched off here: sign in with {settings.SIGN_IN.name}."
            return show(request, error=error, status=403)
        response = view(request, *args, **kwargs)
        if _signed_in(request, account, response):
            attempts.succeeded(**who)
            _remember(response, account)
        else:
            _record(account, address, why=_MISMATCH)
        return response

    return sign_in


def _signed_in(request: HttpRequest, account: str, response: HttpResponseBase) -> bool:
    user = request.user
    named = user.is_authenticated and user.get_username().casefold() == account
    return named and response.status_code == 302


def too_often(*, seconds: int) -> HttpResponse:
    message = f"Too many sign-ins failed. Wait {seconds} seconds before you try again."
    return refusal_pages.answer(title="Please wait", message=message, status=429, retry=seconds)


def _record(account: str, address: str, *, why: str) -> None:
    """Who it was meant to be, if there is one: what else was typed may be a password."""
    users = get_user_model().objects
    user = users.filter(username__iexact=account).first() if "\x00" not in account else None
    trail.record_durably(
        trail.Entry(
            trail.Action.SIGN_IN_REFUSED,
            actor=trail.Actor(
                kind=trail.ActorKind.ANONYMOUS, name=user.get_username() if user else "", ip=address
            ),
            subject_type="user",
            subject_id=str(user.pk) if user else "",
            reason=why,
            data={"code": f"user {user.pk}" if user else "no such account"},
        )
    )


page: Final = guarded(_SignIn.as_view())


# --- the admin's address ----------------------------------------------------------------------


@never_cache
def admin_door(request: HttpRequest) -> HttpResponse:
    """Where the admin sends whoever may not open it: on to sign in, or a refusal in words.

    Somebody signed in who is not staff is not asked to sign in: that page would send them back.
    """
    wanted = request.GET.get("next", "")
    wanted = where_to(request, wanted)
    if not wanted or _path(wanted) == request.path:
        wanted = reverse("admin:index")
    if not request.user.is_authenticated:
        return redirect(f"{reverse('login')}?{urlencode({'next': wanted})}")
    if admin.site.has_permission(request):
        return redirect(wanted)
    refusals.told(request)  # the page that sent them here is on record
    message = (
        f"You are signed in as {request.user.get_username()}, who may not open the admin. "
        "Sign out to sign in as somebody who may."
    )
    return render(request, "403.html", {"message": message}, status=403)


# --- browsers that were here before -----------------------------------------------------------


def _cookie() -> str:
    return "__Host-known" if settings.SESSION_COOKIE_SECURE else "known"


def _known(request: HttpRequest, account: str) -> str:
    """The browser's random name, if it signed in to this very account before; else empty."""
    try:
        said = signing.loads(request.COOKIES.get(_cookie(), ""), salt=_SALT, max_age=KNOWN_FOR)
        browser, name = str(said["b"]), str(said["a"])
    except (signing.BadSignature, KeyError, TypeError, ValueError):
        return ""
    return browser if name == _digest(account) else ""


def _remember(response: HttpResponseBase, account: str) -> None:
    said = {"b": secrets.token_urlsafe(12), "a": _digest(account)}
    response.set_cookie(
        _cookie(), signing.dumps(said, salt=_SALT), max_age=KNOWN_FOR, httponly=True,
        secure=settings.SESSION_COOKIE_SECURE, samesite="Lax",
    )  # fmt: skip


def _digest(account: str) -> str:
    return hashlib.sha256(account.encode()).hexdigest()[:32]
