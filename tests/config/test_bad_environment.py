"""A bad environment is said in lines without a traceback, whatever starts; addresses come apart."""

import subprocess
import sys

import pytest

from config.bad_environment import BadEnvironment, database, mail, refuse_bad
from extdebug.wire.environment.setting import Environment
from tests.files import ROOT


def test_problems_are_one_line_each():
    refuse_bad(Environment({}))
    with pytest.raises(BadEnvironment, match=r"^A: expected b\nC: expected d$"):
        refuse_bad(Environment({}, problems=["A: expected b", "C: expected d"]))


@pytest.mark.parametrize(
    "command",
    [
        ["manage.py", "check"], ["manage.py", "serve"], ["manage.py", "janitor"],
        ["-m", "uvicorn", "config.asgi:application", "--port", "0"],
        ["-m", "daphne", "-p", "0", "config.asgi:application"],
    ],
    ids=lambda command: command[1],
)  # fmt: skip
def test_whatever_starts_says_it_without_a_traceback(command: list[str]):
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT, env={"HTTPS_ONLY": "yess"}, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "HTTPS_ONLY: expected yes, no, on, off, true, false, 1 or 0, got 'yess'"
    ]


@pytest.mark.parametrize("command", [["migrate", "--skip-checks"], ["verify_audit"]])
def test_a_database_that_is_away_is_said_in_a_line(command: list[str]):
    env = {
        "EXT_DEBUG_ENVIRONMENT": "development",
        "DATABASE_URL": "postgres://nobody:hidden@127.0.0.1:1/nothing",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT, env=env, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("the database: connection failed")
    assert "hidden" not in line


def test_addresses_become_djangos_settings():
    found = database("postgres://u:p%24w@h:5432/n?connect_timeout=3")
    assert found["PASSWORD"] == "p$w"
    assert found["OPTIONS"] == {"connect_timeout": 3}
    assert database("postgres://u:$p@h/n")["PASSWORD"] == "$p"
    assert mail("smtp+tls://u:$p@h:587")["EMAIL_HOST_PASSWORD"] == "$p"
