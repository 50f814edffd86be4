"""What the demo runs: the commands of its processes and the environment each of them gets."""

from __future__ import annotations

import os
import secrets
import shlex
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from extdebug.wire.environment.shared import STREAM_PREFIX
from extdebug.wire.keys import Keys, Target
from extdebug.wire.redis_clients import keys

# Modules that only the extra `demo` brings, and one of the console's own.
NEEDED: Final = ("fakeredis", "lupa", "uvicorn", "wasmtime", "componentize_py")
# Of the starting shell only what programs need to run at all: nothing of ours leaks through.
_INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "SYSTEMROOT")
TARGETS: Final = ("acme:inst-acme", "globex:inst-globex")
EXTENSION: Final = "invoice-sync"
JANITOR_SECONDS: Final = 30
_FIRST: Final = Target(TARGETS[0].partition(":")[0], EXTENSION)


def missing_modules() -> list[str]:
    return [name for name in NEEDED if find_spec(name) is None]


def secret(path: Path) -> str:
    """The secret kept in `path`, made on first use: signed-in people stay so over restarts."""
    try:
        return path.read_text()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        value = secrets.token_urlsafe(48)
        path.touch(mode=0o600)
        path.write_text(value)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One demo: its code, where it keeps things, where it listens, its Redis and environment."""

    root: Path
    folder: Path
    port: int
    redis_url: str
    environment: str
    reload: bool = False  # follow edits of templates, static files and the console's modules

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def first_stream(self) -> str:
        """Key of the stream whose page is opened first. Neither side is given another prefix."""
        return self._keys.of(_FIRST)

    @property
    def first_bucket(self) -> int | None:
        """Its bucket, on a cluster."""
        return self._keys.bucket(_FIRST)

    @property
    def _keys(self) -> Keys:
        return keys(self.redis_url, prefix=STREAM_PREFIX.default)

    def console_environment(self) -> dict[str, str]:
        """Of a process of the console. The demo has a database of its own: DATABASE_URL may point
        at something real."""
        return {**_inherited(), **self.settings()}

    def settings(self) -> dict[str, str]:
        """What makes a `manage.py` command one of this demo."""
        return {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": f"sqlite:///{self.folder / 'console.sqlite3'}",
            "REDIS_URL": self.redis_url,
            "SECRET_KEY": secret(self.folder / "secret-key"),
            "REDACTION_KEY": secret(self.folder / "redaction-key"),
            "METRICS_TOKEN": secret(self.folder / "metrics-token"),
            "EXT_DEBUG_ENVIRONMENT": self.environment,
            "DEBUG": "true" if self.reload else "false",
            "EXT_DEBUG_UI_ENABLED": "true",
            "EXT_DEBUG_ORIGINS": f"{self.address},http://localhost:{self.port}",
            "HTTPS_ONLY": "false",  # plain HTTP on the loopback
            "STATIC_HASHED": "false",
            "EMAIL_URL": f"filemail:///{self.folder / 'mail'}",
            "LOG_LEVEL": "WARNING",
        }

    def write_settings(self) -> Path:
        """The settings as a file for a shell to read, for commands beside the running demo."""
        lines = [f"export {name}={shlex.quote(value)}" for name, value in self.settings().items()]
        path = self.folder / "environment"
        path.touch(mode=0o600)  # it holds the secrets
        path.write_text("\n".join(lines) + "\n")
        return path

    def runner_environment(self) -> dict[str, str]:
        """A runner shares nothing with the console but Redis and the redaction key."""
        return {
            **_inherited(),
            "RUNNER_DEBUG_REDIS_URL": self.redis_url,
            "RUNNER_CACHE_DIR": str(self.root / ".cache" / "runner"),
            "RUNNER_DEBUG_LOCAL_LOG": "false",  # or the guests' lines would fill this terminal
            "REDACTION_KEY": secret(self.folder / "redaction-key"),
            "PYTHONUNBUFFERED": "1",
        }

    def manage(self, *arguments: str) -> list[str]:
        return [sys.executable, "-W", "ignore", str(self.root / "manage.py"), *arguments]

    def prepare(self) -> list[str]:
        return [sys.executable, "-m", "extdebug.demo.prepare"]

    def console(self) -> list[str]:
        arguments = ["serve", "--port", str(self.port), "--skip-checks"]
        return self.manage(*arguments, *(["--reload"] if self.reload else []))

    def janitor(self) -> list[str]:
        return self.manage("janitor", "--loop", str(JANITOR_SECONDS), "--skip-checks")

    def runner(self) -> list[str]:
        command = [sys.executable, "-m", "extdebug.runner", "demo", "--extension", EXTENSION]
        for target in TARGETS:
            command += ["--tenant-install", target]
        return command


def _inherited() -> dict[str, str]:
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}
