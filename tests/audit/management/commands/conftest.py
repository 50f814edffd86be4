"""What the commands' tests share: a run whose output is returned, and an exported trail."""

import io

import pytest
from django.core.management import call_command

from audit.checkpoints import private_key, public_hex
from tests.audit.conftest import record

SEED = "11" * 32


PUBLIC = public_hex(private_key(SEED))


def run(*arguments, **options):
    out, err = io.StringIO(), io.StringIO()
    call_command(*arguments, stdout=out, stderr=err, **options)
    return out.getvalue()


@pytest.fixture
def exported(tmp_path, settings):
    """A trail of four rows, exported, and the checkpoint file; then the settings forget the key."""
    settings.AUDIT_SIGNING_KEY = SEED
    settings.AUDIT_CHECKPOINT_DIR = str(tmp_path)
    for _ in range(3):
        record(tenant="acme")
    run("export_audit", output=str(tmp_path / "audit.jsonl"))
    assert '"seq":4' in run("checkpoint_audit")
    settings.AUDIT_SIGNING_KEY = ""
    return tmp_path
