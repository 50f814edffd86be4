"""Which files the repository consists of, for the tests that read them all."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
# An image or an archive without .git: walk, but stay out of what no commit contains.
_NOT_OURS: Final = {".git", ".venv", ".cache", "var", "node_modules", "staticfiles", "build"}


@cache
def repository_files(*suffixes: str) -> tuple[Path, ...]:
    """Files under version control and new ones not ignored, sorted; all of them or by suffix."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        ).stdout.split("\0")  # fmt: skip
        paths = {ROOT / name for name in listed if name}
    else:
        paths = {
            path for path in ROOT.rglob("*") if not _NOT_OURS & set(path.relative_to(ROOT).parts)
        }
    return tuple(sorted(p for p in paths if p.is_file() and (not suffixes or p.suffix in suffixes)))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
