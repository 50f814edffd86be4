"""One running execution and the events the host adds to it: start, end, reason of a failure."""

from __future__ import annotations

import resource
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from wasmtime import WasmtimeError

from extdebug.runner.publish.execution_events import tell_end, tell_start
from extdebug.runner.publish.publisher import Publisher
from extdebug.runner.wasm.answer import MOST_BODY, bad_answer
from extdebug.runner.wasm.execution import (
    Call,
    CallLimits,
    ComponentError,
    ExecutionFailed,
    Failure,
)
from extdebug.runner.wasm.guest_thread import GuestThread
from extdebug.wire.events import Level, Output

MOST_DETAIL: Final = 6 * 1024  # characters of a backtrace worth an event
# What guests of the usual toolchains print when an allocation fails; the limiter itself only
# makes memory.grow answer -1, and the guest then dies of `unreachable`.
_OUT_OF_MEMORY: Final = (b"MemoryError", b"out of memory", b"memory allocation of")
_RUSAGE_THREAD: Final = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)
_PAGE: Final = resource.getpagesize()


class Running:
    """The execution on one thread. `refused` names the import that ended it, if one did; `denied`
    those that were answered with an error and told."""

    __slots__ = ("_faults", "_last_errors", "_overdue", "_publisher", "_started", "call", "denied",
                 "flow", "limits", "refused", "settle", "status", "thread")  # fmt: skip

    def __init__(self, call: Call, *, limits: CallLimits, publisher: Publisher) -> None:
        self.call = call
        self.flow = call.flow
        self.limits = limits
        self.refused = ""
        self.denied: set[str] = set()
        self.status: int | str = "not_started"
        self.thread = GuestThread()
        self.settle: Callable[[], None] = _nothing_held  # lines that are held back come first
        self._overdue = False
        self._publisher = publisher
        self._started = time.monotonic()
        self._faults = resource.getrusage(_RUSAGE_THREAD).ru_minflt
        self._last_errors: deque[bytes] = deque(maxlen=16)

    def line(self, output: Output, line: bytes, cut: bool) -> None:  # noqa: FBT001 - a LineSink
        """One captured line, with this execution's context."""
        if output is Output.STDERR:
            self._last_errors.append(line)
        self._publisher.line(self.flow, output, line, cut)

    @property
    def starved(self) -> bool:
        """Whether the guest's last words were about memory."""
        return any(word in line for line in self._last_errors for word in _OUT_OF_MEMORY)

    def tell_start(self) -> None:
        http = self.call.http
        tell_start(self._publisher, self.flow, f"{http.method} {http.url}")

    def tell_overdue(self, message: str) -> None:
        """From another thread: the time limit has passed, the guest cannot be stopped yet."""
        self._overdue = True
        self._tell(Failure.TIMEOUT.value, message)

    def tell_failure(self, error: ExecutionFailed) -> None:
        self.status = error.failure.value
        if self._overdue and error.failure is Failure.TIMEOUT:
            return  # said when its caller was answered
        message = f"{error}\n{error.detail}" if error.detail else str(error)
        self._tell(error.failure.value, message)

    def tell_broken(self, error: ComponentError) -> None:
        self.status = "broken"
        self._tell("broken", str(error))

    def _tell(self, event: str, message: str) -> None:
        self._publisher.emit(
            self.flow, Output.LOG, Level.ERROR, message, fields={"event": event}, told=True
        )

    def tell_end(self, *, fuel_left: int | None) -> None:
        """Status, duration, fuel, and the memory the execution touched.

        Touched memory is the thread's page faults: a new store's pages fault once each, and
        nothing else on this thread allocates much. The engine tells no other figure.
        """
        seconds = time.monotonic() - self._started
        touched = (resource.getrusage(_RUSAGE_THREAD).ru_minflt - self._faults) * _PAGE
        fields = {"memory_kib": touched // 1024}
        if fuel_left is not None and self.limits.fuel is not None:
            fields["fuel"] = self.limits.fuel - fuel_left
        tell_end(self._publisher, self.flow, self.status, seconds=seconds, fields=fields)


def _nothing_held() -> None:
    """Until there is a capture."""


def failure_of(error: WasmtimeError, running: Running) -> ExecutionFailed:
    """The reason of a trap in words, and its backtrace."""
    text = str(error)
    backtrace, _, cause = text.partition("Caused by:")
    cause = (" ".join(cause.split()) or text.strip())[:MOST_DETAIL]
    limits = running.limits
    if "wasm trap: interrupt" in text:
        failure = Failure.TIMEOUT
        message = f"stopped after {limits.timeout:g} s, the time limit of this request"
    elif "fuel allocated for hostcalls" in text:
        if "wasm backtrace" not in text:  # not while it ran: its answer was being read
            return bad_answer(f"it is too large, at most {MOST_BODY:,} bytes of body can be sent")
        failure, message = Failure.TRAP, "trapped: it handed more than 128 MiB to one host call"
    elif "all fuel consumed" in text:
        failure = Failure.OUT_OF_FUEL
        message = f"stopped: it used all its {limits.fuel:,} units of fuel"
    elif "exceeds memory limits" in text or running.starved:
        failure = Failure.OUT_OF_MEMORY
        message = f"out of memory: the limit is {(limits.memory_bytes or 0) >> 20} MiB ({cause})"
    elif running.refused:
        failure, message = Failure.TRAP, f"trapped: {running.refused}"
    else:
        failure, message = Failure.TRAP, f"trapped: {cause}"
    return ExecutionFailed(failure, message, detail=backtrace.strip()[:MOST_DETAIL])
