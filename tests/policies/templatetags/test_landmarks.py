"""The landmark that unfold's pages lack."""

import pytest
from django.test import Client

from extdebug.demo.sample import Cast


@pytest.mark.django_db
def test_the_desk_has_one_main_landmark(cast: Cast, client: Client) -> None:
    client.force_login(cast.olivia)
    for path in ("", "policies/grant/", "policies/lock/add/", "policies/grant/why/"):
        page = client.get(f"/admin/{path}").text
        assert page.count('role="main"') + page.count("<main") == 1, path
