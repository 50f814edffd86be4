"""Joins a stack trace's lines to one: Python, JavaScript, Java, Go, Rust and .NET.

A line is held back only if a trace may begin with it, and joined only if it looks like the next of
that trace; whatever else comes ends the trace and is a line of its own. Bounded in lines, bytes and
time. What the other output says in the midst of a trace follows it: programs write a trace line by
line, and nobody knows what of two outputs was first within some microseconds. Runs on the guest's
thread, so a line that begins no trace costs one look at its beginning.
"""

from __future__ import annotations

import re
import time
from typing import Final

from extdebug.runner.output.line_splitter import PAUSE, LineSink
from extdebug.runner.publish.text_levels import guess_level
from extdebug.wire.events import Output

MOST_LINES: Final = 256
MOST_BYTES: Final = 7 * 1024  # of one joined event: the default cap of a message leaves 1 KiB more
MOST_MESSAGE: Final = 32  # lines of an error's message, behind its first one and before its frames
MOST_OTHERS: Final = 64  # lines of the other output that wait for a trace's end
MOST_OTHER_BYTES: Final = 64 * 1024
MOST_TIME: Final = 1.0  # s from a trace's first line to its event, while lines go on coming

_ERROR_NAME: Final = rb"(?:[\w$]+[.:/]{1,2})*[\w$]*(?:Error|Exception|Throwable|Failure|Interrupt)"
_FRAME: Final = (
    rb"\s+at [^\s].*(?:[:)\]]|:\d+)|\s*File \".*\", line \d+|\t\S+:\d+(?: \+0x[0-9a-f]+)?$"
    rb"|\s*[\w$.<>/*\[\]]*@\S+:\d+:\d+$"
)
_PYTHON_HEAD: Final = re.compile(
    rb"[\s|+]*(?:Exception Group )?Traceback \(most recent call last\):"
)
# What a trace may begin with, by what its next line may be.
_HEAD: Final = re.compile(
    rb"(?P<python>" + _PYTHON_HEAD.pattern + rb")"
    rb"|(?P<go>panic: |fatal error: |goroutine \d+ \[|SIG[A-Z]+: )"
    rb"|(?P<rust>thread '.*' (?:\(\d+\) )?panicked at )"
    rb"|(?P<frames>" + _FRAME + rb")"
    rb"|(?P<error>(?:Uncaught |Unhandled (?:exception|rejection)[.:]? |Exception in thread \".*\" "
    rb"|\(in promise\) )*" + _ERROR_NAME + rb"[\w$]*(?: \[[\w-]+\])?(?:\s\([^)]*\))?(?::.*|\s*)$)"
)
LOOKED_AT: Final = 512  # bytes of a line
# What surely goes on with a trace, and what does so right behind its last line.
_SURELY: Final = (
    _FRAME
    + rb"|\s*\.\.\. \d+ (?:more|common)|\s*(?:Caused by|Suppressed): ?|\s*---> |\s*--- End of "
    rb"|\s+\[(?:cause|errors?|stack)\]|Stack:$|[Ss]tack backtrace:|note: run with `RUST_"
)
_CONFIRMS: Final = re.compile(_SURELY)
_FOLLOWS: Final = re.compile(_SURELY + rb"|note: |\s+\d+: ")
_NAMES: Final = re.compile(rb"\s*(?:Caused by|Suppressed): |\s*---> |\s+\[cause\]")
_GO: Final = re.compile(
    rb"goroutine \d+ |\[signal |created by |exit status \d+$|\tpanic: |panic: |\[recovered"
    rb"|r[a-z0-9]{1,5} +0x|[cfg]s +0x"
)
_GO_CALL: Final = re.compile(rb"[\w./*()@%\[\]-]+\(.*\)$")
_PYTHON_END: Final = re.compile(rb"((?:\w+\.)*[A-Za-z_]\w*)(?::\s|:?$)")
_PYTHON_CHAIN: Final = re.compile(
    rb"[\s|]*(?:During handling of the above exception|The above exception was the direct cause)"
)
_ERROR: Final = re.compile(_ERROR_NAME + rb"[\w$]*\b")
_INDENTED: Final = re.compile(rb"[ \t]")
_COLOUR: Final = re.compile(rb"\x1b\[[0-9;:]{0,40}m")
_CLOSING: Final = re.compile(rb"[}\]]+[,;]?$")


class TraceJoiner:
    """Stands before a LineSink, under its caller's lock. Moments are monotonic seconds."""

    __slots__ = (
        "_began", "_bytes", "_chained", "_fed_at", "_kind", "_lines", "_loose", "_message",
        "_most_bytes", "_naming", "_other_bytes", "_others", "_sink", "_sure", "holding", "output",
    )  # fmt: skip

    def __init__(self, sink: LineSink, *, most_bytes: int = MOST_BYTES) -> None:
        """`most_bytes` of one joined event; more would be cut off at its end."""
        self._sink = sink
        self._most_bytes = min(most_bytes, MOST_BYTES)
        self._lines: list[bytes] = []
        self._bytes = 0
        self._kind = ""
        self._sure = False  # the next line need not be a frame
        self._message = False  # the next line is the panic's message, whatever it looks like
        self._naming = False  # an error was named, and no frame followed: its message may go on
        self._chained = False  # another exception was announced
        self._others: list[tuple[Output, bytes, bool]] = []  # the other output's, for later
        self._other_bytes = 0
        self._loose = 0  # lines at the end that are the trace's only if it goes on
        self._began = self._fed_at = 0.0
        self.holding = False  # lines are held back
        self.output = Output.STDOUT  # of what is held

    def line(self, output: Output, line: bytes, cut: bool) -> None:  # noqa: FBT001 - a LineSink
        """Hold the line back, or hand it on after what was held."""
        seen = line if b"\x1b" not in line else _COLOUR.sub(b"", line)
        while self.holding:
            if output is self.output:
                if not cut and self._belongs(seen):
                    self._add(line, loose=False)
                    return
                if not cut and self._may_belong(seen):
                    self._add(line, loose=True)
                    return
            elif self._waits(line):
                self._others.append((output, line, cut))
                self._other_bytes += len(line)
                return
            self._hand_on()
        head = None if cut else _HEAD.match(seen, 0, LOOKED_AT)
        if head is None or len(line) > self._most_bytes:
            self._sink(output, line, cut)
            return
        kind = head.lastgroup or ""
        self._kind = "python" if kind == "frames" and b'File "' in seen else kind
        self._sure = kind in ("python", "frames") or seen.startswith(b"goroutine ")
        self._chained = False
        self._message = self._kind == "rust" and seen.endswith(b":")
        self._naming = kind in ("error", "rust", "go")
        self.output = output
        self._began = self._fed_at = time.monotonic()
        self._lines, self._bytes, self.holding = [line], len(line), True

    def due(self, now: float) -> None:
        """Hand on what has waited long enough."""
        if self.holding and (now - self._fed_at >= PAUSE or now - self._began >= MOST_TIME):
            self._hand_on()

    def flush(self) -> None:
        """Hand on all that is held: nothing more belongs to it."""
        while self.holding:
            self._hand_on()

    def _waits(self, line: bytes) -> bool:
        """Whether a line of the other output is kept until the trace has ended."""
        ended = self._kind == "python" and not self._sure
        return (
            not ended
            and len(self._others) < MOST_OTHERS
            and self._other_bytes + len(line) <= MOST_OTHER_BYTES
        )

    def _hand_on(self) -> None:
        """Hand on the trace and then what waited for it, of which a trace may begin."""
        self._emit()
        others, self._others, self._other_bytes = self._others, [], 0
        for output, line, cut in others:
            self.line(output, line, cut)

    def _emit(self) -> None:
        whole = len(self._lines) - self._loose
        lines, loose = self._lines[:whole], self._lines[whole:]
        self._lines, self._bytes, self._loose, self.holding = [], 0, 0, False
        if lines:
            self._sink(self.output, lines[0] if len(lines) == 1 else b"\n".join(lines), False)  # noqa: FBT003
        for line in loose:
            self._sink(self.output, line, False)  # noqa: FBT003 - a LineSink

    def _add(self, line: bytes, *, loose: bool) -> None:
        now = time.monotonic()
        if len(self._lines) >= MOST_LINES or self._bytes + len(line) >= self._most_bytes:
            self._emit()  # the trace goes on in another event
            self._began = now
        self.holding = True
        self._lines.append(line)
        self._bytes += len(line) + 1
        self._fed_at = now
        self._loose = self._loose + 1 if loose else 0

    def _belongs(self, line: bytes) -> bool:
        """Whether the line goes on with the trace."""
        if not line.strip():
            return False
        if self._message:
            self._message = False
            self._sure = self._naming = True
            return not _is_log(line)
        if self._kind == "python":
            return self._goes_on_in_python(line)
        of_go = self._kind == "go" and (
            _GO.match(line, 0, LOOKED_AT) or (self._sure and _GO_CALL.match(line, 0, LOOKED_AT))
        )
        follows = _CONFIRMS if self._loose and self._lines[-1].strip() else _FOLLOWS
        if of_go or follows.match(line, 0, LOOKED_AT):
            self._sure = True
            self._naming = _NAMES.match(line, 0, LOOKED_AT) is not None
            return True
        if not self._sure or self._loose or _is_log(line):
            return False
        return bool(_INDENTED.match(line) or _CLOSING.match(line))

    def _may_belong(self, line: bytes) -> bool:
        """Whether the line is the trace's if the next ones are: a blank one, or of a message."""
        if not line.strip() and self._loose == 0:
            return self._kind != "frames"
        return (
            self._naming
            and self._kind != "python"
            and self._loose < MOST_MESSAGE
            and not _is_log(line)
            and _HEAD.match(line, 0, LOOKED_AT) is None
        )

    def _goes_on_in_python(self, line: bytes) -> bool:
        if not self._sure:  # the exception was named: only one that came of it may follow
            if self._chained and _PYTHON_HEAD.match(line, 0, LOOKED_AT):
                self._chained, self._sure = False, True
                return True
            self._chained = _PYTHON_CHAIN.match(line, 0, LOOKED_AT) is not None
            return self._chained
        if self._loose:
            return False
        if _INDENTED.match(line):
            return not _is_log(line)
        end = _PYTHON_END.match(line, 0, LOOKED_AT)
        if end is None or end[1].isupper():
            return False
        self._sure = False
        return True


def _is_log(line: bytes) -> bool:
    """Whether a logger wrote the line: it stands between a trace's lines and is none of them."""
    start = line.lstrip()[:LOOKED_AT]
    if _ERROR.match(start) and line[:1].isspace():  # one of the errors that a trace lists
        return False
    return start.startswith(b'{"') or guess_level(start.decode("utf-8", "replace")) is not None
