"""CONTRIBUTING.md: its recipes forget nothing, its commands and the tools it names are there."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from extdebug.protocol.close_codes import CloseCode
from policies.decisions.decide import DecisionRule
from tests.files import ROOT, relative, repository_files

TEXT: Final = (ROOT / "CONTRIBUTING.md").read_text()
RECIPES: Final = re.findall(r"^### (Add a .+)$", TEXT, re.MULTILINE)
BIN: Final = Path(sys.executable).parent


def recipe(title: str) -> tuple[set[str], set[str]]:
    """The files of a recipe: those of every case, and those to look at."""
    part = TEXT.split(f"### {title}\n", 1)[1].split("\n##", 1)[0]
    always, look = part.split("\nLook at:\n", 1)
    return _files(always), _files(look.split("\nProved by", 1)[0])


def _files(part: str) -> set[str]:
    return {
        name
        for item in re.findall(r"^- ((?:.+\n?(?:  .+\n?)*))", part, re.MULTILINE)
        for name in re.findall(r"`([\w./-]+/[\w./-]+\.\w+)`", item)
    }


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_names_files_that_exist_and_its_proof(title: str):
    always, look = recipe(title)
    part = TEXT.split(f"### {title}\n", 1)[1].split("\n##", 1)[0]
    proof = re.search(r"^Proved by `tests/run --quick ([^`]+)`\.$", part, re.MULTILINE)

    assert always
    assert not always & look
    assert all((ROOT / name).is_file() for name in always | look)
    assert proof is not None
    assert all((ROOT / path).exists() for path in proof[1].split())


def test_the_six_recipes_are_there():
    things = ("decision rule", "close code", "frame", "setting", "redaction rule", "attribute")
    assert len(RECIPES) == len(things)
    for thing, title in zip(things, RECIPES, strict=True):
        assert thing in title


# --- the recipe of the close code, followed to the letter ----------------------------------------

Codes = Iterable[tuple[int, str]]
CODES: Final = [(int(code), code.name) for code in CloseCode]
# Tests may name any code; a recipe is not its own ingredient; the changelog is history.
_NOT_ASKED: Final = ("tests/", "CONTRIBUTING.md", "CHANGELOG.md")


def names_any(text: str, codes: Codes) -> bool:
    """Whether a text names one of the codes, by number or as a member of the enum."""
    return any(names(text, *code) for code in codes)


def names(text: str, number: int, name: str) -> bool:
    return re.search(rf"\b{number}\b|\bCloseCode\.{name}\b", text) is not None


def naming(files: Iterable[Path], codes: Codes) -> set[str]:
    """The files among these in which a close code is named."""
    return {str(path) for path in files if names_any(_text(path), codes)}


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""


def asked() -> list[Path]:
    return [path for path in repository_files() if not relative(path).startswith(_NOT_ASKED)]


def listed() -> set[str]:
    always, look = recipe("Add a close code")
    return {str(ROOT / name) for name in always | look}


def forgotten(codes: Codes) -> set[str]:
    """Files of every case that do not name each of the codes."""
    always, _ = recipe("Add a close code")
    return {
        name
        for name in always
        if not all(names((ROOT / name).read_text(), *code) for code in codes)
    }


def test_the_recipe_lists_exactly_the_files_that_name_a_close_code():
    assert naming(asked(), CODES) == listed()


@pytest.mark.parametrize("line", ["if (code === 4410) retry();", "end = CloseCode.ENDED"])
def test_a_file_that_the_recipe_does_not_know_is_found(tmp_path: Path, line: str):
    planted = tmp_path / "planted.txt"
    planted.write_text(line)

    assert naming([*asked(), planted], CODES) - listed() == {str(planted)}


def test_no_file_of_every_case_forgot_a_close_code():
    """The enum's own file names them as members, so its numbers are what is looked for."""
    assert forgotten(CODES) == set()


def test_a_new_close_code_is_missed_in_every_one_of_them():
    always, _ = recipe("Add a close code")

    assert forgotten([*CODES, (4442, "ADDED")]) == always


def test_the_page_knows_which_codes_are_final():
    scripts = [path.read_text() for path in repository_files(".js") if "extdebug" in path.parts]
    sets = [re.search(r"\bFINAL = new Set\(\[([\d, ]+)\]\)", script) for script in scripts]
    (final,) = [found[1] for found in sets if found]

    assert {int(code) for code in final.split(",")} == {int(c) for c in CloseCode if c.final}


def test_the_table_of_the_decision_has_its_rules_in_order():
    rows = re.findall(
        r"^\| \d+ \| `(\w+)` \|", (ROOT / "docs/policies.md").read_text(), re.MULTILINE
    )

    assert rows == [rule.value for rule in DecisionRule]


# --- commands and tools ---------------------------------------------------------------------------

COMMANDS: Final = [
    line.strip()
    for block in re.findall(r"^ *```sh\n(.*?)```", TEXT, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
    if line.strip()
]


def test_the_environment_takes_at_most_ten_lines():
    setup = TEXT.split("## Set up\n")[1].split("\n## ")[0]
    lines = [
        line
        for block in re.findall(r"```sh\n(.*?)```", setup, re.DOTALL)
        for line in block.splitlines()
    ]

    assert 1 <= len(lines) <= 10


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_names_what_is_there(command: str):
    program, *arguments = command.split()
    if program == "tests/run":
        paths = [argument for argument in arguments if argument.startswith("tests/")]
        assert all((ROOT / path).exists() for path in paths)
    else:
        assert program.startswith(".cache/tests/bin/")
        assert (BIN / Path(program).name).exists()


HOOKS: Final[list[dict[str, Any]]] = [
    hook
    for source in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    for hook in source["hooks"]
]


def test_the_hooks_fetch_nothing():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())

    assert {source["repo"] for source in config["repos"]} == {"local"}
    assert {hook["language"] for hook in HOOKS} == {"system"}
    assert [hook["id"] for hook in HOOKS] == ["ruff", "ruff-format", "import-linter"]


@pytest.mark.parametrize("hook", HOOKS[:2], ids=lambda hook: hook["id"])
def test_a_hook_runs_the_pinned_linter_on_the_files_it_is_given(
    hook: dict[str, Any], tmp_path: Path
):
    bad = tmp_path / "bad.py"
    bad.write_text("import os;x=( 1 )\n")
    before = bad.read_text()
    program, *arguments = hook["entry"].split()
    assert program.startswith(".cache/tests/bin/")
    done = subprocess.run(
        [BIN / Path(program).name, *arguments, bad], check=False, capture_output=True, cwd=ROOT
    )

    # pre-commit stops a commit when a hook fails or changes a file.
    assert done.returncode != 0 or bad.read_text() != before


def test_the_import_hook_is_the_linter_of_the_whole_tree():
    entry = HOOKS[2]["entry"].split()

    assert (BIN / Path(entry[0]).name).exists()
    assert HOOKS[2]["pass_filenames"] is False


def test_the_dev_container_has_the_services_of_tests_run():
    """It is built once and then works as any machine: the same command makes the environment."""
    needed = set(re.findall(r"packages\+=\(([\w-]+)\)", (ROOT / "tests/run").read_text()))
    image = (ROOT / ".devcontainer/Dockerfile").read_text()
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())

    assert needed - {"python3-venv"} <= set(image.split())  # the image brings Python's own
    assert (ROOT / ".devcontainer" / container["build"]["dockerfile"]).exists()
    assert container["postCreateCommand"] in COMMANDS
