"""`manage.py sync_directory`: what it reads, says, and exits with."""

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection

from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from policies.models import Membership
from tests.files import ROOT
from tests.fixtures.trail import refusing
from tests.policies.directory.documents import WHOLE, without

pytestmark = pytest.mark.django_db


class Ran:
    """The command on a file, its output and its exit code."""

    def __init__(self, place: Path, *options: str) -> None:
        out = io.StringIO()
        self.code, self.error = 0, ""
        try:
            call_command("sync_directory", str(place), *options, stdout=out)
        except CommandError as error:
            self.code, self.error = error.returncode, str(error)
        self.text = out.getvalue()


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return written(tmp_path, WHOLE)


def written(folder: Path, document: Any) -> Path:
    place = folder / "directory.json"
    place.write_text(json.dumps(document))
    return place


def test_a_file_is_refused_tried_and_applied(whole: Path, tmp_path: Path) -> None:
    refused = Ran(whole)
    assert (refused.code, refused.text.count("\n")) == (3, 4)
    assert "+ role: uma is admin of umbrella" in refused.text
    assert refused.error.startswith("This gives more access than before, by 4 rows.")
    tried = Ran(whole, "--widen", "--dry-run")
    assert tried.code == 0
    assert tried.text.endswith("11 added. This was a dry run: nothing was applied.\n")
    assert not User.objects.filter(username="uma").exists()
    assert Ran(whole, "--widen").text.splitlines()[-1] == "11 added."
    record = AuditRecord.objects.get(action="user.created", data__subject="uma")
    assert record.actor_name.startswith("directory (shell user ")
    assert Ran(whole).text == "Nothing changed.\n"

    held = Ran(written(tmp_path, {**without("roles", 0), "capabilities": []}), "--hold")
    assert (held.code, held.error) == (0, "")
    held = Ran(written(tmp_path, WHOLE), "--hold")
    assert (held.code, held.error) == (5, "3 changes wait")
    assert "role: uma is admin of umbrella: It makes a tenant's admin." in held.text


@pytest.mark.usefixtures("production")
def test_in_production_it_says_what_waits_for_two(cast: Cast, whole: Path) -> None:
    ran = Ran(whole, "--json")
    said = json.loads(ran.text)
    assert (ran.code, said["summary"]) == (5, "7 added; 4 wait.")
    assert {each["section"] for each in said["waiting"]} == {"roles", "capabilities"}
    assert not Membership.objects.filter(user__username="uma").exists()
    assert Ran(whole).code == 5


def test_the_worked_example_of_the_document_is_what_happens(tmp_path: Path) -> None:
    page = (ROOT / "docs/directory.md").read_text()
    (example,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    first, gone, _ = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    said = json.loads(example)
    tried = Ran(written(tmp_path, said), "--widen", "--dry-run")
    assert tried.text.splitlines() == first.splitlines()[1:-1]
    assert Ran(written(tmp_path, said), "--widen").code == 0
    said["people"].pop()
    said["roles"].pop()
    assert Ran(written(tmp_path, said)).text.splitlines() == gone.splitlines()[1:]


def test_csv_and_one_section_of_a_file(whole: Path, tmp_path: Path) -> None:
    place = tmp_path / "people.csv"
    place.write_bytes("\ufeffusername,first_name\numa,Uma\n".encode())
    assert Ran(place).error == f"{place}: CSV has one section: say which with --section"
    assert Ran(place, "--section", "people").text == "+ person uma\n1 added.\n"
    assert Ran(whole, "--section", "tenants").text.endswith("2 added.\n")
    assert Ran(place.rename(tmp_path / "p"), "--csv", "--section", "people").code == 0
    other = written(tmp_path, {"tenants": []})
    assert Ran(other, "--section", "people").error.endswith("the section people; it is not there")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"{", "expected a JSON object: "),
        (b"\xff", "expected a JSON object: "),
        (b'{"people": [{}]}', "people, row 1, username: expected 1 to 150 letters"),
    ],
    ids=range(3),
)
def test_a_bad_document_is_code_1_in_one_line(tmp_path: Path, text: bytes, error: str) -> None:
    place = tmp_path / "directory.json"
    place.write_bytes(text)
    ran = Ran(place)
    assert ran.code == 1
    assert ran.error.startswith(error)
    assert "\n" not in ran.error
    assert Ran(tmp_path / "none.json").code == 1


def test_a_refusal_is_json_too(whole: Path) -> None:
    ran = Ran(whole, "--json")
    assert (ran.code, json.loads(ran.text)["code"]) == (3, "would_widen")


def test_a_trail_that_takes_nothing_is_said_and_nothing_is_applied(whole: Path) -> None:
    with refusing(connection):
        ran = Ran(whole, "--widen")
    assert ran.code == 4
    assert ran.error.startswith("nothing was applied: the audit trail did not take")
    assert not User.objects.filter(username="uma").exists()
