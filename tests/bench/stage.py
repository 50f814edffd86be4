"""What every server of a run stands on: Redis, a database with the cast and people who watch.

The limits of sessions are lifted: they would end a bench that opens thousands of them.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
import redis

from tests.bench.processes import (
    ELSE,
    SERVER,
    cpu_seconds,
    memory_mb,
    pinned,
    precise_cpu_seconds,
    running,
)
from tests.files import ROOT
from tests.fixtures.programs import free_port, redis_program, wait_until

TENANT: Final = "acme"
EXTENSION: Final = "invoice-sync"
STREAM: Final = f"ext-debug:{TENANT}:{EXTENSION}"
_DIRECTORY: Final = "from tests.bench import directory; directory."


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody signed in, and a stream that they may watch."""

    cookie: str
    tenant: str
    extension: str


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where it listens and which process it is."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.pid)

    def memory_mb(self) -> float:
        return memory_mb(self.pid)


class Stage:
    """The services of one run; `close` ends them.

    The database is SQLite in `folder` unless there is a `database_url`; `settings` are variables of
    the console's environment; `people` is the call of directory.py that fills the database.
    """

    def __init__(
        self,
        folder: Path,
        *,
        database_url: str = "",
        settings: Mapping[str, str] | None = None,
        people: str = "print_people()",
    ) -> None:
        self.folder = folder
        self._log = folder / "console.log"
        self._call = people
        self.database_url = database_url or f"sqlite:///{folder / 'bench.sqlite3'}"
        self.redis_port = free_port()
        self.redis_url = f"redis://127.0.0.1:{self.redis_port}/0"
        command = [redis_program(), "--port", str(self.redis_port), "--bind", "127.0.0.1"]
        self._redis = pinned(ELSE, [*command, "--save", ""], stdout=subprocess.DEVNULL)
        try:
            wait_until(self._redis_answers, what="redis-server")
            self.environment = {
                **os.environ,
                "EXT_DEBUG_ENVIRONMENT": "development",
                "DATABASE_URL": self.database_url,
                **(settings or {}),
                "REDIS_URL": self.redis_url,
                "LOG_LEVEL": "WARNING",
                "PYTHONPATH": str(ROOT),
            }
        except BaseException:
            self.close()
            raise

    @cached_property
    def people(self) -> list[Person]:
        """Who is signed in; the first call lays out the database."""
        self.manage("migrate", "-v", "0")
        return [Person(*one) for one in self._laid_out(self._call)]

    def extensions(self, count: int, *, prefix: str = "extension") -> list[str]:
        """Keys of new extensions, each developed by the person of the same place in `people`."""
        assert self.people
        return self._laid_out(f"print_extensions({count}, prefix={prefix!r}, tenant={TENANT!r})")

    def _laid_out(self, call: str) -> list[Any]:
        printed = self.manage("shell", "-v", "0", "-c", _DIRECTORY + call)
        found: list[Any] = json.loads(printed.strip().splitlines()[-1])
        return found

    def close(self) -> None:
        self._redis.terminate()
        self._redis.wait(10)

    def _redis_answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def client(self) -> redis.Redis:
        """A new client of the run's Redis; the caller closes it."""
        return redis.Redis.from_url(self.redis_url)

    def redis_cpu_seconds(self) -> float:
        return precise_cpu_seconds(self._redis.pid)

    def manage(self, *arguments: str) -> str:
        """What `manage.py` with these arguments prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.environment,
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def sql(self, statement: str) -> None:
        """Plain SQL, past every line of the console's code."""
        if self.database_url.startswith("sqlite"):
            with closing(sqlite3.connect(self.folder / "bench.sqlite3", timeout=20)) as connection:
                connection.execute(statement)
                connection.commit()
        else:
            with psycopg.connect(self.database_url) as connection:  # as the owner of the tables
                connection.execute(statement.encode())

    @contextmanager
    def console(self) -> Iterator[Server]:
        """The console as `manage.py serve` runs it, on the server's core."""
        assert self.people  # the database is laid out
        port = free_port()
        environment = {**self.environment, "EXT_DEBUG_ORIGINS": f"http://127.0.0.1:{port}"}
        command = [sys.executable, "manage.py", "serve", "--port", str(port)]
        with (
            self._log.open("ab") as log,
            running(SERVER, command, cwd=ROOT, env=environment, stdout=log, stderr=log) as process,
        ):
            wait_until(lambda: _answers(port, process), seconds=60, what="the console answers")
            assert process.poll() is None, self._log.read_text()[-1000:]
            yield Server(port, process.pid)


def _answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    """Whether it does, or never will."""
    if process.poll() is not None:
        return True
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=2).status_code == 200
    except httpx.TransportError:
        return False
