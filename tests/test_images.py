"""The trees that the Dockerfile copies are enough to run, and the runner's holds nothing else.

No container engine is needed: the COPY lines are carried out into a folder, and the programs run
there. A hook in the child keeps away what the image would not have: the repository itself, which
the test environment has installed, and the packages of the other image.
"""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from extdebug.runner.config import default_cache
from extdebug.runner.wasm.build import build_guest
from tests.files import ROOT, relative, repository_files
from tests.fixtures.dockerfile import stage
from tests.fixtures.programs import free_port, wait_until

HOOK: Final = """
import sys
class Absent:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"the image has no {{name}}", name=name)
sys.meta_path.insert(0, Absent())
"""
ARGUMENTS: Final = ("--tenant", "acme", "--extension", "invoice-sync", "--request-id", "r-1")


def copy_tree(name: str, to: Path) -> Path:
    """What the stage copies into /app, as an engine would: a folder's content, files by name."""
    sent = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    for instruction, *words in stage(name):
        if instruction != "COPY" or words[0].startswith("--from"):
            continue
        *sources, target = words
        place = to / target.removeprefix("/app").lstrip("/")
        for source in sources:
            assert source.split("/")[0] in sent, f".dockerignore holds {source} back"
            path = ROOT / source
            if path.is_dir():
                skipped = shutil.ignore_patterns("__pycache__", "*.pyc")
                shutil.copytree(path, place, dirs_exist_ok=True, ignore=skipped)
            else:
                into = place / path.name if target.endswith("/") else place
                into.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, into)
    return to


def modules_of(*extras: str) -> set[str]:
    """Top-level modules of the packages that these extras pin."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    texts = list(project["dependencies"])
    for extra in extras:
        texts += project["optional-dependencies"][extra]
    pinned = {canonicalize_name(Requirement(text).name) for text in texts} - {project["name"]}
    listed = importlib.metadata.packages_distributions()
    return {
        module
        for module, names in listed.items()
        if any(canonicalize_name(name) in pinned for name in names)
    }


DIGEST: Final = f"python:3.11-slim-bookworm@sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("pinned", "base", "builds"),
    [
        ("no", "python:3.11-slim-bookworm", True),
        ("no", DIGEST, True),
        ("yes", DIGEST, True),
        ("yes", "python:3.11-slim-bookworm", False),
        ("maybe", DIGEST, False),
    ],
)
def test_a_build_that_must_be_pinned_is_from_a_digest(pinned: str, base: str, builds: bool):
    """The first step of the stage that everything is built on, as the engine's shell runs it."""
    first = next(words for words in stage("packages") if words[0] == "RUN")
    done = subprocess.run(
        ["sh", "-c", " ".join(first[1:])], check=False, capture_output=True,
        env={"PINNED": pinned, "BASE": base},
    )  # fmt: skip
    assert (done.returncode == 0) is builds


def test_every_image_is_from_the_one_base():
    lines = [line.split() for line in (ROOT / "Dockerfile").read_text().splitlines()]
    stages = [words for words in lines if words[:1] == ["FROM"]]
    names = {words[-1] for words in stages}
    assert {words[1] for words in stages} - names == {"${BASE}"}
    assert sum(words[:1] == ["ARG"] and words[1].startswith("BASE=") for words in lines) == 1


class Image:
    """A stage's tree, and programs run with it as /app."""

    def __init__(self, tree: Path, *, absent: set[str]) -> None:
        self.tree = tree
        hook = tree.parent / "hook"
        hook.mkdir()
        (hook / "sitecustomize.py").write_text(HOOK.format(absent=sorted(absent)))
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(tree.parent),
            "PYTHONPATH": f"{tree}{os.pathsep}{hook}",
        }  # fmt: skip

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.tree, env={**self.environment, **environment}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *arguments: str, **environment: str) -> str:
        """Its standard output; a failure shows what it said."""
        process = self.start(*arguments, **environment)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        return out


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Image:
    tree = copy_tree("runner", tmp_path_factory.mktemp("runner") / "app")
    absent = modules_of("console", "demo", "test") - modules_of("runner") - {"componentize_py"}
    assert {"django", "channels", "psycopg"} <= absent
    return Image(tree, absent=absent | {"config", "audit"})


@pytest.fixture
def runner_command() -> list[str]:
    (entry,) = [words for words in stage("runner") if words[0] == "ENTRYPOINT"]
    python, *arguments = json.loads(" ".join(entry[1:]))
    assert python == "python"
    return [str(argument) for argument in arguments]


def test_the_runners_image_holds_wire_runner_and_redaction_alone(runner: Image):
    found = {path.relative_to(runner.tree).as_posix() for path in runner.tree.rglob("*.*")}
    wanted = {
        name
        for name in map(relative, repository_files())
        if name.startswith(("extdebug/wire/", "extdebug/runner/", "policies/redaction/"))
    } | {"extdebug/__init__.py", "policies/__init__.py"}
    assert found == wanted


def test_the_runners_image_imports_nothing_from_elsewhere(runner: Image):
    """The environment of the tests has the repository installed: it must not fill a hole."""
    program = (
        "import json, pkgutil, importlib, sys, extdebug, policies\n"
        "for package in (extdebug, policies):\n"
        "    for found in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        if not found.name.endswith('__main__'): importlib.import_module(found.name)\n"
        "ours = [m.__file__ for n, m in sys.modules.items() if n.partition('.')[0] in\n"
        "    ('extdebug', 'policies', 'config', 'audit')]\n"
        "print(json.dumps(ours))"
    )
    files = json.loads(runner.run("-c", program))
    assert len(files) > 30
    assert all(file.startswith(f"{runner.tree}/") for file in files), files


def test_the_runner_says_what_it_can(runner: Image, runner_command: list[str]):
    assert "wrap" in runner.run(*runner_command, "--help")


def test_the_runner_executes_a_component(runner: Image, runner_command: list[str]):
    out = runner.run(
        *runner_command, "run", str(build_guest()), *ARGUMENTS, "--url", "/sync",
        RUNNER_CACHE_DIR=str(default_cache()),  # compiled once for all tests
    )  # fmt: skip
    answer = json.loads(out)
    assert (answer["status"], answer["request_id"], answer["failed"]) == (200, "r-1", 0)


def test_the_runner_wraps_a_command(runner: Image, runner_command: list[str]):
    assert runner.run(*runner_command, "wrap", *ARGUMENTS, "--", "echo", "hello") == "hello\n"


def test_the_demo_image_has_its_guest_and_sends_it_requests(
    runner: Image, runner_command: list[str], tmp_path: Path
):
    builder = Image(copy_tree("guest", tmp_path / "app"), absent={"django", "config", "audit"})
    cache = str(default_cache())
    guest = builder.run(*runner_command, "build-guest", RUNNER_CACHE_DIR=cache).strip()
    (command,) = [words for words in stage("runner-demo") if words[0] == "CMD"]
    arguments = json.loads(" ".join(command[1:]))
    arguments[arguments.index("--component") + 1] = guest
    process = runner.start(*runner_command, "-v", *arguments, RUNNER_CACHE_DIR=cache)
    assert process.stderr is not None
    assert any("ext.stdout" in line for line in process.stderr)
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 0


TOKEN = "a-token-of-the-images-test"


@pytest.fixture
def served(runner: Image, runner_command: list[str]) -> Iterator[str]:
    (command,) = [words for words in stage("runner") if words[0] == "CMD"]
    port = free_port()
    process = runner.start(
        *runner_command, *json.loads(" ".join(command[1:])),
        RUNNER_PORT=str(port), RUNNER_AUTH_TOKEN=TOKEN,
    )  # fmt: skip
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    _, err = process.communicate(timeout=20)
    assert "Traceback" not in err


def test_the_runner_serves(served: str):
    def answers() -> bool:
        try:
            return httpx.get(f"{served}/healthz", timeout=2).is_success
        except httpx.TransportError:
            return False

    wait_until(answers, seconds=30, what="the runner of the image")
    metrics = httpx.get(f"{served}/metrics", headers={"x-runner-auth": TOKEN}, timeout=5)
    assert "runner_debug_emitted_total" in metrics.text


@pytest.mark.timeout(180)
def test_the_consoles_image_collects_its_static_files_and_checks_itself(tmp_path: Path):
    image = Image(
        copy_tree("console", tmp_path / "app"), absent=modules_of("runner") - modules_of("console")
    )
    settings = {
        "EXT_DEBUG_ENVIRONMENT": "development", "DATABASE_URL": "sqlite:///:memory:",
        "STATIC_HASHED": "true",
    }  # fmt: skip
    image.run("-W", "ignore", "manage.py", "collectstatic", "--no-input", **settings)
    assert (image.tree / "staticfiles/staticfiles.json").exists()
    image.run("-W", "ignore", "manage.py", "check", **settings)
