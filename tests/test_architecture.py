"""The house keeps its shape: layout, sizes, names, links, and who may import what.

The directions of imports are import-linter's (pyproject.toml); here is what it cannot say.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.files import ROOT, relative, repository_files

MOST_LINES: Final = 300
MOST_LINES_OF_TESTS: Final = 500  # tables of cases are long and simple
LONG: Final[dict[str, str]] = {}
TOP_LEVEL: Final = {
    ".ci", ".devcontainer", ".dockerignore", ".editorconfig", ".gitignore",
    ".pre-commit-config.yaml", "CHANGELOG.md", "CONTRIBUTING.md", "Dockerfile", "README.md",
    "SECURITY.md", "audit", "compose.yaml", "config", "deploy", "docs", "extdebug", "manage.py",
    "policies", "pyproject.toml", "templates", "tests",
}  # fmt: skip
# Packages whose __init__.py is more, or less, than one docstring.
MODELS: Final = "policies/models/__init__.py"  # Django loads tables from here: it re-exports them
# Django and pytest name these folders, and a folder that only they look into has no job to say.
NAMED_BY_OTHERS: Final = ("management", "migrations", "tests")
VAGUE: Final = {"utils", "util", "helpers", "services", "common", "base", "misc"}
# Runner pods carry no web framework and no database password.
WITHOUT_DJANGO: Final = (
    "extdebug.wire.events", "extdebug.streams", "extdebug.filters", "extdebug.hub",
    "policies.decisions", "policies.redaction",
)  # fmt: skip
FRAMEWORK: Final = ("django", "channels", "channels_redis", "daphne", "environ", "psycopg")

PYTHON: Final = repository_files(".py")


def test_the_top_level_has_no_other_rooms():
    found = {path.relative_to(ROOT).parts[0] for path in repository_files()}
    assert found <= TOP_LEVEL


WRITTEN: Final = tuple(
    path for path in repository_files(".py", ".js", ".css") if "migrations" not in path.parts
)


# One test looks at every file and names all that are wrong: a test for each would be a sixth of all
# tests, and cost more than what it reads.


def wrong_in_length(path: Path) -> str:
    lines = len(path.read_text().splitlines())
    most = MOST_LINES_OF_TESTS if relative(path).startswith("tests/") else MOST_LINES
    if relative(path) in LONG:
        return "" if lines > most else "short again: take it off the list"
    return "" if lines <= most else f"{lines} lines: split it, or give the reason in LONG"


def test_a_file_is_short_or_says_why_not():
    assert len(WRITTEN) > 1000
    assert {relative(path): wrong for path in WRITTEN if (wrong := wrong_in_length(path))} == {}


def wrong_in_words(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    if path.name == "__init__.py" or "migrations" in parts or path.name.startswith("test_"):
        return ""  # a test module's job is its path
    if not ast.get_docstring(ast.parse(path.read_text())):
        return "the module's docstring says its one job"
    return f"{vague}: a vague name" if (vague := VAGUE & {*parts[:-1], path.stem}) else ""


def test_a_module_says_its_job_and_has_a_telling_name():
    assert len(PYTHON) > 1000
    assert {relative(path): wrong for path in PYTHON if (wrong := wrong_in_words(path))} == {}


PACKAGES: Final = tuple(path for path in PYTHON if path.name == "__init__.py")


@pytest.mark.parametrize("path", PACKAGES, ids=relative)
def test_a_package_says_its_one_job_and_holds_nothing_else(path: Path):
    source = path.read_text()
    if {*path.relative_to(ROOT).parts} & {*NAMED_BY_OTHERS}:
        assert not source.strip()
        return
    documentation = ast.get_docstring(ast.parse(source))
    assert documentation, "the package's docstring says its one job"
    assert documentation.splitlines()[0].endswith("."), "the first line is a whole sentence"
    if relative(path) != MODELS:
        assert len(ast.parse(source).body) == 1, "code belongs into a module with a name"


@pytest.mark.parametrize("path", repository_files(".md"), ids=relative)
def test_links_in_the_documents_lead_somewhere(path: Path):
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        assert file.exists(), f"{target} does not exist"
        if anchor and file.suffix == ".md":
            assert anchor in _anchors(file), f"{target}: no such heading"


def _anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+\s+(.*)$", path.read_text(), flags=re.MULTILINE)
    plain = (re.sub(r"[^\w\s-]", "", heading.lower()) for heading in headings)
    return {re.sub(r"\s", "-", heading.strip()) for heading in plain}


def test_no_file_names_a_package_registry_or_a_machine():
    """Where packages come from is the installing machine's business; so are its folders."""
    hosts = (
        "pypi" + ".org",
        "pythonhosted" + ".org",
        "registry.npmjs" + ".org",
        "--index" + "-url",
    )
    machine = ("/opt" + "/dev", "/root" + "/")
    for path in repository_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for word in (*hosts, *machine):
            assert word not in text, f"{relative(path)} names {word}"


def test_on_the_console_only_settings_read_the_environment():
    allowed = {
        "config/settings.py", "config/asgi.py", "manage.py",  # asgi and manage: the settings' name
        "extdebug/demo/plan.py", "extdebug/demo/prepare.py",  # what the children inherit
    }  # fmt: skip
    for path in PYTHON:
        elsewhere = relative(path).startswith(("tests/", "extdebug/runner/"))
        if elsewhere or relative(path) in allowed:
            continue
        assert not re.search(r"\bos\.(environ|getenv)\b", path.read_text()), relative(path)


def _runner_modules() -> list[str]:
    return [
        relative(path).removesuffix(".py").replace("/", ".")
        for path in PYTHON
        if relative(path).startswith("extdebug/runner/")
        and path.name not in ("__init__.py", "__main__.py")
        and "guests" not in path.parts  # compiled to Wasm: it imports what only its host has
    ]


def test_a_runner_imports_nothing_of_the_web_framework():
    modules = [name for name in (*WITHOUT_DJANGO, *_runner_modules()) if _exists(name)]
    program = (
        "import importlib, sys\n"
        f"for name in {FRAMEWORK!r}: sys.modules[name] = None\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
    )
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        check=False, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-2000:]


def _exists(module: str) -> bool:
    path = ROOT / module.replace(".", "/")
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def test_the_rooms_of_the_design_exist():
    missing = [name for name in WITHOUT_DJANGO if not _exists(name)]
    assert not missing


@pytest.mark.parametrize(
    ("folder", "most"), [("extdebug", 8), ("extdebug/runner", 9), ("policies", 9)]
)
def test_a_folder_of_folders_keeps_few_modules_of_its_own(folder: str, most: int):
    own = [file.name for file in (ROOT / folder).glob("*.py") if file.name != "__init__.py"]
    assert len(own) <= most, f"{sorted(own)}: give a new job a folder"
