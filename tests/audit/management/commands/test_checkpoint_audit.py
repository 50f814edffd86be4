"""`manage.py checkpoint_audit`: keys, and what it says when it cannot sign."""

import pytest
from django.core.management import CommandError

from audit.checkpoints import private_key, public_hex
from tests.audit.management.commands.conftest import run

pytestmark = pytest.mark.django_db


def test_a_new_key_is_a_key_that_signs(settings):
    seed = run("checkpoint_audit", new_key=True).splitlines()[0].partition("=")[2]
    settings.AUDIT_SIGNING_KEY = seed
    assert run("checkpoint_audit", public_key=True).strip() == public_hex(private_key(seed))


def test_a_checkpoint_without_a_key_fails_with_a_reason(settings):
    settings.AUDIT_SIGNING_KEY = ""
    with pytest.raises(CommandError, match="AUDIT_SIGNING_KEY"):
        run("checkpoint_audit")
