"""Whether somebody proved a second factor lately, in this very sign-in: asked before access widens.

`why_not` is the one place where that is decided; the verbs of grants and changes ask it. A proof
belongs to a sign-in (its session's row) and to a factor that the account still has. Where no
request is being answered (a shell, a janitor) there is no proof, and a person's act is refused.
"""

from __future__ import annotations

import time
from typing import Any, Final
from urllib.parse import urlencode

from allauth.core import context
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest

ADDRESS: Final = "/access/second-factor/"
JUST_NOW: Final = 600  # seconds since a sign-in by which the first factor is added
_PROOF: Final = "second_factor"  # in the session: {"user", "factor", "at"}
_SIGNED_IN: Final = "signed_in_at"  # in the session: when, in seconds
_SKEW: Final = 5  # seconds between the clocks of two consoles


def required() -> bool:
    """Whether this console asks for one."""
    return bool(settings.SIGN_IN.second_factor)


def why_not(by: User) -> str:
    """Why this person must not widen access just now, in a sentence; "" when they may."""
    if not required() or is_fresh(by):
        return ""
    return (
        f"Confirm with your second factor first, at My access > Second factor ({ADDRESS}). It"
        f" counts for {_words(settings.SIGN_IN.second_factor_seconds)}."
    )


def is_fresh(by: User) -> bool:
    """Whether the request that is being answered is of a sign-in in which `by` proved one."""
    request: HttpRequest | None = context.request
    if request is None or request.user.pk != by.pk:
        return False
    proof: dict[str, Any] = request.session.get(_PROOF) or {}
    age = time.time() - float(proof.get("at", 0))
    lately = -_SKEW <= age < settings.SIGN_IN.second_factor_seconds
    return (
        lately
        and proof.get("user") == by.pk
        and Authenticator.objects.filter(pk=proof.get("factor"), user=by).exists()
    )


def confirm_address(back_to: str) -> str:
    """Where it is confirmed, and where that leads back to."""
    return f"{ADDRESS}confirm/?{urlencode({'next': back_to})}"


def proved(request: HttpRequest, factor: Authenticator) -> None:
    """Note in the sign-in that its person has just used this factor."""
    request.session[_PROOF] = {"user": factor.user_id, "factor": factor.pk, "at": time.time()}


def signed_in(request: HttpRequest) -> None:
    """Note when this sign-in was made."""
    request.session[_SIGNED_IN] = time.time()


def is_new(request: HttpRequest) -> bool:
    """Whether it was made just now, by password or provider: a session alone adds no factor."""
    age = time.time() - float(request.session.get(_SIGNED_IN, 0))
    return -_SKEW <= age < JUST_NOW


def _words(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    if rest or not minutes:
        return f"{seconds} seconds"
    return "a minute" if minutes == 1 else f"{minutes} minutes"
