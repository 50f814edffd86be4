"""docs/architecture.md: each step of the two journeys names what is there, and is counted right."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.files import ROOT, relative

PAGE: Final = ROOT / "docs" / "architecture.md"
JOURNEYS: Final = ("print to pixel", "click to end")
_HEAD: Final = re.compile(r"\[[^]]+\]\((?P<file>[^)]+)\)(?P<names>(?: `[\w.]+`,?)+)")


class Step(NamedTuple):
    """The module where a step's work is done, and the functions it names in it."""

    journey: str
    number: int
    file: Path
    names: tuple[str, ...]

    @property
    def folder(self) -> str:
        return relative(self.file.parent)


def section(journey: str) -> str:
    return PAGE.read_text().split(f"<!-- journey: {journey} -->\n")[1].split("\n## ")[0]


def steps(journey: str) -> Iterator[Step]:
    text = section(journey).split("\n\nFolders:")[0]
    for number, step in enumerate(re.split(r"^\d+\. ", text, flags=re.MULTILINE)[1:], start=1):
        flat = re.sub(r"\s+", " ", step)
        head = _HEAD.match(flat)
        assert head is not None, f"{journey} {number}: a link to a module and a function in it"
        names = tuple(re.findall(r"`([\w.]+)`", head["names"]))
        yield Step(journey, number, (PAGE.parent / head["file"]).resolve(), names)


STEPS: Final = [step for journey in JOURNEYS for step in steps(journey)]


def defined(file: Path) -> set[str]:
    """Functions, classes and methods (as Class.method) of a Python or JavaScript module."""
    source = file.read_text()
    if file.suffix == ".js":
        return set(re.findall(r"^ *(?:export )?(?:function )?(\w+)\(.*\{$", source, re.MULTILINE))
    found: set[str] = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}.{item.name}"
                for item in node.body
                if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
            }
    return found


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step.journey} {step.number}")
def test_a_step_names_functions_that_its_module_has(step: Step):
    assert set(step.names) <= defined(step.file), f"not all of it is in {relative(step.file)}"


@pytest.mark.parametrize("journey", JOURNEYS)
def test_the_folders_and_the_returns_are_counted(journey: str):
    said = re.search(r"Folders: (\d+)\. Returns to a folder already left: (\d+)", section(journey))
    assert said is not None
    order = [step.folder for step in STEPS if step.journey == journey]
    entered = [folder for i, folder in enumerate(order) if i == 0 or order[i - 1] != folder]

    assert (int(said[1]), int(said[2])) == (len(set(entered)), len(entered) - len(set(entered)))


def test_a_journey_is_long_enough_to_be_one():
    assert all(sum(step.journey == journey for step in STEPS) >= 10 for journey in JOURNEYS)
