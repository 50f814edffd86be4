"""Events and stated losses as XADD commands, ready for the socket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import hiredis
import msgspec

from extdebug.runner.publish.lane import LaneLoss, Stream
from extdebug.wire.entries import to_entry
from extdebug.wire.events import Event, Level, Origin, Output, iso
from extdebug.wire.keys import add_args

MOST_WHY: Final = 128  # characters; readers cut the reason there


class Packed(msgspec.Struct, gc=False):
    """One event's XADD. `src` is the numbering that its event belongs to."""

    command: bytes
    src: str | None


def pack(key: str, entry: Sequence[str | bytes], *, src: str | None, maxlen: int) -> Packed:
    args: Any = add_args(key, entry, maxlen=maxlen)  # hiredis' stub knows no variadic tuple
    return Packed(hiredis.pack_command(args), src)


def lost_entry(stream: Stream, lost: LaneLoss, *, now_ms: int) -> list[str | bytes]:
    """The marker of a loss: no number of its own, it explains the hole in the numbers."""
    why = ",".join(f"{cause}:{count}" for cause, count in sorted(lost.causes.items()))
    event = Event(
        ts=iso(now_ms),
        level=Level.WARN,
        stream=Output.LOG,
        message=f"{lost.count} events dropped by the runner: {why}",
        tenant_id=stream[0],
        extension_id=stream[1],
    )
    return to_entry(event, Origin(src=lost.src, lost=lost.count, why=why[:MOST_WHY]))
