"""What every response carries, and how static files are served."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import AsyncClient, Client

from config import csp
from tests.files import ROOT

ASSET = "/static/admin/css/base.css"


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


async def test_static_files_are_served_whole_and_revalidated(async_client: AsyncClient):
    response = await async_client.get(ASSET)
    assert response.status_code == 200
    assert len(response.content) == int(response.headers["Content-Length"]) > 0
    again = await async_client.get(ASSET, headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    part = await async_client.get(ASSET, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, response.content[:10])
    assert "Access-Control-Allow-Origin" not in response.headers


def test_static_files_are_served_without_asgi_too(client: Client):
    assert client.get(ASSET).status_code == 200


@pytest.mark.timeout(180)
def test_collected_files_carry_a_hash_of_their_content(tmp_path: Path):
    """As the image does it; one module importing another must name the hashed one."""
    program = (
        "import django; from django.conf import settings; django.setup();"
        f"settings.STATIC_ROOT = {str(tmp_path)!r}; settings.STATIC_HASHED = True;"
        "from django.core.management import call_command;"
        "call_command('collectstatic', verbosity=0, interactive=False)"
    )
    env = {
        "PATH": "", "EXT_DEBUG_ENVIRONMENT": "development", "STATIC_HASHED": "true",
        "DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": "sqlite:///:memory:",
    }  # fmt: skip
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], cwd=ROOT, env=env, check=True)
    assert (tmp_path / "staticfiles.json").exists()
    hashed = re.compile(r"\.[0-9a-f]{12}\.js$")
    modules = [p for p in (tmp_path / "extdebug").rglob("*.js") if hashed.search(p.name)]
    for module in modules:
        for name in re.findall(r"""from\s*["'](\.[^"']+)["']""", module.read_text()):
            assert hashed.search(name), f"{module.name} imports {name}, which has no hash"
            assert (module.parent / name).exists()
