"""What our server offers a WebSocket beside ASGI: text frames in parts, and text heard at once.

ASGI takes a frame as one text, so that what a thousand sessions share is joined, copied and encoded
for each of them, and hands over what a client said through a queue and a task. With the extension
shared bytes stay where they are. Another server (Daphne, Granian) does not offer it, and the
session sends and receives in the plain way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from extdebug.wire.light_waits import Gate

NAME: Final = "ext-debug.frames"  # in the scope's `extensions`


class FrameExtension(Protocol):
    """One connection's. Where there is one, a `receive` that is cancelled takes nothing along: what
    it would have given waits for the next."""

    @property
    def writable(self) -> Gate:
        """Whether the client takes what is written now."""

    def write_text(self, parts: Sequence[bytes]) -> bool:
        """Send a text frame of these parts of UTF-8; False, and nothing was sent, when the plain
        `send` has to be asked: it waits for a client that reads slowly, and knows what is wrong."""

    def write_texts(self, frames: Sequence[Sequence[bytes]]) -> bool:
        """The same for several frames in one write: all of them, or none."""

    def hear(self, heard: Callable[[bytes], bool] | None) -> None:
        """Ask `heard` about each short text before it is queued; True: it need not be queued.

        It is asked in the client's order: while something is queued, nothing overtakes it.
        """

    def forget_request(self) -> None:
        """The handshake is over, and nobody will ask for its headers any more: 5 KB of 35."""


def of(scope: dict[str, Any]) -> FrameExtension | None:
    """The connection's, where the server has it."""
    extension: FrameExtension | None = (scope.get("extensions") or {}).get(NAME)
    return extension
