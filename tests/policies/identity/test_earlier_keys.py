"""A sign-in under an earlier secret key keeps its cookie and its row, on every request."""

from typing import Any

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.test import Client

from extdebug.demo.sample import Cast
from tests.fixtures.console import session_key

NEW = "another-key-of-the-tests-0123456789-abcdefghijkl"


@pytest.fixture
def cookie(cast: Cast) -> str:
    """Of dan's sign-in, under the key of the tests."""
    return session_key(cast.dan)


def signed_in(cookie: str) -> bool:
    client = Client()
    client.cookies["sessionid"] = cookie
    page = client.get("/extensions/")
    assert page.status_code in (200, 302)
    if page.status_code == 200:
        assert "sessionid" not in page.cookies, "the browser keeps its cookie"
    return page.status_code == 200


def test_it_is_taken_as_it_is_by_consoles_of_both_keys(cookie: str, settings: Any) -> None:
    old = settings.SECRET_KEY
    for key, fallbacks in [(NEW, [old]), (old, []), (NEW, [old]), (old, [NEW])]:
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = key, fallbacks
        assert signed_in(cookie)
    assert list(Session.objects.values_list("session_key", flat=True)) == [cookie]


def test_without_the_fallback_it_ends(cookie: str, settings: Any) -> None:
    settings.SECRET_KEY = NEW
    assert not signed_in(cookie)


@pytest.mark.parametrize(
    "wrong",
    [{HASH_SESSION_KEY: "forged"}, {HASH_SESSION_KEY: ""}, {BACKEND_SESSION_KEY: "no.Such"}],
)
def test_a_forged_one_is_nobodys(cookie: str, settings: Any, wrong: dict[str, str]) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [settings.SECRET_KEY]
    store = SessionStore(cookie)
    store.update(wrong)
    store.save()
    assert not signed_in(cookie)


def test_somebody_who_is_not_active_any_more_is_signed_out(
    cookie: str, cast: Cast, settings: Any
) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [settings.SECRET_KEY]
    cast.dan.is_active = False
    cast.dan.save()
    assert not signed_in(cookie)


def test_nobody_stays_nobody(db: None, settings: Any) -> None:
    settings.SECRET_KEY_FALLBACKS = [NEW]
    assert not signed_in("")
