"""Steps are made in an order in which each can be, and the last word says who keeps a row."""

import pytest

from extdebug.demo.sample import Cast
from policies.directory.document import Options
from policies.models import KeptRow, Lock
from tests.policies.directory.documents import synced

pytestmark = pytest.mark.django_db


def test_a_lock_comes_behind_its_extension_whatever_was_locked_before_it(cast: Cast) -> None:
    rows = [{"key": "invoice-sync", "active": False}, {"key": "new", "active": False}]
    synced(Options(), extensions=rows)
    assert sorted(lock.extension.key for lock in Lock.objects.all() if lock.extension) == [
        "invoice-sync", "new",
    ]  # fmt: skip
    kept = KeptRow.objects.filter(section="extensions").order_by("name")
    assert [(row.name, row.left, row.lock is not None) for row in kept] == [
        ("invoice-sync", True, True), ("new", True, True),
    ]  # fmt: skip
