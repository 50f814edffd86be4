"""Signing in, at the console and at the admin: attempts are spaced, failures are on record.

`guarded` wraps a view that signs people in with `username` and `password`. Whoever tries too
often is answered 429 with the seconds to wait, before anything is hashed or asked of the database.
"""

from __future__ import annotations

import hashlib
import math
import secrets
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters

from audit import trail
from policies.identity.attempts import Attempts

KNOWN_FOR: Final = 90 * 24 * 3600  # seconds; a browser that signed in before is told from strangers
_SALT: Final = "policies.sign_in.known_browser"
View = Callable[..., HttpResponseBase]

attempts: Final = Attempts()


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
            return _too_often(request, seconds=math.ceil(wait))
        response = view(request, *args, **kwargs)
        if _signed_in(request, account, response):
            attempts.succeeded(**who)
            _remember(response, account)
        else:
            _record(account, address)
        return response

    return sign_in


def _signed_in(request: HttpRequest, account: str, response: HttpResponseBase) -> bool:
    user = request.user
    named = user.is_authenticated and user.get_username().casefold() == account
    return named and response.status_code == 302


def _too_often(request: HttpRequest, *, seconds: int) -> HttpResponse:
    message = f"Too many sign-ins failed. Wait {seconds} seconds before you try again."
    shown = {"title": "Please wait", "message": message}
    response = render(request, "refused.html", shown, status=429)
    response["Retry-After"] = str(seconds)
    return response


def _record(account: str, address: str) -> None:
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
            reason="name and password do not match, or the account may not come in here",
            data={"code": f"user {user.pk}" if user else "no such account"},
        )
    )


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
