"""What several of the client's frames consist of: bounded texts, places, a range and its speed."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final, Literal

import msgspec

from extdebug.wire.events import read_ts
from extdebug.wire.positions import MOST_CURSOR, BadCursor, Cursor, Span, Start

MAX_TAIL: Final = 20_000  # the whole of a stream at the default MAXLEN
SLOWEST: Final = 0.1  # `speed`: times as fast as the lines came
FASTEST: Final = 100.0
_SAFE_INTEGER: Final = 2**53 - 1  # what a JavaScript client can count to

Small = Annotated[str, msgspec.Meta(max_length=64)]
CursorText = Annotated[str, msgspec.Meta(max_length=MOST_CURSOR)]
Count = Annotated[int, msgspec.Meta(ge=0, le=_SAFE_INTEGER)]


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a client's frame; unknown fields are refused."""


class ClientFrame(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", rename="camel"
):
    """A client's frame; its `type` chooses the class, unknown fields are refused."""


class From(Strict, frozen=True):
    """Where reading begins: exactly one of the three."""

    tail: Annotated[int, msgspec.Meta(ge=0, le=MAX_TAIL)] | None = None
    cursor: CursorText | None = None
    time: Small | None = None

    def __post_init__(self) -> None:
        if sum(part is not None for part in (self.tail, self.cursor, self.time)) != 1:
            raise ValueError("expected exactly one of tail, cursor, time")
        self.start()

    def start(self) -> Start:
        """The place, parsed; ValueError, which refuses the frame, for a bad cursor or time."""
        if self.cursor is not None:
            try:
                return Start(cursor=Cursor.parse(self.cursor))
            except BadCursor as error:
                raise ValueError(f"cursor: {error}") from None
        if self.time is not None:
            return Start(since_ms=moment_of("time", self.time))
        return Start(tail=self.tail)


def moment_of(name: str, text: str) -> int:
    """ISO 8601 as milliseconds since 1970; ValueError, which refuses the frame, for other text."""
    moment = read_ts(text)
    if moment is None:
        raise ValueError(f"{name}: expected ISO 8601, got {text!r}")
    return max(0, round(dt.datetime.fromisoformat(moment).timestamp() * 1000))


def start_at(place: From | str) -> Start:
    """A frame's `from`, parsed: "now" is a tail of 0."""
    return Start(tail=0) if isinstance(place, str) else place.start()


class Played(ClientFrame, frozen=True):
    """A frame that says from where to read, until when, and how fast."""

    from_: From | Literal["now"] | None = msgspec.field(name="from", default=None)
    until: Small | None = None
    speed: Annotated[float, msgspec.Meta(ge=SLOWEST, le=FASTEST)] | None = None

    def __post_init__(self) -> None:
        until, place = self.span.until_ms, self.from_
        since = place.start().since_ms if isinstance(place, From) else None
        if until is not None and since is not None and until <= since:
            raise ValueError(f"until: expected a time after from, got {self.until!r}")

    @property
    def span(self) -> Span:
        """`until` and `speed`, parsed; neither outlasts the frame that names it."""
        return Span(None if self.until is None else moment_of("until", self.until), self.speed)
