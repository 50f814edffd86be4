"""One output's bytes to lines, in any pieces, with a progress bar's many states as one line.

LF and CRLF end a line. A lone CR begins its line anew, as a terminal shows it: what stands before
it is an earlier state of the same line, and only the last state counts. While states go on coming,
one is shown each `PROGRESS`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Final

from extdebug.wire.events import Output
from policies.redaction.open_ends import may_go_on

# Bytes of one line that are kept; the rest is dropped and the line marked as cut. Larger than
# any message, because redaction comes before the message is cut to size.
MAX_LINE_BYTES: Final = 64 * 1024
# A prompt or progress text without newline is shown after this pause, unless what follows may make
# it a secret: redaction has to see name and value, and a character, as one.
PAUSE: Final = 0.25
PROGRESS: Final = 1.0  # s for which states of one line wait for a later one
_ERASE: Final = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")  # with a state of blanks: nothing is seen

# Receives (output, line without its end, cut).
LineSink = Callable[[Output, bytes, bool], None]


class Splitter:
    """One stream of bytes, any chunking. Not thread-safe: a Capture has the lock."""

    __slots__ = (
        "_cut", "_kept", "_parts", "_returned", "_since", "_sink", "_skip_lf", "_unfinished",
        "fed_at", "held", "output",
    )  # fmt: skip

    def __init__(self, output: Output, sink: LineSink) -> None:
        self.output = output
        self._sink = sink
        self._parts: list[bytes] = []
        self._kept = 0
        self._cut = False
        self._returned = False  # what is kept begins with a whole state and a CR
        self._since = 0.0  # when the first of the states came that nobody has seen
        self._skip_lf = False  # a state was shown whose CR came last: a LF now belongs to it
        self._unfinished = False  # a pause was not enough: until more comes
        self.fed_at = 0.0
        self.held = False  # nothing more is fed for now, though the guest may have written more

    @property
    def pending(self) -> bool:
        """Whether a line is being written that a pause would show."""
        return bool(self._parts) and not self._unfinished

    def feed(self, data: bytes) -> None:
        if self._skip_lf and data:
            self._skip_lf = False
            if data[0] == 10:
                data = data[1:]
        returns = b"\r" in data
        if returns:
            data = data.replace(b"\r\n", b"\n")
            returns = b"\r" in data
        end = data.find(b"\n")
        if end < 0:  # a fragment: many guests write a line in several
            if data:
                self._keep(data)
                self.fed_at = time.monotonic()
            return
        start = 0
        while end >= 0:
            if self._parts:
                self._keep(data[start:end])
                self.flush()
            elif returns and b"\r" in data[start:end]:
                self._states(data[start:end], whole=True)
                self.flush()
            else:
                cut = end - start > MAX_LINE_BYTES
                line = data[start : start + MAX_LINE_BYTES if cut else end]
                self._sink(self.output, line, cut)
            start = end + 1
            end = data.find(b"\n", start)
        if start < len(data):
            self._keep(data[start:])
            self.fed_at = time.monotonic()

    def flush(self) -> None:
        """End the line that is being written, if there is one."""
        if not self._parts:
            return
        line = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        if self._returned:
            line = _last_seen(line.split(b"\r"))
        self._end(line, cut=self._cut)

    def due(self, now: float) -> bool:
        """Show what waits if it is time; monotonic seconds. Whether something still waits."""
        if not self.pending or self.held:
            return self.pending
        silent = now - self.fed_at >= PAUSE
        if self._returned:
            if now - self._since >= PROGRESS:
                self._show_state(silent=silent)
        elif silent:
            self.pause()
        return self.pending

    def pause(self) -> None:
        """Show the line that is being written, or hold it back until more comes."""
        self._parts = [b"".join(self._parts)]
        self._unfinished = not self._cut and may_go_on(self._parts[0])
        if not self._unfinished:
            self.flush()

    def _show_state(self, *, silent: bool) -> None:
        """The newest whole state; what is begun after it is one too when nothing more comes."""
        state, _, begun = b"".join(self._parts).partition(b"\r")
        cut = self._cut
        if not _seen(begun):
            if state:
                self._end(state, cut=False)
                self._skip_lf = not begun
            else:
                self._parts, self._kept, self._returned = [], 0, False
        elif silent and (cut or not may_go_on(begun)):
            self._end(begun, cut=cut)
        elif state:
            self._end(state, cut=False)
            self._begin(b"", begun)
            self._cut = cut
        elif silent:
            self._unfinished = True

    def _end(self, line: bytes, *, cut: bool) -> None:
        self._parts, self._kept, self._cut = [], 0, False
        self._unfinished = self._returned = False
        self._sink(self.output, line, cut)

    def _states(self, data: bytes, *, whole: bool = False) -> None:
        """Keep the last state that `data` ends and what is begun after it (`whole`: is a state)."""
        before = b"".join(self._parts)
        states = (before + data).split(b"\r")
        if any(b"PRIVATE KEY" in state for state in states):
            # The beginning and end of a key decide what is masked between: none may be passed over.
            self._parts, self._kept, self._returned = [], 0, False
            for state in states[:-1]:
                self._sink(self.output, state[:MAX_LINE_BYTES], len(state) > MAX_LINE_BYTES)
            self._cut = len(states[-1]) > MAX_LINE_BYTES
            self._parts = [states[-1][:MAX_LINE_BYTES]] if states[-1] or whole else []
            self._kept = min(len(states[-1]), MAX_LINE_BYTES)
            return
        state = _last_seen(states[:-1])
        self._begin(state if _seen(state) else b"", states[-1])

    def _begin(self, state: bytes, begun: bytes) -> None:
        if not self._returned:
            self._returned, self._since = True, time.monotonic()
        self._cut = len(begun) > MAX_LINE_BYTES
        self._parts = [state[:MAX_LINE_BYTES] + b"\r" + begun[:MAX_LINE_BYTES]]
        self._kept = min(len(begun), MAX_LINE_BYTES)

    def _keep(self, data: bytes) -> None:
        self._unfinished = False
        if b"\r" in data:
            self._states(data)
            return
        parts = self._parts
        self._kept += len(data)
        if self._kept > MAX_LINE_BYTES:
            room = MAX_LINE_BYTES - self._kept + len(data)
            self._cut = True
            self._kept = MAX_LINE_BYTES
            data = data[:room]
            if not data:
                return
        parts.append(data)
        if len(parts) > 512:
            # A guest that writes byte by byte: keep one buffer, not a list as long as the line.
            self._parts = [b"".join(self._parts)]


def _seen(state: bytes) -> bool:
    return bool(_ERASE.sub(b"", state).strip())


def _last_seen(states: list[bytes]) -> bytes:
    """The last state that shows something; a bare CR, or blanks to erase with, are none."""
    return next((state for state in reversed(states) if _seen(state)), states[-1])
