"""From a captured line to an event: decode, recognise JSON, redact, and only then cut to size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

import msgspec

from extdebug.runner.context import RequestFlow
from extdebug.runner.publish.json_lines import read_structured
from extdebug.runner.publish.text_levels import guess_level
from extdebug.wire.events import LEVEL_GUESSED, Event, Level, Output, iso
from extdebug.wire.executions import Execution
from extdebug.wire.truncation import cap_fields, cut_text

# When a line was cut at capture, its end may hold half a secret that no rule recognises.
UNSURE_TAIL: Final = 4096


class Captured(msgspec.Struct, gc=False):
    """What the guest's thread hands over. `message` is bytes for a captured line."""

    src: str
    n: int
    moment_ms: int
    flow: RequestFlow
    output: Output
    level: Level
    message: bytes | str
    fields: Mapping[str, Any] | None
    cut: bool
    structured: bool  # may be a JSON line
    told: bool = False  # the host says it of an execution
    execution: Execution | None = None  # said by the host, never by the guest


class Redaction(Protocol):
    """Masks secrets in one event's text and fields; stateful across the lines of a flow."""

    def apply(
        self,
        flow: RequestFlow,
        output: Output,
        day: str,
        message: str,
        fields: dict[str, Any] | None,
    ) -> tuple[str, dict[str, Any] | None, tuple[str, ...]]: ...

    def ids(self, flow: RequestFlow, day: str) -> tuple[RequestFlow, tuple[str, ...]]:
        """The flow with secrets in its opaque ids masked."""
        ...

    def skip(self, flow: RequestFlow, output: Output, message: str) -> None:
        """A line that was dropped: it may have begun or ended a block."""
        ...


def text_of(message: bytes | str) -> str:
    """Text that UTF-8 can carry; what is invalid becomes U+FFFD."""
    if isinstance(message, bytes):
        return message.decode("utf-8", "replace")
    try:
        message.encode()
    except UnicodeEncodeError:  # a lone surrogate from a Python host
        return message.encode("utf-8", "replace").decode()
    return message


def prepare(
    item: Captured, redaction: Redaction, *, max_bytes: int, guess_levels: bool = True
) -> Event:
    """The event as it will be published: redacted first, cut second, within the caps.

    `guess_levels`: a plain line's prefix decides its level, and the event says that it does.
    """
    message, level, fields = text_of(item.message), item.level, item.fields
    marks: tuple[str, ...] = ()
    if item.structured and not item.cut and (read := read_structured(message)):
        named, message, fields = read
        if named is not None and item.output is not Output.LOG:
            level = named  # a log call has said its level already
    elif item.structured and guess_levels and item.output is not Output.LOG:
        guessed = guess_level(message)
        if guessed is None and "\n" in message:  # a stack trace: no other line has lines
            guessed = Level.ERROR
        if guessed is not None:
            level, marks = guessed, (LEVEL_GUESSED,)
    kept: dict[str, Any] | None = None
    cut = item.cut
    if fields:
        kept, fields_cut = cap_fields(fields)
        cut = cut or fields_cut
    ts = iso(item.moment_ms)
    message, kept, redacted = redaction.apply(item.flow, item.output, ts[:10], message, kept)
    flow, more = redaction.ids(item.flow, ts[:10])
    if item.cut and len(message) > UNSURE_TAIL * 2:
        message = message[:-UNSURE_TAIL]
    message, message_cut = cut_text(message, max_bytes)
    return Event(
        ts=ts,
        level=level,
        stream=item.output,
        message=message,
        tenant_id=flow.tenant,
        extension_id=flow.extension,
        install_id=flow.install,
        request_id=flow.request,
        version_id=flow.version,
        content_hash=flow.content_hash,
        fields=kept,
        truncated=cut or message_cut,
        redacted=tuple(dict.fromkeys((*redacted, *more))) if redacted or more else (),
        marks=marks,
        execution=item.execution,
    )
