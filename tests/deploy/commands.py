"""Whether settings and command lines of a deploy file are ones that the product has."""

from __future__ import annotations

import importlib.util
import shlex
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.core.management import get_commands, load_command_class

import config.declared
import extdebug.runner.declared
from extdebug.runner.__main__ import _parser
from extdebug.wire.environment.kinds import Folder
from extdebug.wire.environment.setting import Environment, Setting
from tests.fixtures.dockerfile import program

# Which settings the program of an image reads.
SIDES: Final[dict[str, dict[str, Setting[Any]]]] = {
    "console": {each.name: each for each in config.declared.DECLARED},
    "runner": {each.name: each for each in extdebug.runner.declared.DECLARED},
}
SIDES["runner-demo"] = SIDES["runner"]


def problems_of(variables: Mapping[str, str], *, image: str, mounted: Iterable[str]) -> list[str]:
    """What is wrong with the environment of a container. `mounted`: what stands in its tree."""
    known, there = SIDES[image], set(mounted)
    found: list[str] = []
    for name, value in variables.items():
        file = known.get(name.removesuffix("_FILE")) if name.endswith("_FILE") else None
        setting = known.get(name)
        if setting is not None and isinstance(setting.kind, Folder):
            found += [] if value in there else [f"{name}: {value} is not mounted"]
        elif setting is not None:
            environment = Environment({name: value})
            environment.read(setting)
            found += environment.problems
            found += [f"{name}: a secret stands in the open"] if setting.secret else []
        elif file is not None:
            found += [] if value in there else [f"{name}: {value} is not mounted"]
        else:
            found.append(f"{name}: no setting of {image}")
    return found


def check_command(words: list[str], *, image: str) -> None:
    """Of a container that is given none the image's own. AssertionError unless it can be run."""
    line = words or program(image)
    if line[:2] == ["sh", "-c"]:
        for part in line[2].split(" && "):
            check_command(shlex.split(part), image=image)
        return
    assert line[0] == "python", line
    if line[1] == "manage.py":
        name, *arguments = line[2:]
        app: Any = get_commands()[name]
        load_command_class(app, name).create_parser("manage.py", name).parse_args(arguments)
        return
    assert line[1] == "-m"
    assert importlib.util.find_spec(line[2]) is not None, line
    if line[2] == "extdebug.runner":
        _parser().parse_args(line[3:])
