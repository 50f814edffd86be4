"""Rust guests for the tests: a compiler with a WASI target, from here or from Debian's packages.

Rust's own installer is not asked: a machine that tests may reach package registries alone. The
packages are unpacked into the runner's cache, so no root is needed and nothing is installed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.extdebug.runner.javascript import adapt_module
from tests.fixtures.npm import cache

TARGETS: Final = ("wasm32-wasip1", "wasm32-wasi")  # the same target's new and old name
_WASM_STD: Final = "libstd-rust-dev-wasm32"
# What the compiler needs besides: its libraries, and the linker of the same LLVM.
_NEEDED: Final = re.compile(r"(?:libstd-rust-[0-9.]+|libllvm[0-9.]+)")


class NoToolchain(Exception):
    """No compiler for WASI is here, and none can be had; the message says what was tried."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    command: tuple[str, ...]
    target: str
    environment: dict[str, str] = field(default_factory=dict)


def build_rust(source: Path) -> Path:
    """The component of a guest in Rust, cached by its content.

    Skips the test where no toolchain can be had, in CI as well; with one, a failure is a failure.
    """
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    module = cache() / "guests" / f"{source.stem}-rust-{digest}.module"
    if not module.exists():
        try:
            tools = find_toolchain()
        except NoToolchain as error:
            pytest.skip(f"no guest in Rust was tried: {error}")
        module.parent.mkdir(parents=True, exist_ok=True)
        built = module.with_suffix(f".{os.getpid()}")
        _run(
            *tools.command, "--target", tools.target, "--crate-type", "cdylib",
            "-C", "opt-level=2", "-C", "strip=symbols", str(source), "-o", str(built),
            environment=tools.environment,
        )  # fmt: skip
        built.replace(module)
    return adapt_module(module)


def find_toolchain() -> Toolchain:
    """The `rustc` on PATH if it has a WASI target, else Debian's; NoToolchain."""
    rustc = shutil.which("rustc")
    tried = "there is no rustc on PATH"
    if rustc is not None:
        try:
            target = _target_of(Path(_run(rustc, "--print", "sysroot").strip()))
        except _Failed as error:
            tried = str(error)
        else:
            if target is not None:
                return Toolchain((rustc,), target)
            tried = f"{rustc} has none of the targets {', '.join(TARGETS)}"
    try:
        return _of_debian()
    except NoToolchain as error:
        raise NoToolchain(f"{tried}; {error}") from None


def _target_of(sysroot: Path) -> str | None:
    return next((one for one in TARGETS if (sysroot / "lib/rustlib" / one / "lib").is_dir()), None)


def _of_debian() -> Toolchain:
    root = cache() / "rust-of-debian"
    if not root.exists():
        _unpack(root)
    sysroot = root / "usr"
    target = _target_of(sysroot)
    linker = next(sysroot.glob("bin/rust-lld"), None) or next(sysroot.glob("bin/wasm-ld*"), None)
    if target is None or linker is None:
        raise NoToolchain(f"Debian's {_WASM_STD} holds none of the targets {', '.join(TARGETS)}")
    libraries = ":".join(map(str, sysroot.glob("lib/*-linux-gnu")))
    command = (str(sysroot / "bin/rustc"), "--sysroot", str(sysroot), "-C", f"linker={linker}")
    return Toolchain(command, target, {"LD_LIBRARY_PATH": libraries})


def _unpack(root: Path) -> None:
    """Download the packages and unpack them into `root`, all of them or nothing."""
    missing = [name for name in ("apt-get", "apt-cache", "dpkg") if shutil.which(name) is None]
    if missing:
        raise NoToolchain(f"no {', '.join(missing)} to get Debian's packages with")
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root.parent) as scratch:
        folder = Path(scratch)
        own = _own_lists(folder / "apt")
        try:
            options: tuple[str, ...] = ()
            if "Candidate: " not in _run("apt-cache", "policy", _WASM_STD):
                options = own  # a container's lists are empty
                _run("apt-get", *options, "update")
            packages = _packages(options)
            _run("apt-get", *options, "download", *packages, folder=folder)
        except _Failed as error:
            raise NoToolchain(f"Debian's packages cannot be had: {error}") from None
        for package in folder.glob("*.deb"):
            _run("dpkg", "-x", str(package), str(folder / "root"))
        shutil.rmtree(folder / "root/usr/share", ignore_errors=True)
        (folder / "root").rename(root)


def _own_lists(state: Path) -> tuple[str, ...]:
    """Options with which apt keeps lists of its own and needs no root."""
    for part in ("lists/partial", "archives/partial"):
        (state / part).mkdir(parents=True)
    return (
        "-o", f"Dir::State::lists={state / 'lists'}", "-o", f"Dir::Cache={state}",
        "-o", "APT::Sandbox::User=root",
    )  # fmt: skip


def _packages(options: tuple[str, ...]) -> list[str]:
    told = _run(
        "apt-cache", *options, "depends", "--recurse", "--no-recommends", "--no-suggests",
        "--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances", "rustc",
    )  # fmt: skip
    names = set(told.split())
    needed = sorted(name for name in names if _NEEDED.fullmatch(name))
    linkers = [f"lld-{name.removeprefix('libllvm')}" for name in needed if "llvm" in name]
    return ["rustc", _WASM_STD, *needed, *linkers]


class _Failed(AssertionError):
    """A command failed; the last line of what it said."""


def _run(
    *command: str, folder: Path | None = None, environment: dict[str, str] | None = None
) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, **(environment or {})},
    )  # fmt: skip
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-1500:]
        raise _Failed(f"{' '.join(command[:2])}: {said}")
    return done.stdout
