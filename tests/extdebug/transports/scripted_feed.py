"""A feed whose messages a test writes down, as much of one as SSE, polling and replay know."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import deque
from types import SimpleNamespace
from typing import Any

from extdebug.hub.pieces import Piece
from extdebug.hub.redacting_decoder import DecodedEntry
from extdebug.hub.selection import make_chunk
from extdebug.protocol.server_frames import StreamState
from extdebug.sessions.close_reasons import CloseReason
from extdebug.sessions.flow_control import FlowControl
from extdebug.sessions.session_frames import ControlFrame
from extdebug.wire.events import NO_ORIGIN, Event, Gap, Level, Output, encode_json
from extdebug.wire.positions import Cursor, EntryId


class ScriptedFeed:
    """Gives out what was scripted, in order, then nothing more; counts with a real FlowControl."""

    def __init__(self) -> None:
        self.flow = FlowControl(
            position=Cursor(EntryId(0, 0), 0), rev=0, events_per_second=0, bytes_per_second=0,
            window=1 << 30,
        )  # fmt: skip
        self.lease = SimpleNamespace(id="session-1")
        self.lifetime = SimpleNamespace(expires_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
        self.ttl = 600
        self.problem = ""
        self.ending: CloseReason | None = None
        self.ended = asyncio.Event()
        self.stuck = False
        self.state = "live"
        self.finishes: list[dict[str, Any]] = []
        self._script: deque[Any] = deque()
        self._written = asyncio.Event()
        self._next = 1

    def events(self, *messages: str) -> None:
        """One `events` message; entry ids are 1-0, 2-0, ..."""
        entries = [self._entry(message) for message in messages]
        self._add(("events", make_chunk(entries, range(len(entries)))))

    def withdraw(self) -> None:
        """What was not given out yet is not to be."""
        self._script.clear()

    def gap(self, gap: Gap) -> None:
        self._add(("gap", gap))

    def control(self, kind: str, data: bytes) -> None:
        self._add(ControlFrame(kind, data))

    def close(self, reason: CloseReason) -> None:
        self._add(reason)

    def end_of_range(self) -> None:
        """The status that says so."""
        self._add(StreamState.END_OF_RANGE)

    def end(self, reason: CloseReason) -> None:
        self.close(reason)

    @property
    def caught_up(self) -> bool:
        return not self._script

    async def next(self) -> Any:
        while not self._script:
            self._written.clear()
            await self._written.wait()
        match self._script.popleft():
            case ("events", chunk):
                piece = Piece(self._through(chunk.events[-1].id), chunk=chunk)
                return self.flow.show([chunk], [self.flow.accept(piece)], now=0.0)
            case ("gap", gap):
                return self.flow.tell(Piece(self.flow.position, gap=gap), now=0.0)
            case StreamState():
                self.state = "end_of_range"
                return ControlFrame("status", b'{"type":"status","state":"end_of_range"}')
            case message:
                return message

    def ack(self, seq: int) -> None:
        assert self.flow.ack(seq)

    async def finish(self, **how: Any) -> None:
        await asyncio.sleep(0)
        self.finishes.append(how)

    def _add(self, one: Any) -> None:
        self._script.append(one)
        self._written.set()

    def _entry(self, message: str) -> DecodedEntry:
        id = EntryId(self._next, 0)
        self._next += 1
        event = Event(
            ts="2026-01-01T00:00:00.000Z", level=Level.INFO, stream=Output.LOG, message=message,
            id=str(id),
        )  # fmt: skip
        return DecodedEntry(id, event, NO_ORIGIN, encode_json(event))

    @staticmethod
    def _through(id: EntryId) -> Cursor:
        return Cursor(id, id.ms)
