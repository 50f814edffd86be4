"""The workers of one `serve --workers N` tell each other their figures, over Unix sockets.

Each has the lowest number that no living worker has: its lock is the kernel's, which lets go of it
however the process ends. Whichever worker is asked for metrics asks all of them.
"""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

# A worker that takes longer is busy beyond use, or hangs: its figures are missing from the answer.
ANSWER_WITHIN: Final = 1.0  # s
LARGEST: Final = 16 * 2**20  # bytes of one worker's figures


class Siblings:
    """This worker's number among its siblings, and what they say of themselves."""

    def __init__(self, folder: Path, *, number: int, lock: int) -> None:
        self.number = number
        self._folder = folder
        self._lock = lock  # held as long as the process lives
        self._server: asyncio.Server | None = None

    @classmethod
    def join(cls, folder: Path) -> Self:
        """Take the lowest free number in the folder."""
        for number in itertools.count():
            lock = os.open(folder / f"{number}.lock", os.O_CREAT | os.O_RDWR, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
            else:
                return cls(folder, number=number, lock=lock)
        raise AssertionError("itertools.count() ended")

    async def answer(self, figures: Callable[[], bytes]) -> None:
        """From now on tell whichever sibling asks."""

        async def tell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError):  # whoever asked has gone
                writer.write(figures())
                await writer.drain()
            writer.close()

        path = self._folder / f"{self.number}.sock"
        path.unlink(missing_ok=True)  # of a worker that was killed
        self._server = await asyncio.start_unix_server(tell, path)

    async def ask(self) -> Mapping[int, bytes]:
        """The figures of all that answer, this one included, by number."""
        paths = sorted(self._folder.glob("*.sock"), key=lambda path: int(path.stem))
        said = await asyncio.gather(*(_read(path) for path in paths))
        return {
            int(path.stem): text for path, text in zip(paths, said, strict=True) if text is not None
        }

    def leave(self) -> None:
        """Answer no more, and let the number go."""
        if self._server is not None:
            self._server.close()
            (self._folder / f"{self.number}.sock").unlink(missing_ok=True)
        os.close(self._lock)


async def _read(path: Path) -> bytes | None:
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                text = await reader.read(LARGEST)
                while part := await reader.read(LARGEST):
                    text += part
                return text
            finally:
                writer.close()
    except OSError:  # TimeoutError is one
        return None
