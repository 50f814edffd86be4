"""E-mail is promised only where a mail server is named."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from policies.mail import sends_mail


@pytest.mark.parametrize(
    ("backend", "sends"),
    [("smtp", True), ("locmem", True), ("console", False), ("dummy", False), ("filebased", False)],
)
def test_the_log_is_no_mail_server(settings: Settings, backend: str, sends: bool):
    settings.EMAIL_BACKEND = f"django.core.mail.backends.{backend}.EmailBackend"
    assert sends_mail() is sends
