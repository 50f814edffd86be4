"""Middleware: a sign-in made under an earlier SECRET_KEY is taken as it is, with its cookie.

Django would replace the session's key and remove the old row. A live session follows that row and
would end, a second request that is under way with the old cookie would be signed out, and so would
the next one at a console that does not know the new key yet. Here nothing is written: such a
sign-in ends by its own age, or when its key is taken out of SECRET_KEY_FALLBACKS.
"""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, load_backend
from django.contrib.auth import middleware as django_auth
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from policies.identity.viewers import signed_for

_CACHE: Final = "_cached_user"  # where Django looks first


class AuthenticationMiddleware(django_auth.AuthenticationMiddleware):
    """Django's, but for sign-ins under an earlier key. `request.user` is looked up when asked."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        if settings.SECRET_KEY_FALLBACKS:
            request.user = SimpleLazyObject(lambda: _user_of(request))  # type: ignore[assignment]


def _user_of(request: HttpRequest) -> AbstractBaseUser | AnonymousUser:
    if not hasattr(request, _CACHE) and (user := _signed_in(request)) is not None:
        setattr(request, _CACHE, user)
    return django_auth.get_user(request)


def _signed_in(request: HttpRequest) -> AbstractBaseUser | None:
    """Who is signed in under any of the keys; None leaves the answer to Django."""
    session = request.session
    path = session.get(BACKEND_SESSION_KEY, "")
    if SESSION_KEY not in session or path not in settings.AUTHENTICATION_BACKENDS:
        return None
    user = load_backend(path).get_user(session[SESSION_KEY])
    if user is None or not signed_for(user, session.get(HASH_SESSION_KEY, "")):
        return None
    return user
