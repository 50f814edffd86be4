"""The tables of docs/configuration.md are those of the declared settings."""

import subprocess
import sys
from pathlib import Path

import pytest

from config.settings_table import default_of, table, with_tables
from extdebug.wire.environment.kinds import Flag, Secret
from extdebug.wire.environment.setting import Setting
from tests.files import ROOT

DOCUMENT = ROOT / "docs/configuration.md"


def test_the_document_is_as_written_from_the_settings(tmp_path: Path):
    copy = tmp_path / "configuration.md"
    copy.write_text(DOCUMENT.read_text().replace("900", "901"))
    subprocess.run([sys.executable, "-m", "config.settings_table", str(copy)], cwd=ROOT, check=True)
    assert copy.read_text() == DOCUMENT.read_text(), (
        "run: python -m config.settings_table docs/configuration.md"
    )


def test_a_row_says_what_is_expected_and_that_it_is_secret():
    key = Setting(name="KEY", kind=Secret(8), default="", secret=True, meaning="a key")
    assert table([key]).splitlines()[-1] == (
        "| `KEY` | at least 8 random characters (secret) | none | a key |"
    )


@pytest.mark.parametrize(
    ("default", "words"), [(True, "on"), (False, "off"), (None, "none"), ((), "none")]
)
def test_a_default_is_said_in_words(default: object, words: str):
    assert default_of(Setting[object](name="A", kind=Flag(), default=default, meaning="")) == words


def test_a_document_without_its_markers_is_refused():
    with pytest.raises(ValueError, match="settings: console"):
        with_tables("# Configuration\n")
