"""The demo's database: made once, found again, and in production with a request that waits."""

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from extdebug.demo.plan import Plan
from extdebug.demo.sample import PEOPLE
from tests.files import ROOT


def prepare(folder: Path, environment: str) -> list[tuple[int, int]]:
    """People and grants in the database after each of two starts."""
    plan = Plan(root=ROOT, folder=folder, port=1, redis_url="", environment=environment)
    counts: list[tuple[int, int]] = []
    for _ in range(2):
        done = subprocess.run(
            plan.prepare(), cwd=ROOT, env=plan.console_environment(), check=False,
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        with closing(sqlite3.connect(folder / "console.sqlite3")) as database:
            (people,) = database.execute("SELECT count(*) FROM auth_user").fetchone()
            (grants,) = database.execute("SELECT count(*) FROM policies_grant").fetchone()
        counts.append((people, grants))
    return counts


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("environment", "grants"), [("development", 0), ("production", 1)])
def test_a_second_start_finds_what_the_first_made(tmp_path: Path, environment: str, grants: int):
    assert prepare(tmp_path, environment) == [(len(PEOPLE), grants)] * 2
