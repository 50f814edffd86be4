"""What stands beside the heading of a list of the desk."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db(transaction=True)
LISTS = ["/admin/audit/auditrecord/", "/admin/policies/tenant/"]


@pytest.mark.parametrize("path", LISTS)
def test_only_a_search_says_how_much_it_found(client: Client, path: str) -> None:
    client.force_login(User.objects.create_superuser("rita", "rita@example.test", "x"))
    plain = client.get(path).content.decode()
    assert "Show all" not in plain
    searched = client.get(path, {"q": "nothing of this name"}).content.decode()
    assert "0 results" in searched
    assert "Show all" in searched
