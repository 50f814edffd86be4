"""Strict reading of the client's frames of `ext-debug.v1`.

No I/O; server_frames.py writes the server's side. docs/ext-debug.v1.asyncapi.yaml describes the
same frames and a test holds them together. Everything a client sends is bounded here in type,
size, depth and range, because nothing behind this module checks that again.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec

from extdebug.filters.filter import FilterParts
from extdebug.filters.query import MAX_INSTALLS, MAX_QUERY
from extdebug.protocol.frame_parts import (
    ClientFrame,
    Count,
    CursorText,
    From,
    Played,
    Small,
    Strict,
    moment_of,
    start_at,
)
from extdebug.wire.events import Level, Output
from extdebug.wire.positions import Cursor, Start

VERSION: Final = "ext-debug.v1"
MAX_FRAME_BYTES: Final = 16 * 1024  # the largest legal frame is a filter with 64 installs: ~8 KiB
DEFAULT_TAIL: Final = 200
MAX_PAGE: Final = 1_000  # events of one `page`
MAX_BUCKET: Final = 86_400  # seconds of an overview that are counted together
_SHOWN: Final = 300  # characters of a message that may quote what the client sent


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


class TargetSpec(Strict, frozen=True):
    """What to watch, as the client spelled it. Without `tenant` the only possible one is taken."""

    extension: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    tenant: Small | None = None


class FilterSpec(Strict, frozen=True):
    """The client's filter, types and sizes checked; `Filter.parse(spec.parts())` does the rest."""

    rev: Count = 0
    installs: Annotated[tuple[Small, ...], msgspec.Meta(max_length=MAX_INSTALLS)] = ()
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


class Subscribe(Played, tag="subscribe", frozen=True, kw_only=True):
    """The first frame: what to watch, with which filter, from where, until when and how fast.

    `resume` names a session of the same viewer that this one continues.
    """

    target: TargetSpec
    filter: FilterSpec = FilterSpec()
    from_: From | Literal["now"] = msgspec.field(name="from", default=From(tail=DEFAULT_TAIL))
    resume: Small | None = None
    ticket: Annotated[str, msgspec.Meta(max_length=128)] | None = None  # instead of a cookie

    @property
    def start(self) -> Start:
        """`from`, parsed."""
        return start_at(self.from_)


class SetFilter(Played, tag="filter", frozen=True, kw_only=True):
    """A new filter, range and speed; frames from then on carry its `rev`.

    Without `from` it applies to what comes after the last frame sent. With `from` the session
    starts again at that place and its ledger at zero.
    """

    filter: FilterSpec

    @property
    def start(self) -> Start | None:
        """`from`, parsed; None to go on from the last frame sent."""
        return None if self.from_ is None else start_at(self.from_)


class Ack(ClientFrame, tag="ack", frozen=True):
    """Everything up to and with `seq` arrived."""

    seq: Count


class Pause(ClientFrame, tag="pause", frozen=True):
    """Stop delivery and remember the place."""


class Resume(ClientFrame, tag="resume", frozen=True):
    """Go on from where `pause` stopped."""


class Extend(ClientFrame, tag="extend", frozen=True):
    """Ask for more time; the policy says how much there may be."""


class Fetch(ClientFrame, tag="fetch", frozen=True):
    """Ask for what lies between two cursors, both exclusive; `page` frames with `id` answer.

    `filter` is used in place of the session's own. `hidden`: the newest events that the filter
    leaves out, instead of the first that it selects.
    """

    id: Small
    after: CursorText | None = None
    before: CursorText | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE)] = DEFAULT_TAIL
    filter: FilterSpec | None = None
    hidden: bool = False

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


class Overview(ClientFrame, tag="overview", frozen=True):
    """Ask how many lines of each level the stream holds, by time; an `overview` frame answers.

    `since` and `until` narrow what is kept, `bucket` is the least number of seconds to count
    together.
    """

    id: Small
    since: Small | None = None
    until: Small | None = None
    bucket: Annotated[int, msgspec.Meta(ge=1, le=MAX_BUCKET)] | None = None

    def __post_init__(self) -> None:
        since, until = self.bounds
        if since is not None and until is not None and until <= since:
            raise ValueError(f"until: expected a time after since, got {self.until!r}")

    @property
    def bounds(self) -> tuple[int | None, int | None]:
        """`since` and `until` in milliseconds."""
        return (
            None if self.since is None else moment_of("since", self.since),
            None if self.until is None else moment_of("until", self.until),
        )


class ViewSpec(Strict, frozen=True):
    """What a page shows: its filter, the line it stands at, and whether it follows the newest."""

    filter: FilterSpec = FilterSpec()
    line: Annotated[str, msgspec.Meta(pattern=r"^\d{1,16}-\d{1,20}$")] | None = None
    live: bool = True


class Share(ClientFrame, tag="share", frozen=True):
    """Let those who may watch the same see this view, until another `share`; null ends it."""

    view: ViewSpec | None = None


class Ping(ClientFrame, tag="ping", frozen=True):
    """Ask for a `pong`, to learn whether the connection still works."""


ClientMessage = (
    Subscribe | SetFilter | Ack | Pause | Resume | Extend | Fetch | Overview | Share | Ping
)
CLIENT_TYPES: Final = tuple(
    kind.__struct_config__.tag
    for kind in (Subscribe, SetFilter, Ack, Pause, Resume, Extend, Fetch, Overview, Share, Ping)
)

_decoder: Final[msgspec.json.Decoder[ClientMessage]] = msgspec.json.Decoder(ClientMessage)
_BYTE = re.compile(r"\(byte (\d+)\)")
_BAD_TAG = re.compile(r"Invalid value (.*) - at `\$\.type`", re.DOTALL)

_PLAIN_ACK = re.compile(rb'\{"type":"ack","seq":(0|[1-9][0-9]{0,14})\}')


def plain_ack(text: bytes) -> int | None:
    """The `seq` of an `ack` that is written as our own clients do it; None: `parse` knows more.

    Acknowledgements are most of what clients say: a third of what `parse` takes.
    """
    match = _PLAIN_ACK.fullmatch(text)
    return None if match is None else int(match[1])


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
