"""The README's command installs tomorrow what was tested today: every package is pinned."""

import importlib.metadata
import re
import sys
import tomllib
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.files import ROOT

PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NAME: Final = canonicalize_name(PROJECT["name"])
# Not ours to pin: what a venv brings along.
VENV: Final = {"pip", "setuptools", "wheel"}


def _pins(requirements: list[str]) -> dict[str, Requirement]:
    parsed = [Requirement(text) for text in requirements]
    return {canonicalize_name(r.name): r for r in parsed if canonicalize_name(r.name) != NAME}


def _group(name: str) -> dict[str, Requirement]:
    """The pins of an extra with those of the extras it includes and of the project itself."""
    pins = _pins(PROJECT["dependencies"])
    texts = PROJECT["optional-dependencies"][name]
    pins.update(_pins(texts))
    for requirement in map(Requirement, texts):
        if canonicalize_name(requirement.name) == NAME:
            for extra in requirement.extras:
                pins.update(_group(extra))
    return pins


EXTRAS: Final = sorted(PROJECT["optional-dependencies"])


@pytest.mark.parametrize("extra", EXTRAS)
def test_every_requirement_is_pinned_to_one_version(extra: str):
    for name, requirement in _group(extra).items():
        assert re.fullmatch(r"==[\w.!+]+", str(requirement.specifier)), name


def test_what_is_installed_is_what_is_pinned():
    pins = _group("test")
    for name, requirement in pins.items():
        if requirement.marker and not requirement.marker.evaluate():
            continue
        version = importlib.metadata.version(name)
        assert requirement.specifier.contains(version, prereleases=True), f"{name} is {version}"


@pytest.mark.parametrize("extra", EXTRAS)
def test_transitive_packages_are_pinned_too(extra: str):
    """Walk what the installed packages require: nothing may float in from outside the list."""
    pins = _group(extra)
    seen: set[tuple[str, str]] = set()
    waiting = [(name, e) for name, r in pins.items() for e in ("", *r.extras)]
    while waiting:
        name, chosen = waiting.pop()
        if (name, chosen) in seen:
            continue
        seen.add((name, chosen))
        try:
            requires = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform or Python
        for requirement in map(Requirement, requires):
            if requirement.marker and not requirement.marker.evaluate({"extra": chosen}):
                continue
            required = canonicalize_name(requirement.name)
            assert required in pins, f"{name} requires {requirement.name}, which is not pinned"
            waiting += [(required, e) for e in ("", *requirement.extras)]


@pytest.mark.skipif(
    not sys.prefix.startswith(str(ROOT / ".cache")), reason="not the environment of tests/run"
)
def test_nothing_else_is_installed_in_the_test_environment():
    installed = {canonicalize_name(d.name) for d in importlib.metadata.distributions()}
    surplus = installed - set(_group("test")) - VENV - {NAME}
    assert not surplus, "imported without being declared? pin it"


def test_the_way_without_a_network_fetches_what_builds_the_project():
    """`pip download` does not take it along by itself, and pip would look for it online."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    page = (ROOT / "docs/deployment.md").read_text()
    (fetched,) = re.findall(r"pip download -d wheels '\.\[console\]' (.+)", page)
    assert fetched.split() == build


def test_the_project_cannot_be_uploaded_as_a_package_that_does_not_work():
    assert "Private :: Do Not Upload" in PROJECT["classifiers"]
