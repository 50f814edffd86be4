"""Tenants, extensions, installs and people's places in them, in the admin."""

import pytest
from django.test import Client

from extdebug.demo.sample import Cast
from tests.policies.at_the_desk import seen

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


def test_only_the_tenants_own_admins_lift_its_protection(cast: Cast, root: Client) -> None:
    cast.acme.consent_required = True
    cast.acme.save()
    url = f"/admin/policies/tenant/{cast.acme.pk}/change/"
    data = {"name": "Acme", **seen(root, url)}
    assert "only its own admins" in root.post(url, data).text
    cast.acme.refresh_from_db()
    assert cast.acme.consent_required
