"""Every module is imported by this Python, warnings as errors, whatever else is tested of it.

tests/run asks that of each Python from 3.11 on that the machine has.
"""

from __future__ import annotations

import importlib
from typing import Final

import pytest

from tests.files import relative
from tests.test_mirror import PRODUCTION

MODULES: Final = sorted(
    relative(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    for path in PRODUCTION
    if path.stem != "__main__"  # to import it is to start a program
)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_imported(module: str):
    assert importlib.import_module(module).__name__ == module
