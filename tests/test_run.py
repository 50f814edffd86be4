"""tests/run: what it does with its arguments, played with programs that only note their calls."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.files import ROOT

NOTING: Final = '#!/bin/sh\necho "$(basename "$0") $*" >>"{calls}"\n'
VERSION: Final = "import sys; print(sys.executable, sys.version)"
CHECKS: Final = (
    "ruff check .",
    "ruff format --check .",
    "mypy",
    "lint-imports",
    "python manage.py",
)


class Tree:
    """A folder with tests/run, whose environment is stocked with programs that do nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        (folder / "tests").mkdir()
        for name in ("run", "environment.sh"):
            shutil.copy(ROOT / "tests" / name, folder / "tests" / name)
        (folder / "tests/test_one.py").write_text("")
        (folder / "pyproject.toml").write_text("")
        self.outside = folder / "outside"  # what stands on PATH
        self.inside = folder / ".cache/tests/bin"
        for name in ("python", "ruff", "mypy", "lint-imports", "pip"):
            self._program(self.inside / name)
        self._program(self.outside / "apt-get")
        (self.outside / "python3").symlink_to(Path(sys.executable).resolve())
        for name in ("basename", "bash", "cat", "dirname", "id", "rm", "sh", "sha256sum"):
            (self.outside / name).symlink_to(str(shutil.which(name)))

    def _program(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(NOTING.format(calls=self.calls))
        path.chmod(0o755)

    def run(self, *arguments: str, bare: bool = False) -> subprocess.CompletedProcess[str]:
        """`bare`: on a machine without any of the services."""
        path = str(self.outside) if bare else f"{self.outside}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "CI": ""}
        self._stamp(environment)
        return subprocess.run(
            [self.folder / "tests/run", *arguments],
            check=False, capture_output=True, text=True, env=environment,
        )  # fmt: skip

    def _stamp(self, environment: dict[str, str]) -> None:
        """What tests/run leaves behind when it has made its environment."""
        (self.folder / ".cache/tests/stamp").write_text(
            subprocess.run(
                ["bash", "-c", f"{{ python3 -c '{VERSION}'; cat pyproject.toml; }} | sha256sum"],
                check=True, cwd=self.folder, capture_output=True, text=True, env=environment,
            ).stdout
        )  # fmt: skip

    def called(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_quick_runs_pytest_on_the_paths_and_nothing_else(tree: Tree):
    done = tree.run("--quick", "tests/test_one.py", "-k", "word")

    assert done.returncode == 0, done.stderr
    assert tree.called() == ["python -m pytest -q tests/test_one.py -k word"]


def test_quick_takes_one_test_by_its_node_id(tree: Tree):
    tree.run("--quick", "tests/test_one.py::test_it")

    assert tree.called() == ["python -m pytest -q tests/test_one.py::test_it"]


def test_quick_hands_on_what_pytest_answers(tree: Tree):
    (tree.inside / "python").write_text("#!/bin/sh\nexit 3\n")

    assert tree.run("--quick", "tests").returncode == 3


def test_only_the_whole_run_installs_a_missing_service(tree: Tree):
    done = tree.run("--quick", "tests/test_one.py", bare=True)
    assert done.returncode == 0, done.stderr
    assert tree.called() == ["python -m pytest -q tests/test_one.py"]

    done = tree.run(bare=True)
    assert "redis-server" in done.stdout
    if os.geteuid() == 0:
        assert any(call.startswith("apt-get install") for call in tree.called())


@pytest.mark.parametrize("arguments", [(), ("",), ("tests/test_two.py",), ("-k", "word")])
def test_quick_without_a_path_says_what_it_expected(tree: Tree, arguments: tuple[str, ...]):
    done = tree.run("--quick", *arguments)

    assert done.returncode == 2
    assert "expected a file, a folder or a test's node id" in done.stderr
    assert f"got '{arguments[0] if arguments else ''}'" in done.stderr
    assert tree.called() == []


def test_the_whole_run_checks_everything_and_hands_its_arguments_to_pytest(tree: Tree):
    tree.run("tests/test_one.py")

    called = tree.called()
    for check in CHECKS:
        assert any(call.startswith(check) for call in called), check
    assert called[-1].startswith("python -m pytest -q -n ")
    assert called[-1].endswith(" tests/test_one.py")


def test_only_the_run_of_everything_makes_ahead_what_all_need(tree: Tree):
    ahead = "python -m tests.fixtures.ahead"
    tree.run("tests/test_one.py")
    assert ahead not in tree.called()

    tree.run()  # in the background, but its output is the run's, which ends with both
    assert ahead in tree.called()


def test_a_check_that_fails_fails_the_run_and_stops_nothing(tree: Tree):
    (tree.inside / "mypy").write_text("#!/bin/sh\nexit 1\n")

    done = tree.run()

    assert done.returncode == 1
    assert tree.called()[-1].startswith("python -m pytest")


def test_what_the_linters_said_stands_before_the_last_pytest(tree: Tree):
    (tree.inside / "mypy").write_text("#!/bin/sh\necho a type is wrong\nexit 1\n")

    said = tree.run().stdout

    assert said.index("== mypy") < said.index("a type is wrong") < said.index("== pytest\n")
    assert "already failed, so this run fails whatever pytest says: mypy" in said
    assert not [file for file in (tree.folder / ".cache").iterdir() if file.name != "tests"]


@pytest.mark.parametrize(("arguments", "status"), [(("tests/test_one.py",), 0), ((), 1)])
def test_that_nothing_asked_for_is_tested_on_postgresql_is_no_failure(
    tree: Tree, arguments: tuple[str, ...], status: int
):
    for name in ("postgres", "initdb"):
        (tree.outside / name).symlink_to(tree.outside / "apt-get")
    (tree.inside / "python").write_text(
        '#!/bin/sh\ncase "$*" in *tests.fixtures.postgres*) exit 5 ;; esac\n'
    )

    assert tree.run(*arguments).returncode == status


def other_python(tree: Tree, name: str, *, status: int = 0) -> None:
    """A Python on PATH whose environments hold a Python that only notes its calls."""
    noting = f'echo "{name} $*" >>"{tree.calls}"; case "$*" in *pytest*) exit {status} ;; esac'
    (tree.outside / name).write_text(
        '#!/bin/sh\ncase "$*" in "-m venv "*) mkdir -p "$3/bin" &&'
        f" printf '#!/bin/sh\\n%s\\n' '{noting}' >\"$3/bin/python\" &&"
        ' cp "$3/bin/python" "$3/bin/pip" && chmod +x "$3/bin/python" "$3/bin/pip" ;; esac\n'
    )
    (tree.outside / name).chmod(0o755)


def test_each_other_python_that_is_there_imports_everything_and_the_rest_is_said(tree: Tree):
    own = f"3.{sys.version_info[1]}"
    other, absent = ("3.15", "3.14")
    other_python(tree, f"python{other}")

    done = tree.run()

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"tested: {own} (everything)" in done.stdout
    assert f"tested: {other} (imports" in done.stdout
    assert f"not here: {absent}" in done.stdout
    mine = [call for call in tree.called() if call.startswith(f"python{other} ")]
    assert mine[0].endswith("install --quiet --disable-pip-version-check -e .[test]")
    assert "tests/test_imports.py" in mine[1]
    assert tree.called()[-1].startswith("python -m pytest")
    assert tree.run("tests/test_one.py").returncode == 0
    assert len([call for call in tree.called() if call.startswith(f"python{other} ")]) == len(mine)


def test_what_fails_on_another_python_fails_the_run(tree: Tree):
    other_python(tree, "python3.15", status=1)

    done = tree.run()

    assert done.returncode == 1
    assert "whatever pytest says: other Pythons" in done.stdout


def test_what_other_pythons_run_is_there():
    script = (ROOT / "tests/run").read_text()
    (block,) = re.findall(r"^elsewhere=\(([^)]*)\)", script, re.MULTILINE)
    assert [path for path in block.split() if not (ROOT / path).exists()] == []


def test_the_commands_of_contributing_are_taken(tree: Tree):
    text = (ROOT / "CONTRIBUTING.md").read_text()
    blocks = re.findall(r"^ *```sh\n(.*?)\n *```$", text, re.DOTALL | re.MULTILINE)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    ours = [shlex.split(line)[1:] for line in lines if line.startswith("tests/run")]
    for arguments in ours:
        for path in arguments:
            if path.startswith("tests/"):
                assert (ROOT / path).exists(), path
                (tree.folder / path).mkdir(parents=True, exist_ok=True)
        done = tree.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        if arguments:
            assert tree.called()[-1] == f"python -m pytest -q {shlex.join(arguments[1:])}"
    others = [shlex.split(line) for line in lines if not line.startswith("tests/run")]
    for program, *arguments in others:
        assert program.startswith(".cache/tests/bin/")
        name = Path(program).name
        assert (Path(sys.executable).parent / name).exists(), program
        if name != "python":  # the linters: what CI runs, but that CI formats nothing
            call = " ".join([name, *arguments]).replace("format", "format --check")
            assert any(made.startswith(call) for made in tree.called()), call
    assert (len(ours), len(others)) == (4, 5)


def test_help_names_both_ways(tree: Tree):
    done = tree.run("--help")

    assert done.returncode == 0
    assert "--quick PATH" in done.stdout
    assert "set -euo" not in done.stdout
    assert tree.called() == []
