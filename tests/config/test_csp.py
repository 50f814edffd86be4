"""The headers that every response carries: strict on the console, looser on the admin alone."""

import pytest
from django.test import AsyncClient, Client

from config import csp


def test_the_console_runs_no_inline_script_and_no_foreign_one():
    directives = dict(part.strip().split(" ", 1) for part in csp.STRICT.split(";"))
    assert directives["script-src"] == "'self'"
    assert directives["default-src"] == "'none'"
    assert directives["frame-ancestors"] == "'none'"
    assert "unsafe" not in csp.STRICT


@pytest.mark.django_db
def test_the_admin_has_a_policy_of_its_own(client: Client):
    assert client.get("/admin/login/").headers["Content-Security-Policy"] == csp.ADMIN
    assert client.get("/nowhere/").headers["Content-Security-Policy"] == csp.STRICT


@pytest.mark.django_db
async def test_security_headers_are_set_over_asgi_too(async_client: AsyncClient):
    headers = (await async_client.get("/nowhere/")).headers
    assert headers["Content-Security-Policy"] == csp.STRICT
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
