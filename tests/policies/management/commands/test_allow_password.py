"""`manage.py allow_password`: a door for one account, for some minutes, with a reason."""

import re
import shlex
from dataclasses import replace
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from audit.models import AuditRecord
from audit.trail import Action
from extdebug.demo.sample import Cast
from policies.models import PasswordDoor
from policies.pages import sign_in
from tests.files import ROOT
from tests.fixtures.cast import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _off(settings: Settings) -> None:
    sign_in.attempts.__init__()  # type: ignore[misc] # the process's own, as a new process has it
    settings.SIGN_IN = replace(
        settings.SIGN_IN, issuer="https://id.example", name="Acme ID", passwords=False
    )


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("allow_password", *arguments, stdout=out)
    return out.getvalue()


def post(name: str) -> int:
    return Client().post("/login/", {"username": name, "password": PASSWORD}).status_code


def test_the_one_account_comes_in_and_no_other(cast: Cast):
    page = Client().get("/login/").text
    assert "Sign in with Acme ID" in page
    assert 'name="password"' not in page
    assert post("olivia") == 403
    assert "olivia may sign in" in run("olivia", "--reason", "the provider is away")
    assert 'name="password"' in Client().get("/login/").text
    assert post("oscar") == 403
    assert post("olivia") == 302
    row = AuditRecord.objects.get(action=Action.PASSWORD_ALLOWED)
    assert row.reason == "the provider is away"
    refused = AuditRecord.objects.filter(action=Action.SIGN_IN_REFUSED).earliest("seq")
    assert refused.reason == "passwords are switched off"


def test_the_command_of_the_page_runs(cast: Cast):
    """As docs/sign-in.md has it."""
    page = (ROOT / "docs/sign-in.md").read_text()
    (line,) = re.findall(r"^manage\.py allow_password (.*)$", page, re.MULTILINE)
    assert run(*shlex.split(line)).startswith("olivia may sign in")


def test_what_cannot_be_is_one_line(cast: Cast):
    cast.dan.set_unusable_password()
    cast.dan.save()
    for arguments, said in (
        (("olivia", "--reason", "x", "--minutes", "0"), "--minutes: expected 1 to 480, got 0"),
        (("olivia", "--reason", "x", "--minutes", "481"), "--minutes: expected 1 to 480, got 481"),
        (("olivia", "--reason", " "), "--reason: expected why, got nothing"),
        (("nobody", "--reason", "x"), "expected the name of an account, got 'nobody'"),
        (
            ("dan", "--reason", "x"),
            "dan is inactive or has no password: `manage.py changepassword dan` sets one",
        ),
    ):
        with pytest.raises(CommandError) as error:
            run(*arguments)
        assert str(error.value) == said
    assert not PasswordDoor.objects.exists()
