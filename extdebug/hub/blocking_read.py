"""The command of a tail's blocking read: packed once for the streams it names, sent many times.

How long it blocks is put in each time: reads of one process end together, by `wire/ticks.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from extdebug.streams.connection import Command, pack


class BlockingRead:
    """Reads `keys` by `group`, at the most `count` entries of each."""

    __slots__ = ("_head", "_parts", "_tail")

    def __init__(self, keys: Sequence[bytes], *, group: bytes, count: int) -> None:
        head: Command = ("XREADGROUP", "GROUP", group, "c", "COUNT", count)
        tail: Command = ("NOACK", "STREAMS", *keys, *[">"] * len(keys))
        self._parts = len(head) + len(tail)
        self._head, self._tail = _elements(pack(head)), _elements(pack(tail))

    def packed(self, block: float) -> bytes:
        """To be sent now: it waits for `block` seconds at the most, for none of them not at all."""
        if block <= 0:
            return b"*%d\r\n%b%b" % (self._parts, self._head, self._tail)
        ms = b"%d" % math.ceil(block * 1000)  # 0 were for ever
        blocking = b"$5\r\nBLOCK\r\n$%d\r\n%b\r\n" % (len(ms), ms)
        return b"*%d\r\n%b%b%b" % (self._parts + 2, self._head, blocking, self._tail)


def _elements(packed: bytes) -> bytes:
    """Without the line that says how many they are."""
    return packed[packed.index(b"\r\n") + 2 :]
