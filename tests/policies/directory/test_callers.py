"""The directory's token opens the directory, and nothing else does."""

from typing import Any

import pytest

from policies.directory import callers
from tests.policies.conftest import actions

TOKEN = "a-token-of-the-directory-0123456789"


def test_the_token_alone_opens_it(settings: Any) -> None:
    settings.DIRECTORY_TOKEN = ""
    assert not callers.is_open()
    for sent in ("", "Bearer", "Bearer ", f"Bearer {TOKEN}"):
        assert not callers.has_token(sent)
    settings.DIRECTORY_TOKEN = TOKEN
    assert callers.is_open()
    assert callers.has_token(f"Bearer {TOKEN}")
    assert callers.has_token(f"bearer  {TOKEN} ")
    for sent in ("", "Bearer", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ü"):
        assert not callers.has_token(sent)


@pytest.mark.django_db
def test_strangers_are_on_record_and_repeats_are_counted() -> None:
    for _ in range(3):
        callers.record_stranger(ip="192.0.2.1")
    assert actions(subject_type="directory") == ["token.refused"]
