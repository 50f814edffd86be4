"""A variable, or its file, means one thing; whatever else it is, one line says so."""

from pathlib import Path

import pytest

from extdebug.wire.environment.kinds import Flag, Secret, Text
from extdebug.wire.environment.setting import MOST_BYTES, Environment, Setting
from tests.fixtures.settings import problems

KEY = Setting(name="KEY", kind=Secret(), default="", secret=True, meaning="a key")
WORD = Setting(name="WORD", kind=Text("a word", r"\w+"), default="none", meaning="a word")
ON = Setting(name="ON", kind=Flag(), default=True, meaning="a flag")


@pytest.mark.parametrize("value", ["$OTHER", r"\$OTHER", "a$b", "${OTHER}", "$$", "per%cent", "ü"])
def test_a_value_is_taken_as_it_stands(value: str):
    environment = Environment({"KEY": value, "OTHER": "not this"})
    assert environment.read(KEY) == value
    assert environment.problems == []


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_one_line_end_is_the_files_and_not_the_values(tmp_path: Path, end: str):
    file = tmp_path / "key"
    file.write_bytes(f"s$cret{end}".encode())
    assert Environment({"KEY_FILE": str(file)}).read(KEY) == "s$cret"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "expected a value in the file"),
        (b"\n", "expected a value in the file"),
        (b"a\n\n", "expected one line"),
        (b"a\nb", "expected one line"),
        (b"\na", "expected one line"),
        (b" a", "expected one line"),
        (b"\xff\xfe", "not UTF-8"),
        (b"x" * (MOST_BYTES + 1), f"expected at most {MOST_BYTES} bytes"),
    ],
)
def test_a_file_with_anything_but_one_value_is_refused(tmp_path: Path, content: bytes, said: str):
    file = tmp_path / "key"
    file.write_bytes(content)
    (line,) = problems(KEY, KEY_FILE=str(file))
    assert line.startswith("KEY")
    assert said in line
    assert "\n" not in line


@pytest.mark.parametrize("path", ["/does/not/exist", "/", "x\0y"])
def test_a_file_that_cannot_be_read_is_refused(path: str):
    (line,) = problems(KEY, KEY_FILE=path)
    assert line.startswith(f"KEY_FILE: expected a file to read, got {path!r}")


def test_a_variable_and_its_file_are_two_answers_and_refused(tmp_path: Path):
    (tmp_path / "key").write_text("same")
    assert problems(KEY, KEY="same", KEY_FILE=str(tmp_path / "key")) == [
        "KEY: expected one of KEY and KEY_FILE, got both"
    ]


def test_all_that_is_wrong_is_kept_and_the_default_stands_in():
    environment = Environment({"ON": "perhaps", "WORD": "two words"})
    assert environment.read_or(ON, default=False) is False
    assert environment.read(WORD) == "none"
    assert environment.problems == [
        "ON: expected yes, no, on, off, true, false, 1 or 0, got 'perhaps'",
        "WORD: expected a word, got 'two words'",
    ]


def test_a_long_value_is_shown_in_part():
    (line,) = problems(WORD, WORD="-" * 500)
    assert line == f"WORD: expected a word, got '{'-' * 60}…'"
