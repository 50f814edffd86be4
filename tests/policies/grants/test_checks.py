"""In production, somebody is told when an operator uses break-glass access."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from audit.models import AuditRecord
from audit.trail import Action
from extdebug.demo.sample import Cast
from policies.grants import checks, verbs
from policies.models import EnvironmentPolicy
from tests.policies.conftest import TARGET

pytestmark = pytest.mark.django_db
SMTP = "django.core.mail.backends.smtp.EmailBackend"


@pytest.fixture(autouse=True)
def _production(settings: Settings, cast: Cast) -> None:
    settings.PRODUCTION = True
    settings.EXT_DEBUG_ENVIRONMENT = "production"
    settings.EXT_DEBUG_UI_ENABLED = True
    settings.EMAIL_BACKEND = SMTP
    for operator in (cast.olivia, cast.oscar):
        operator.email = f"{operator.username}@example.org"
        operator.save()


def found() -> list[str]:
    return [f"{message.id} {message.msg}" for message in checks.problems()]


def test_operators_with_e_mail_are_told(cast: Cast):
    assert found() == []


@pytest.mark.parametrize(
    "backend", ["django.core.mail.backends.console.EmailBackend", "dummy.EmailBackend"]
)
def test_an_e_mail_address_without_a_server_is_none(settings: Settings, backend: str):
    settings.EMAIL_BACKEND = backend
    (line,) = found()
    assert line.startswith("policies.W002")
    assert "olivia, oscar" in line
    settings.EXT_DEBUG_WEBHOOK_URL = "https://hooks.example/x"
    assert len(found()) == 1  # without its secret nothing is sent
    settings.EXT_DEBUG_WEBHOOK_SECRET = "a secret"
    assert found() == []


def test_who_has_no_e_mail_is_named_and_so_in_the_record_of_the_grant(
    cast: Cast, third_operator: User
):
    cast.oscar.email = ""
    cast.oscar.save()
    (line,) = found()
    assert "oscar" in line
    assert "olivia" not in line
    verbs.break_glass(cast.olivia, **TARGET, minutes=5, reason="fire")
    row: Any = AuditRecord.objects.get(action=Action.BREAK_GLASS_USED)
    assert row.data["unreached"] == ["oscar"]


def test_without_break_glass_access_nobody_needs_to_be_told(cast: Cast, settings: Settings):
    cast.oscar.email = ""
    cast.oscar.save()
    assert len(found()) == 1
    EnvironmentPolicy.objects.update_or_create(
        environment="production", defaults={"break_glass": False}
    )
    assert found() == []
    EnvironmentPolicy.objects.all().delete()
    settings.PRODUCTION = False
    assert found() == []
