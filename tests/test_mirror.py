"""Each module of production code has its test file under its own name, in the same place."""

from typing import Final

import pytest

from tests.files import ROOT, relative, repository_files

# Folders that keep the rule; the rest of the house joins as its tests are moved.
KEPT: Final = (
    "config/", "extdebug/demo/", "extdebug/management/commands/", "extdebug/ops/",
    "extdebug/runner/http/", "extdebug/runner/wasm/",
)  # fmt: skip
ELSEWHERE: Final = {
    "config/urls.py": "one list; every test of a view goes through it",
    "config/formats/en/formats.py": "constants that Django's date formatting reads",
    "extdebug/management/commands/redis_acl.py": "tests/extdebug/streams/test_acl.py",
    "extdebug/management/commands/replay_stream.py": "tests/extdebug/transports/test_replay.py",
    "extdebug/runner/wasm/execution.py": "plain values without behaviour",
}


def _modules() -> list[str]:
    return [
        name
        for name in map(relative, repository_files(".py"))
        if name.startswith(KEPT) and not name.endswith("/__init__.py")
    ]


@pytest.mark.parametrize("name", _modules())
def test_a_module_has_its_test_file_under_its_own_name(name: str):
    folder, _, module = name.rpartition("/")
    test = ROOT / "tests" / folder / f"test_{module.strip('_')}"
    if name in ELSEWHERE:
        assert not test.exists(), "it has one now: take it off the list"
    else:
        assert test.exists(), f"write {relative(test)}, or say in ELSEWHERE why there is none"


def test_the_list_of_exceptions_names_modules_that_exist():
    assert ELSEWHERE.keys() <= set(_modules())
