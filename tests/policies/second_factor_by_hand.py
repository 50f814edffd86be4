"""What the tests of second factors need: the codes of an app, and a request that proved one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.contrib.auth.models import User
from django.test import RequestFactory

from policies.identity import second_factor

SECRET = "JBSWY3DPEHPK3PXP"


def code(secret: str = SECRET, *, steps: int = 0) -> str:
    """What an app shows now, or some half minutes away."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps)))


def app_of(user: User) -> Authenticator:
    """An authenticator app of this person, as one added earlier."""
    factor: Authenticator = TOTP.activate(user, SECRET).instance
    return factor


@contextmanager
def request_of(user: User, **session: Any) -> Iterator[Any]:
    """A request that is being answered to this person, in a sign-in with this session."""
    request: Any = RequestFactory().get("/")
    request.user, request.session = user, dict(session)
    with context.request_context(request):
        yield request


@contextmanager
def proved(user: User) -> Iterator[Any]:
    """The same, with a factor proved just now."""
    factor = Authenticator.objects.filter(user=user).first() or app_of(user)
    with request_of(user) as request:
        second_factor.proved(request, factor)
        yield request
