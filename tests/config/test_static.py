"""How static files are served: whole, revalidated, hashed by the image, fresh while one works."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.test import AsyncClient, Client, RequestFactory

from config.static import StaticFilesMiddleware
from tests.files import ROOT

ASSET = "/static/admin/css/base.css"


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
    assert (tmp_path / "extdebug/site.css").exists(), "templates/plain.html names it without a hash"
    hashed = re.compile(r"\.[0-9a-f]{12}\.js$")
    modules = [p for p in (tmp_path / "extdebug").rglob("*.js") if hashed.search(p.name)]
    for module in modules:
        for name in re.findall(r"""from\s*["'](\.[^"']+)["']""", module.read_text()):
            assert hashed.search(name), f"{module.name} imports {name}, which has no hash"
            assert (module.parent / name).exists()


def served(path: Path, settings: Any) -> Any:
    """`middleware(request)` of a process that starts now and finds `path` among the apps' files."""
    settings.STATICFILES_DIRS = [path.parent]
    finders.get_finder.cache_clear()  # type: ignore[attr-defined]
    middleware = StaticFilesMiddleware(lambda _: HttpResponse("not a file", status=404))
    request = RequestFactory()
    return lambda **headers: middleware(request.get(f"/static/{path.name}", headers=headers))


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "edited.js"
    path.write_text("first")
    os.utime(path, (1_000_000_000, 1_000_000_000))
    yield path
    finders.get_finder.cache_clear()  # type: ignore[attr-defined]


def test_an_edited_file_goes_out_with_its_own_length_and_etag(script: Path, settings: Any):
    get = served(script, settings)
    before = get()
    assert before.content == b"first"
    script.write_text("second, and longer")
    after = get(**{"If-None-Match": before.headers["ETag"]})
    assert (after.status_code, after.content) == (200, b"second, and longer")
    assert int(after.headers["Content-Length"]) == len(after.content)
    assert after.headers["ETag"] != before.headers["ETag"]
    assert after.headers["Cache-Control"] == "max-age=0, public"


@pytest.mark.parametrize("name", ["500.html", "refused.html"])
def test_pages_of_an_outage_need_no_request_and_name_files_that_are_there(name: str) -> None:
    """They are shown while the database, or the list of hashed names, cannot be read."""
    body = render_to_string(name, {"title": "Please wait", "message": "Wait 57 seconds."})
    named = re.findall(r'(?:href|src)="/static/([^"]+)"', body)
    assert {"extdebug/tokens.css", "extdebug/site.css", "extdebug/pages.css"} <= set(named)
    assert all(finders.find(each) for each in named)
    assert 'href="/extensions/"' in body
