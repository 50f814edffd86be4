"""What the environment's variables make of the settings; unset means the strict side."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.files import ROOT

PROGRAM = """
import json, sys
from config import settings
names = sys.argv[1:]
print(json.dumps({name: getattr(settings, name) for name in names}, default=str))
"""


def read(*names: str, **environment: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *names],
        cwd=ROOT, env={"DATABASE_URL": "sqlite:///:memory:", **environment}, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_whoever_sets_nothing_gets_production():
    found = read(
        "PRODUCTION", "DEBUG", "HTTPS_ONLY", "SESSION_COOKIE_NAME", "SESSION_COOKIE_SECURE",
        "EXT_DEBUG_ORIGINS", "WHITENOISE_AUTOREFRESH",
    )  # fmt: skip
    assert found == {
        "PRODUCTION": True, "DEBUG": False, "HTTPS_ONLY": True,
        "SESSION_COOKIE_NAME": "__Host-session", "SESSION_COOKIE_SECURE": True,
        "EXT_DEBUG_ORIGINS": [], "WHITENOISE_AUTOREFRESH": False,
    }  # fmt: skip


@pytest.mark.parametrize(("command", "first"), [("runserver", "daphne"), ("serve", "unfold")])
def test_only_runserver_imports_daphne(command: str, first: str):
    done = subprocess.run(
        [sys.executable, "-c", "from config import settings; print(settings.INSTALLED_APPS[0])",
         command],
        cwd=ROOT, env={"DATABASE_URL": "sqlite:///:memory:"}, check=True, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.stdout.strip() == first


def test_connections_to_sqlite_keep_few_statements():
    options = read("DATABASES")["DATABASES"]["default"]["OPTIONS"]
    assert 0 < options["cached_statements"] <= 16


@pytest.mark.parametrize(("debug", "cached"), [("false", True), ("true", False)])
def test_templates_are_kept_except_while_one_works_on_them(debug: str, cached: bool):
    found = read("TEMPLATES", EXT_DEBUG_ENVIRONMENT="development", DEBUG=debug)
    assert ("cached.Loader" in str(found["TEMPLATES"][0]["OPTIONS"]["loaders"])) is cached


@pytest.mark.parametrize(
    ("environment", "hashed", "fresh"),
    [
        ("development", "false", True),
        ("development", "true", False),
        ("production", "false", False),
    ],
)
def test_static_files_are_looked_up_anew_where_they_may_change(
    environment: str, hashed: str, fresh: bool
):
    found = read("WHITENOISE_AUTOREFRESH", EXT_DEBUG_ENVIRONMENT=environment, STATIC_HASHED=hashed)
    assert found["WHITENOISE_AUTOREFRESH"] is fresh


def test_a_secret_may_come_from_a_mounted_file(tmp_path: Path):
    (tmp_path / "key").write_text("from the file")
    found = read("SECRET_KEY", SECRET_KEY_FILE=str(tmp_path / "key"))
    assert found["SECRET_KEY"] == "from the file"
