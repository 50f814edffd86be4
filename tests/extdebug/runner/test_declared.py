"""Every variable of the runner, set in every wrong way: one line with name, expected and got."""

import os
from pathlib import Path
from typing import Any

import pytest

from extdebug.runner.declared import DECLARED
from extdebug.wire.environment.setting import Setting
from tests.fixtures.settings import check_every_way, refused


@pytest.mark.parametrize("setting", DECLARED, ids=lambda each: each.name)
def test_a_variable_set_wrongly_is_said_in_one_line(setting: Setting[Any], tmp_path: Path):
    check_every_way(setting, tmp_path)


def test_all_that_is_wrong_is_said_at_once():
    command = ("-m", "extdebug.runner", "serve")
    lines = refused(DECLARED, *command, env={"PATH": os.environ["PATH"]})
    assert lines.keys() == {each.name for each in DECLARED}
