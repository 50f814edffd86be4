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


# Who runs the commands of each block, in the order of the blocks: a test that reads them from the
# document, or the reason why none does.
COMMANDS: Final[dict[str, list[str]]] = {
    "CONTRIBUTING.md": ["tests/test_run.py"] * 5,
    "README.md": [
        "not run: pip fetches packages; tests/run installs likewise, and test_demo.py starts it",
        "not run: it is what runs this test",
    ],
    "docs/bench/README.md": ["not run: an hour on a quiet machine; tests/bench has its parts"],
    "docs/deployment.md": [
        "not run: needs a container engine; tests/test_images.py reads the Dockerfile",
        "not run: the engine and an index; tests/test_images.py runs what refuses a tag",
        "not run: pip asks an index; tests/deploy/test_sbom.py runs it on a folder of files",
        "not run: pip fetches packages",
        "not run: installs what the block before has fetched",
        "not run: the engine; tests/deploy/test_compose.py runs the secrets and Redis",
        "not run: needs a cluster; tests/deploy/test_kubernetes.py reads the options",
    ],
    "docs/directory.md": [
        "tests/policies/management/commands/test_sync_directory.py",
        "tests/policies/management/commands/test_sync_directory.py",
        "tests/extdebug/transports/test_directory_api.py",
    ],
    "docs/extension-authors.md": ["tests/extdebug/runner/test_authors_page.py"] * 3,
    "docs/protocol.md": ["tests/extdebug/test_live.py"],
    "docs/scaling.md": [
        "not run: five minutes of measuring; tests/bench/scaling has its parts",
        "tests/bench/scaling/test_page.py",
    ],
    "docs/sign-in.md": [
        "tests/config/test_sign_in.py",
        "tests/policies/management/commands/test_allow_password.py",
        "tests/policies/management/commands/test_remove_second_factors.py",
    ],
    "docs/replay.md": ["tests/extdebug/management/commands/test_replay_stream.py"],
}


def test_each_block_of_commands_is_run_or_says_why_not():
    found = {
        relative(document): len(
            re.findall(r"^ *```(?:sh|bash|console)$", document.read_text(), re.MULTILINE)
        )
        for document in DOCUMENTS
    }
    assert {name: count for name, count in found.items() if count} == {
        name: len(each) for name, each in COMMANDS.items()
    }
    for document, each in COMMANDS.items():
        for test in each:
            if not test.startswith("not run: "):
                assert Path(document).name in (ROOT / test).read_text(), (document, test)


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
