"""Guests are built once for each source and world, and what the compiler says is passed on."""

import subprocess
import sys
from pathlib import Path

import pytest

from extdebug.runner.wasm import build
from extdebug.runner.wasm.build import OUR_WORLD, PLATFORM_WORLD, BuildError, build_guest
from tests.extdebug.runner.test_main import RUNNER, environment
from tests.fixtures.runner import GUESTS


def test_what_was_built_before_is_found_without_a_word():
    build_guest()
    said: list[str] = []
    path = build_guest(progress=said.append)
    assert path.read_bytes().startswith(b"\0asm")
    assert said == []


def test_the_command_builds_a_guest_of_either_world():
    """Both are in the cache already: the fixtures use them."""
    for source, world in (("every_import.py.txt", PLATFORM_WORLD), ("edges.py.txt", OUR_WORLD)):
        expected = build_guest(GUESTS / source, world=world)
        done = subprocess.run(
            [*RUNNER, "build-guest", str(GUESTS / source), "--world", world],
            env=environment(), capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        assert done.stdout == f"{expected}\n"


def test_another_source_or_world_is_another_guest(tmp_path: Path):
    digests = {
        build._digest(data, world) for data in (b"a", b"b") for world in (OUR_WORLD, PLATFORM_WORLD)
    }
    assert len(digests) == 4


def test_of_two_builds_at_once_the_first_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Their bytes differ, and whoever loaded the first knows it by them."""
    source = tmp_path / "guest.py"
    source.write_text("")
    firsts: list[Path] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        Path(command[-1]).write_bytes(b"ours")
        name = f"guest-{build._digest(b'', OUR_WORLD)}.wasm"
        firsts.append(tmp_path / "cache" / "guests" / name)
        firsts[0].write_bytes(b"theirs")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    path = build_guest(source, cache=tmp_path / "cache")
    assert path == firsts[0]
    assert path.read_bytes() == b"theirs"
    assert list(path.parent.iterdir()) == [path]


def test_what_the_compiler_says_is_passed_on_and_nothing_half_built_stays(tmp_path: Path):
    """An unknown world fails at once; a source with an error would, too, after half a minute."""
    source = tmp_path / "guest.py"
    source.write_text("")
    with pytest.raises(BuildError, match=r"could not build .*guest\.py: (?s:.*)no-such-world"):
        build_guest(source, world="ext-debug:guest/no-such-world", cache=tmp_path / "cache")
    assert list((tmp_path / "cache" / "guests").iterdir()) == []


def test_a_source_that_is_not_there_is_one_line(tmp_path: Path):
    done = subprocess.run(
        [*RUNNER, "build-guest", str(tmp_path / "none.py")],
        env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == f"{tmp_path / 'none.py'}: No such file or directory\n"


def test_without_the_compiler_it_says_what_to_install(tmp_path: Path):
    program = (
        "import importlib.metadata as m, sys\n"
        "def missing(name): raise m.PackageNotFoundError(name)\n"
        "m.version = missing\n"
        "from extdebug.runner.__main__ import main\n"
        "sys.exit(main(['build-guest']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "pip install -e '.[demo]'" in done.stderr
