"""Keys of the directory follow the grammar of stream keys, in the database too."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from extdebug.demo.sample import Cast
from policies.models import ExtensionDeveloper, Membership, Tenant
from policies.models.directory import RESERVED_TENANTS, valid_key

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("key", ["a", "acme", "a.b_c-d", "0", "x" * 64])
def test_a_key_of_the_grammar_is_valid(key: str) -> None:
    valid_key(key)


@pytest.mark.parametrize("key", ["", "Acme", "-a", ".a", "a b", "a\n", "ä", "a:b", "x" * 65])
def test_another_key_is_not(key: str) -> None:
    with pytest.raises(ValidationError):
        valid_key(key)


@pytest.mark.parametrize("key", [*RESERVED_TENANTS, "Acme", ""])
def test_the_database_refuses_keys_that_would_name_another_stream(key: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Tenant.objects.create(key=key, name="x")


def test_a_person_has_one_role_at_a_tenant_and_one_row_as_developer(cast: Cast) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(user=cast.alice, tenant=cast.acme)
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(user=cast.dan, tenant=cast.acme, role="owner")
    with pytest.raises(IntegrityError), transaction.atomic():
        ExtensionDeveloper.objects.create(user=cast.dan, extension=cast.invoice_sync)
