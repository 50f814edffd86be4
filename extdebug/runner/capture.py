"""Bytes to lines: what a guest writes to stdout and stderr, in the order it completes lines.

Runs on the guest's thread (or the thread its runtime writes from), so it only splits and hands
over; decoding, redaction and sending happen elsewhere.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from extdebug.wire.events import Output
from policies.redaction.open_ends import may_go_on

# Bytes of one line that are kept; the rest is dropped and the line marked as cut. Larger than
# any message, because redaction comes before the message is cut to size.
MAX_LINE_BYTES: Final = 64 * 1024
# A prompt or progress text without newline is shown after this pause, unless what follows may make
# it a secret: redaction has to see name and value, and a character, as one.
PAUSE: Final = 0.25

# Receives (output, line without its end, cut).
LineSink = Callable[[Output, bytes, bool], None]


class Splitter:
    """One stream of bytes, any chunking. CR, LF and CRLF each end one line."""

    __slots__ = (
        "_cut", "_kept", "_parts", "_sink", "_skip_lf", "_unfinished", "fed_at", "held", "output",
    )  # fmt: skip

    def __init__(self, output: Output, sink: LineSink) -> None:
        self.output = output
        self._sink = sink
        self._parts: list[bytes] = []
        self._kept = 0
        self._cut = False
        self._skip_lf = False  # the last chunk ended in CR: a LF now belongs to it
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
        if b"\r" in data:
            self._skip_lf = data[-1] == 13
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
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
        cut = self._cut
        self._parts, self._kept, self._cut, self._unfinished = [], 0, False, False
        self._sink(self.output, line, cut)

    def pause(self) -> None:
        """Show the line that is being written, or hold it back until more comes."""
        self._parts = [b"".join(self._parts)]
        self._unfinished = not self._cut and may_go_on(self._parts[0])
        if not self._unfinished:
            self.flush()

    def _keep(self, data: bytes) -> None:
        self._unfinished = False
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


class Capture:
    """Both streams of one execution under one lock: lines leave in the order of completion."""

    __slots__ = ("__weakref__", "_lock", "stderr", "stdout", "watched")

    def __init__(self, sink: LineSink) -> None:
        self._lock = threading.Lock()
        self.stdout = Splitter(Output.STDOUT, sink)
        self.stderr = Splitter(Output.STDERR, sink)
        self.watched = False  # the sweeper's own note, so that a fragment costs one look

    @property
    def pending(self) -> bool:
        return self.stdout.pending or self.stderr.pending

    def out(self, data: bytes) -> None:
        with self._lock:
            self.stdout.feed(data)
        if not self.watched and self.stdout.pending:
            SWEEPER.watch(self)

    def err(self, data: bytes) -> None:
        with self._lock:
            self.stderr.feed(data)
        if not self.watched and self.stderr.pending:
            SWEEPER.watch(self)

    def hold(self, output: Output, *, held: bool) -> None:
        """Whoever feeds this output stands still: a pause is then none of the guest's."""
        splitter = self.stdout if output is Output.STDOUT else self.stderr
        with self._lock:
            splitter.held = held
            splitter.fed_at = time.monotonic()

    def close(self) -> None:
        """The execution is over: a partial last line is a line."""
        with self._lock:
            self.stdout.flush()
            self.stderr.flush()

    def sweep(self, now: float) -> bool:
        """Flush what has been partial for longer than the pause; whether something still is."""
        with self._lock:
            for splitter in (self.stdout, self.stderr):
                silent = now - splitter.fed_at >= PAUSE and not splitter.held
                if splitter.pending and silent:
                    splitter.pause()
            return self.pending


@dataclass(frozen=True, slots=True)
class CaptureInput:
    """One output's way into a capture, for whoever feeds it from a pipe."""

    capture: Capture
    output: Output

    def feed(self, data: bytes) -> None:
        if self.output is Output.STDOUT:
            self.capture.out(data)
        else:
            self.capture.err(data)

    def hold(self, *, held: bool) -> None:
        self.capture.hold(self.output, held=held)


class Sweeper:
    """One thread for all captures: shows partial lines after a pause. Started when first needed."""

    def __init__(self) -> None:
        self._watched: weakref.WeakSet[Capture] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, capture: Capture) -> None:
        with self._lock:
            capture.watched = True
            self._watched.add(capture)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="capture-sweeper", daemon=True
                )
                self._thread.start()
        self._wake.set()

    def _run(self) -> None:
        may_go_on(b"")  # builds its tables once, before a guest's thread could wait for them
        while True:
            self._wake.wait()
            time.sleep(PAUSE / 4)
            now = time.monotonic()
            with self._lock:
                captures = list(self._watched)
            for capture in captures:
                if capture.sweep(now):
                    continue
                with self._lock:
                    self._watched.discard(capture)
                    capture.watched = False
                if capture.pending:  # fed between the sweep and the note: nobody else adds it
                    self.watch(capture)
            del captures
            with self._lock:
                if not self._watched:
                    self._wake.clear()


SWEEPER: Final = Sweeper()
