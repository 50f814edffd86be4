"""Whether watchers are still signed in as they were: one query per 500, nothing remembered."""

from typing import Any

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone
from pytest_django import Settings

from extdebug.demo.sample import Cast
from policies import access
from policies.access import Viewer
from tests.fixtures.console import session_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewers(cast: Cast) -> list[Viewer]:
    """dan, alice and olivia with a browser each, and dora by token."""
    people = [cast.dan, cast.alice, cast.olivia]
    return [
        *(access.viewer_of(p, transport="ws", session_key=session_key(p)) for p in people),
        Viewer(user_id=cast.dora.pk, username="dora", transport="sse", token_id=1),
    ]


def test_all_are_live_at_first(viewers: list[Viewer]) -> None:
    assert access.live_principals(viewers) == {0, 1, 2, 3}
    assert access.live_principals([]) == set()


def test_a_deleted_session_row_is_a_logout(viewers: list[Viewer]) -> None:
    Session.objects.filter(session_key=viewers[0].session_key).delete()
    assert access.live_principals(viewers) == {1, 2, 3}


def test_an_expired_session_is_one_too(viewers: list[Viewer]) -> None:
    Session.objects.filter(session_key=viewers[0].session_key).update(expire_date=timezone.now())
    assert access.live_principals(viewers) == {1, 2, 3}


def test_a_new_password_signs_out_everywhere(cast: Cast, viewers: list[Viewer]) -> None:
    cast.alice.set_password("another")
    cast.alice.save()
    assert access.live_principals(viewers) == {0, 2, 3}


def test_inactive_and_deleted_people_are_gone_with_and_without_cookie(
    cast: Cast, viewers: list[Viewer]
) -> None:
    User.objects.filter(pk__in=[cast.olivia.pk, cast.dora.pk]).update(is_active=False)
    cast.dan.delete()
    assert access.live_principals(viewers) == {1}


def test_a_claimed_sign_in_that_cannot_be_checked_is_none(cast: Cast) -> None:
    claimed = Viewer(user_id=cast.dan.pk, username="dan", transport="ws", session_hash="ab" * 32)
    assert access.live_principals([claimed]) == set()


def test_the_session_key_and_password_hash_stay_out_of_sight(viewers: list[Viewer]) -> None:
    assert viewers[0].session_key not in repr(viewers[0])
    assert viewers[0].auth_hash not in repr(viewers[0])
    assert len(viewers[0].session_hash) == 64


def test_two_thousand_take_a_handful_of_queries(cast: Cast, django_assert_num_queries: Any) -> None:
    key = session_key(cast.dan)
    one = access.viewer_of(cast.dan, transport="ws", session_key=key)
    many = [one] * 1000 + [
        Viewer(cast.dan.pk, "dan", "ws", "h", session_key=f"gone{n}") for n in range(999)
    ]
    with django_assert_num_queries(3):
        assert len(access.live_principals(many)) == 1000


def signed_in(key: str) -> access.Viewer | None:
    return access.viewers_from_sessions([access.SignIn(key, "ws", "")])[0]


def test_many_sign_ins_are_looked_up_in_two_queries_each_for_itself(
    cast: Cast, django_assert_num_queries: Any
) -> None:
    keys = [session_key(user) for user in (cast.dan, cast.olivia, cast.alice)]
    User.objects.filter(pk=cast.olivia.pk).update(is_active=False)
    cast.alice.set_password("another")
    cast.alice.save()
    asked = [
        access.SignIn(key, "ws", f"10.0.0.{n}") for n, key in enumerate([*keys, "no", keys[0]])
    ]
    with django_assert_num_queries(2):
        found = access.viewers_from_sessions(asked)
    assert [viewer and viewer.username for viewer in found] == ["dan", None, None, None, "dan"]
    assert [viewer.ip for viewer in found if viewer] == ["10.0.0.0", "10.0.0.4"]


class Strict(ModelBackend):
    """A backend of the operator's own, which lets nobody in."""

    def get_user(self, user_id: int) -> None:
        return None


def test_a_sign_in_by_another_backend_is_that_backends_word(cast: Cast, settings: Settings) -> None:
    path = f"{Strict.__module__}.Strict"
    settings.AUTHENTICATION_BACKENDS = [path]
    key = session_key(cast.dan)
    store = SessionStore(key)
    assert signed_in(key) is None  # by a backend that is none here
    store[BACKEND_SESSION_KEY] = path
    store.save()
    assert signed_in(key) is None


def test_a_sign_in_under_an_earlier_secret_key_holds_and_its_cookie_too(
    cast: Cast, settings: Settings
) -> None:
    key = session_key(cast.dan)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key-of-the-tests-0123456789-abcdefghijkl"
    for _ in range(2):
        viewer = signed_in(key)
        assert viewer is not None
        assert (viewer.username, viewer.session_key) == ("dan", key)
        assert access.live_principals([viewer]) == {0}
    settings.SECRET_KEY_FALLBACKS = []
    assert signed_in(key) is None
    assert Session.objects.filter(session_key=key).exists()  # asking changes nothing


@pytest.mark.parametrize("key", ["", "nobody", "x" * 500])
def test_a_key_of_nothing_is_nobodys(db: None, key: str) -> None:
    assert signed_in(key) is None
    assert not Session.objects.exists()
