"""The runbooks about the trail, walked: a restored database, and another signing key."""

import pytest
from django.db import connections

from audit import integrity, trail
from tests.audit.conftest import record
from tests.fixtures.database import without_triggers

SEEDS = ("11" * 32, "22" * 32)


@pytest.fixture
def folder(settings, tmp_path):
    settings.AUDIT_SIGNING_KEY = SEEDS[0]
    settings.AUDIT_CHECKPOINT_DIR = str(tmp_path)
    return tmp_path


def kinds(using):
    return {finding.kind.value for finding in trail.verify(using=using).findings}


def test_a_restored_database_is_signed_again_once_its_old_checkpoints_are_put_aside(
    trail_database, folder
):
    """docs/runbooks/restore.md, steps 3 and 4."""
    for _ in range(4):
        record(trail_database)
        integrity.checkpoint(using=trail_database)
    with (
        without_triggers(connections[trail_database]),
        connections[trail_database].cursor() as cursor,
    ):
        for table in ("audit_auditrecord", "audit_checkpoint"):
            cursor.execute(f"DELETE FROM {table} WHERE seq > 2")
    record(trail_database)

    assert kinds(trail_database) & {"cut", "rewritten"}
    with pytest.raises(integrity.BrokenTrail):
        integrity.checkpoint(using=trail_database)
    file = folder / integrity.FILE_NAME
    file.rename(folder / "checkpoints-before-restore.jsonl")
    assert integrity.checkpoint(using=trail_database) is not None
    assert trail.verify(using=trail_database).ok
    assert len(file.read_text().splitlines()) == 1


def test_another_signing_key_goes_on_where_the_old_one_is_named(trail_database, folder, settings):
    """docs/runbooks/key-rotation.md, AUDIT_SIGNING_KEY."""
    record(trail_database)
    integrity.checkpoint(using=trail_database)
    old = integrity.public_keys()[0]
    settings.AUDIT_SIGNING_KEY = SEEDS[1]
    record(trail_database)
    assert kinds(trail_database) == {"unknown-key"}
    settings.AUDIT_PUBLIC_KEYS = (old,)
    integrity.checkpoint(using=trail_database)
    report = trail.verify(using=trail_database)
    assert (report.ok, report.proven_to) == (True, 2)
