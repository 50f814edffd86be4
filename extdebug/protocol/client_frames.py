"""Strict reading of the client's frames of `ext-debug.v1`.

No I/O; server_frames.py writes the server's side. docs/ext-debug.v1.asyncapi.yaml describes the
same frames and a test holds them together. Everything a client sends is bounded here in type,
size, depth and range, because nothing behind this module checks that again.
"""

from __future__ import annotations

import datetime as dt
import re
from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec

from extdebug.filters.filter import FilterParts
from extdebug.filters.query import MAX_INSTALLS, MAX_QUERY
from extdebug.wire.events import Level, Output, read_ts
from extdebug.wire.positions import MOST_CURSOR, BadCursor, Cursor, Start

VERSION: Final = "ext-debug.v1"
MAX_FRAME_BYTES: Final = 16 * 1024  # the largest legal frame is a filter with 64 installs: ~8 KiB
DEFAULT_TAIL: Final = 200
MAX_TAIL: Final = 20_000  # the whole of a stream at the default MAXLEN
MAX_PAGE: Final = 1_000  # events of one `page`
_SAFE_INTEGER: Final = 2**53 - 1  # what a JavaScript client can count to
_SHOWN: Final = 300  # characters of a message that may quote what the client sent

_Small = Annotated[str, msgspec.Meta(max_length=64)]
_CursorText = Annotated[str, msgspec.Meta(max_length=MOST_CURSOR)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=_SAFE_INTEGER)]


class ErrorCode(StrEnum):
    """The `code` of an `error` frame. The session goes on after each of them."""

    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    UNKNOWN_TYPE = "unknown_type"
    BAD_MESSAGE = "bad_message"
    BAD_FILTER = "bad_filter"
    OUT_OF_PLACE = "out_of_place"  # a second subscribe, an ack of what was never sent
    TOO_FAST = "too_fast"
    NOT_EXTENDABLE = "not_extendable"
    UNAVAILABLE = "unavailable"  # this request could not be served now; ask again


class ProtocolError(ValueError):
    """A frame that breaks the protocol. `position` is a byte offset in the frame, if known."""

    def __init__(self, code: ErrorCode, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.position = position


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a client's frame; unknown fields are refused."""


class _ClientFrame(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", rename="camel"
):
    """A client's frame; its `type` chooses the class, unknown fields are refused."""


class TargetSpec(_Strict, frozen=True):
    """What to watch, as the client spelled it. Without `tenant` the only possible one is taken."""

    extension: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    tenant: _Small | None = None


class FilterSpec(_Strict, frozen=True):
    """The client's filter, types and sizes checked; `Filter.parse(spec.parts())` does the rest."""

    rev: _Count = 0
    installs: Annotated[tuple[_Small, ...], msgspec.Meta(max_length=MAX_INSTALLS)] = ()
    request: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    streams: Annotated[tuple[Output, ...], msgspec.Meta(max_length=len(Output))] = ()
    level: Level | None = None
    q: Annotated[str, msgspec.Meta(max_length=MAX_QUERY)] = ""

    def parts(self) -> FilterParts:
        """What the filter selects: everything but `rev`, the number the client gave it."""
        return {
            "installs": self.installs,
            "request": self.request,
            "streams": self.streams,
            "level": self.level,
            "q": self.q,
        }


class _From(_Strict, frozen=True):
    tail: Annotated[int, msgspec.Meta(ge=0, le=MAX_TAIL)] | None = None
    cursor: _CursorText | None = None
    time: _Small | None = None

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
            moment = read_ts(self.time)
            if moment is None:
                raise ValueError(f"time: expected ISO 8601, got {self.time!r}")
            stamp = dt.datetime.fromisoformat(moment)
            return Start(since_ms=max(0, round(stamp.timestamp() * 1000)))
        return Start(tail=self.tail)


def _start(place: _From | str) -> Start:
    return Start(tail=0) if isinstance(place, str) else place.start()


class Subscribe(_ClientFrame, tag="subscribe", frozen=True):
    """The first frame: what to watch, with which filter, from where.

    `resume` names a session of the same viewer that this one continues.
    """

    target: TargetSpec
    filter: FilterSpec = FilterSpec()
    from_: _From | Literal["now"] = msgspec.field(name="from", default=_From(tail=DEFAULT_TAIL))
    resume: _Small | None = None
    ticket: Annotated[str, msgspec.Meta(max_length=128)] | None = None  # instead of a cookie

    @property
    def start(self) -> Start:
        """`from`, parsed."""
        return _start(self.from_)


class SetFilter(_ClientFrame, tag="filter", frozen=True):
    """A new filter; frames from then on carry its `rev`.

    Without `from` it applies to what comes after the last frame sent. With `from` the session
    starts again at that place and its ledger at zero.
    """

    filter: FilterSpec
    from_: _From | Literal["now"] | None = msgspec.field(name="from", default=None)

    @property
    def start(self) -> Start | None:
        """`from`, parsed; None to go on from the last frame sent."""
        return None if self.from_ is None else _start(self.from_)


class Ack(_ClientFrame, tag="ack", frozen=True):
    """Everything up to and with `seq` arrived."""

    seq: _Count


class Pause(_ClientFrame, tag="pause", frozen=True):
    """Stop delivery and remember the place."""


class Resume(_ClientFrame, tag="resume", frozen=True):
    """Go on from where `pause` stopped."""


class Extend(_ClientFrame, tag="extend", frozen=True):
    """Ask for more time; the policy says how much there may be."""


class Fetch(_ClientFrame, tag="fetch", frozen=True):
    """Ask for what lies between two cursors, both exclusive; `page` frames with `id` answer."""

    id: _Small
    after: _CursorText | None = None
    before: _CursorText | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE)] = DEFAULT_TAIL

    def __post_init__(self) -> None:
        for text in (self.after, self.before):
            if text is not None:
                Cursor.parse(text)

    @property
    def after_cursor(self) -> Cursor | None:
        """`after`, parsed."""
        return None if self.after is None else Cursor.parse(self.after)

    @property
    def before_cursor(self) -> Cursor | None:
        """`before`, parsed."""
        return None if self.before is None else Cursor.parse(self.before)


class Ping(_ClientFrame, tag="ping", frozen=True):
    """Ask for a `pong`, to learn whether the connection still works."""


ClientMessage = Subscribe | SetFilter | Ack | Pause | Resume | Extend | Fetch | Ping
CLIENT_TYPES: Final = tuple(
    kind.__struct_config__.tag
    for kind in (Subscribe, SetFilter, Ack, Pause, Resume, Extend, Fetch, Ping)
)

_decoder: Final[msgspec.json.Decoder[ClientMessage]] = msgspec.json.Decoder(ClientMessage)
_BYTE = re.compile(r"\(byte (\d+)\)")
_BAD_TAG = re.compile(r"Invalid value (.*) - at `\$\.type`", re.DOTALL)


def parse(text: str | bytes) -> ClientMessage:
    """One frame of a client. ProtocolError says what was expected and, where known, the byte."""
    try:
        raw = text.encode() if isinstance(text, str) else text
    except UnicodeEncodeError as error:
        raise ProtocolError(
            ErrorCode.NOT_JSON, "expected UTF-8 text, got a lone surrogate", error.start
        ) from None
    if len(raw) > MAX_FRAME_BYTES:
        raise ProtocolError(
            ErrorCode.TOO_LARGE, f"expected at most {MAX_FRAME_BYTES} bytes, got {len(raw)}"
        )
    try:
        return _decoder.decode(raw)
    except msgspec.ValidationError as error:
        said = str(error)
        if (tag := _BAD_TAG.search(said)) is not None:
            expected = f"type: expected one of {', '.join(map(str, CLIENT_TYPES))}; got {tag[1]}"
            raise ProtocolError(ErrorCode.UNKNOWN_TYPE, expected[:_SHOWN]) from None
        raise ProtocolError(ErrorCode.BAD_MESSAGE, said[:_SHOWN]) from None
    except RecursionError:
        raise ProtocolError(ErrorCode.BAD_MESSAGE, "nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        found = _BYTE.search(str(error))
        position = int(found[1]) if found else getattr(error, "start", None)
        raise ProtocolError(ErrorCode.NOT_JSON, str(error)[:_SHOWN], position) from None
