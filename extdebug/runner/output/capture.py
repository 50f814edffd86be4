"""Bytes to lines: what a guest writes to stdout and stderr, in the order it completes lines.

Runs on the guest's thread (or the thread its runtime writes from), so it only splits and hands
over; decoding, redaction and sending happen elsewhere.
"""

from __future__ import annotations

import threading
import time
import weakref
from dataclasses import dataclass
from typing import Final

from extdebug.runner.output.line_splitter import PAUSE, LineSink, Splitter
from extdebug.runner.output.stack_traces import MOST_BYTES, TraceJoiner
from extdebug.wire.events import Output
from policies.redaction.open_ends import may_go_on


class Capture:
    """Both streams of one execution under one lock: lines leave in the order of completion."""

    __slots__ = ("__weakref__", "_lock", "_traces", "stderr", "stdout", "watched")

    def __init__(self, sink: LineSink, *, most_bytes: int = MOST_BYTES) -> None:
        """`most_bytes`: of one event; a stack trace that is longer becomes several."""
        self._lock = threading.Lock()
        self._traces = TraceJoiner(sink, most_bytes=most_bytes)
        self.stdout = Splitter(Output.STDOUT, self._traces.line)
        self.stderr = Splitter(Output.STDERR, self._traces.line)
        self.watched = False  # the sweeper's own note, so that a fragment costs one look

    @property
    def pending(self) -> bool:
        return self.stdout.pending or self.stderr.pending or self._traces.holding

    def out(self, data: bytes) -> None:
        with self._lock:
            self.stdout.feed(data)
        if not self.watched and (self.stdout.pending or self._traces.holding):
            SWEEPER.watch(self)

    def err(self, data: bytes) -> None:
        with self._lock:
            self.stderr.feed(data)
        if not self.watched and (self.stderr.pending or self._traces.holding):
            SWEEPER.watch(self)

    def settle(self) -> None:
        """Hand on the whole lines that are held back: what comes next was written after them."""
        if self._traces.holding:
            with self._lock:
                self._traces.flush()

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
            self._traces.flush()

    def sweep(self, now: float) -> bool:
        """Show what has waited for longer than a pause; whether something still waits."""
        with self._lock:
            self.stdout.due(now)
            self.stderr.due(now)
            traces = self._traces
            if not (self.stdout if traces.output is Output.STDOUT else self.stderr).held:
                traces.due(now)
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
