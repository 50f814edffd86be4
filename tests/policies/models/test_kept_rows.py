"""The directory keeps a row once, and forgets a lock that the desk lifted."""

import pytest
from django.db import IntegrityError, transaction

from extdebug.demo.sample import Cast
from policies.models import KeptRow, Lock

pytestmark = pytest.mark.django_db


def test_a_name_is_kept_once_in_its_section() -> None:
    KeptRow.objects.create(section="tenants", name="acme")
    KeptRow.objects.create(section="extensions", name="acme")
    with pytest.raises(IntegrityError), transaction.atomic():
        KeptRow.objects.create(section="tenants", name="acme")


def test_a_lock_that_is_lifted_leaves_its_row(cast: Cast) -> None:
    lock = Lock.objects.create(extension=cast.invoice_sync, reason="x")
    row = KeptRow.objects.create(section="extensions", name="invoice-sync", lock=lock)
    lock.delete()
    row.refresh_from_db()
    assert row.lock is None
    assert str(row) == "extensions: invoice-sync"
