"""A guest that prints numbered lines in a real runner, and what of them became an entry."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.faults.oracle import Written
from tests.faults.traffic import KEY
from tests.fixtures.console import ROOT
from tests.fixtures.redis import RedisServer

# 200 lines a second until the file is there; then it says how many there were.
GUEST = """
import pathlib, sys, time
stop, n = pathlib.Path(sys.argv[1]), 0
while not stop.exists():
    n += 1
    print(sys.argv[3], n, *sys.argv[4:], flush=True)
    time.sleep(0.005)
pathlib.Path(sys.argv[2]).write_text(str(n))
"""


class Guest:
    """A real runner around a guest that prints numbered lines."""

    def __init__(self, folder: Path, *, name: str = "guest", says: str = "") -> None:
        """`says` stands behind the number of each line."""
        self._words = [name, *filter(None, [says])]
        self._stop, self._count = folder / f"stop-{name}", folder / f"count-{name}"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, environment: Mapping[str, str]) -> Guest:
        own = {"PATH": os.environ["PATH"], "RUNNER_DEBUG_LOCAL_LOG": "no"}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "extdebug.runner", "wrap", "--tenant", "acme", "--extension",
            "invoice-sync", "--install", "inst-acme", "--",
            sys.executable, "-c", GUEST, str(self._stop), str(self._count), *self._words,
            cwd=ROOT, env={**own, **environment}, stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        return self

    async def stop(self) -> int:
        """Let it flush and end; how many lines there were."""
        assert self._process is not None
        self._stop.touch()
        async with asyncio.timeout(20):
            assert await self._process.wait() == 0
        return int(self._count.read_text())

    def close(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()


def written(
    server: RedisServer, count: int, *, key: str = KEY, name: str = "guest"
) -> list[Written]:
    """Every number of the guest, with its entry's id where the server that is left has it."""
    with server.client() as client:
        rows = client.xrange(key)
    ids = {
        int(words[1]): id.decode()
        for id, fields in rows
        if (words := fields[b"message"].split())[:1] == [name.encode()]
    }
    return [Written(name, n, ids.get(n)) for n in range(1, count + 1)]
