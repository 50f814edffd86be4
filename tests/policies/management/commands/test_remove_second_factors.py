"""`manage.py remove_second_factors`: all of one account, with a reason, or one line."""

import re
import shlex
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from audit.models import AuditRecord
from audit.trail import Action
from extdebug.demo.sample import Cast
from policies.second_factor import factors
from tests.files import ROOT
from tests.policies.second_factor_by_hand import app_of

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("remove_second_factors", *arguments, stdout=out)
    return out.getvalue().strip()


def test_all_of_one_account_go(cast: Cast):
    app_of(cast.olivia)
    app_of(cast.oscar)
    assert run("olivia", "--reason", "telephone lost") == "1 second factor of olivia removed."
    assert not factors.has_any(cast.olivia)
    assert factors.has_any(cast.oscar)
    row = AuditRecord.objects.get(action=Action.SECOND_FACTOR_REMOVED)
    assert (row.reason, row.actor_name.startswith("shell user ")) == ("telephone lost", True)


def test_the_command_of_the_page_runs(cast: Cast):
    """As docs/sign-in.md has it."""
    page = (ROOT / "docs/sign-in.md").read_text()
    (line,) = re.findall(r"^manage\.py remove_second_factors (.*)$", page, re.MULTILINE)
    app_of(cast.olivia)
    assert run(*shlex.split(line)).startswith("1 second factor of olivia")


def test_what_cannot_be_is_one_line(cast: Cast):
    for arguments, said in (
        (("olivia", "--reason", " "), "--reason: expected why, got nothing"),
        (("nobody", "--reason", "x"), "expected the name of an account, got 'nobody'"),
        (("olivia", "--reason", "x"), "olivia has no second factor"),
    ):
        with pytest.raises(CommandError) as error:
            run(*arguments)
        assert str(error.value) == said
