"""`manage.py link_sign_in`: an account gets or loses the provider's person, or a line says why."""

from dataclasses import replace
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from audit.models import AuditRecord
from audit.trail import Action
from extdebug.demo.sample import Cast
from policies.models import Membership, SignInIdentity
from policies.sign_in import roles
from policies.sign_in.role_map import RoleMapText

pytestmark = pytest.mark.django_db(transaction=True)
ISSUER = "https://id.example"


@pytest.fixture(autouse=True)
def _configured(settings: Settings) -> None:
    settings.SIGN_IN = replace(settings.SIGN_IN, issuer=ISSUER)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("link_sign_in", *arguments, stdout=out)
    return out.getvalue().strip()


def test_an_account_is_linked(cast: Cast):
    assert run("dan", "s-1") == f"dan is s-1 at {ISSUER}."
    assert SignInIdentity.objects.get().user == cast.dan
    assert AuditRecord.objects.filter(action=Action.IDENTITY_LINKED).exists()


def test_a_link_is_taken_away_with_what_groups_gave(cast: Cast):
    run("mallory", "s-1")
    row = SignInIdentity.objects.get()
    given = RoleMapText().parse("leads=admin:acme").roles({"leads"})
    roles.apply(row.pk, roles.existing(given))
    assert Membership.objects.filter(user=cast.mallory).exists()
    assert run("mallory", "s-1", "--remove") == f"mallory is no longer s-1 at {ISSUER}."
    assert not Membership.objects.filter(user=cast.mallory).exists()
    assert not SignInIdentity.objects.exists()
    assert AuditRecord.objects.filter(action=Action.IDENTITY_UNLINKED).exists()


def test_what_cannot_be_is_one_line(cast: Cast, settings: Settings):
    run("dan", "s-1")
    for arguments, said in (
        (("nobody", "s-2"), "expected the name of an account, got 'nobody'"),
        (("dora", "s-1"), "s-1 is linked to dan already."),
        (("dora", "s-9", "--remove"), "expected a link to take away, got dora and 's-9'"),
    ):
        with pytest.raises(CommandError) as error:
            run(*arguments)
        assert str(error.value) == said
    settings.SIGN_IN = replace(settings.SIGN_IN, issuer="")
    with pytest.raises(CommandError, match="OIDC_ISSUER: expected the provider's issuer, got none"):
        run("dan", "s-1")
