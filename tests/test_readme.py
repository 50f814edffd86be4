"""What the documents promise is what the code has."""

import re
import subprocess
from pathlib import Path
from typing import Final

import pytest
from django.core.management import get_commands

from config.settings_table import TABLES
from tests.files import ROOT, relative, repository_files

README: Final = (ROOT / "README.md").read_text()
MAIN_JOB: Final = (
    "python3 -m venv .venv && .venv/bin/pip install -e '.[demo]' && .venv/bin/python manage.py demo"
)
DOCUMENTS: Final = repository_files(".md")


def blocks(text: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)\n```$", text, flags=re.DOTALL | re.MULTILINE)


def test_the_readme_has_two_commands():
    """To try it, and to test it. What contributors need besides is in CONTRIBUTING."""
    assert blocks(README) == [MAIN_JOB, "tests/run"]


@pytest.mark.parametrize(
    "name",
    ["CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/architecture.md", "docs/glossary.md",
     "docs/decisions/README.md"],
)  # fmt: skip
def test_the_readme_leads_to_the_other_documents(name: str):
    assert f"]({name})" in README


DECISIONS: Final = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))


def test_decisions_are_numbered_and_listed():
    index = (ROOT / "docs/decisions/README.md").read_text()
    listed = re.findall(r"^\| (\d+) \| \[(.+)\]\((.+)\) \|$", index, re.MULTILINE)

    assert [(f"{int(number):04}", name) for number, _, name in listed] == [
        (path.name[:4], path.name) for path in DECISIONS
    ]
    assert [int(number) for number, _, _ in listed] == list(range(1, len(DECISIONS) + 1))
    for number, title, name in listed:
        heading = (ROOT / "docs/decisions" / name).read_text().splitlines()[0]
        assert heading == f"# {number}. {title}"


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_says_context_consequences_and_figures_on_one_page(path: Path):
    lines = path.read_text().splitlines()

    assert [line for line in lines if line.startswith("## ")] == [
        "## Context", "## Decision", "## Consequences", "## Figures",
    ]  # fmt: skip
    assert len(lines) <= 60


@pytest.mark.parametrize("name", ["tests/run", ".ci/run", "manage.py"])
def test_scripts_can_be_run(name: str):
    assert (ROOT / name).stat().st_mode & 0o111
    if name != "manage.py":
        subprocess.run(["bash", "-n", ROOT / name], check=True)


def test_ci_runs_what_people_run():
    assert "exec tests/run" in (ROOT / ".ci/run").read_text()


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_commands_in_the_documents_exist(document: Path):
    commands = get_commands()
    for name in re.findall(r"manage\.py ([a-z_]+)", document.read_text()):
        assert name in commands, name


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_files_in_the_documents_exist(document: Path):
    pattern = r"`((?:extdebug|policies|audit|config|tests|docs|templates)/[\w./-]+\.\w+)`"
    for name in re.findall(pattern, document.read_text()):
        assert (ROOT / name).exists(), name


def documented(heading: str) -> set[str]:
    text = (ROOT / "docs/configuration.md").read_text()
    section = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `([A-Z_]+)` \|", section, flags=re.MULTILINE))


@pytest.mark.parametrize("side", TABLES)
def test_every_variable_is_documented(side: str):
    assert documented(side.capitalize()) == {each.name for each in TABLES[side]}


def test_variables_of_other_documents_are_known():
    known = documented("Console") | documented("Runner")
    for document in DOCUMENTS:
        for name in re.findall(
            r"`((?:EXT_DEBUG|RUNNER|AUDIT)_[A-Z_]+)(?:=[^`]*)?`", document.read_text()
        ):
            assert name.removesuffix("_FILE") in known, f"{relative(document)}: {name}"
