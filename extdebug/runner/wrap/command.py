"""`wrap`: any command, its exit code, signals and output untouched, each of its lines published."""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from extdebug.runner.config import RunnerConfig
from extdebug.runner.context import RequestFlow
from extdebug.runner.output.capture import Capture, CaptureInput
from extdebug.runner.publish.execution_events import tell_end, tell_start
from extdebug.runner.publish.publisher import Publisher
from extdebug.runner.publish.redaction import load_redaction
from extdebug.runner.wrap.pass_through import PassThrough, Route, open_pipe
from extdebug.runner.wrap.signal_relay import SignalRelay
from extdebug.wire.events import BadId, Level, Output
from policies.redaction.open_ends import may_go_on

# With --no-wait-children: how long output may still come after the command has ended.
LINGER: Final = 1.0  # s
USUAL_SIZE: Final = (24, 80)  # rows and columns
# What --strict answers when something was not published and the command itself was well.
NOT_PUBLISHED: Final = 70
CAUSES: Final = {
    "rate_limited": "over the rate limit (RUNNER_DEBUG_RATE)",
    "queue_full": "the queue was full",
    "refused": "Redis refused them",
    "unprepared": "they could not be prepared",
    "uncertain": "the connection broke over them and some may have arrived",
    "unsent": "they still waited at the end",
}
LEFT_BEHIND: Final = (
    "the command has ended; processes that it left behind still hold its output, "
    "and what they print from here on is not published"
)


def wrap_command(options: argparse.Namespace, config: RunnerConfig) -> int:
    """Run the command; its exit code, or 128 + the signal that ended it, as a shell says it."""
    stand_in_for_closed_outputs()
    argv = options.argv[1:] if options.argv[:1] == ["--"] else options.argv
    if not argv:
        return _refuse("expected a command after --")
    try:
        flow = RequestFlow.of(
            options.tenant,
            extension=options.extension,
            install=options.install,
            request=options.request_id or f"wrap-{secrets.token_hex(4)}",
            version=options.version_id,
        )
    except BadId as error:
        return _refuse(str(error))
    if config.publisher.redis_url is None:
        if options.strict:
            return _refuse("--strict needs RUNNER_DEBUG_REDIS_URL: nothing would be published")
        _say("RUNNER_DEBUG_REDIS_URL is not set: nothing is published")
    terminals = Terminals() if options.pty else None
    relay = SignalRelay(resized=terminals.resize if terminals else None)
    outputs = terminals.outputs if terminals else (open_pipe(), open_pipe())
    # What takes its time is made first: until the loop runs nobody knows which output was first.
    redaction = load_redaction(config.publisher.redaction_key)
    may_go_on(b"")
    try:
        child = subprocess.Popen(argv, stdout=outputs[0][1], stderr=outputs[1][1])
    except OSError as error:
        _say(f"{argv[0]}: {error.strerror}")
        return 127 if isinstance(error, FileNotFoundError) else 126
    for _, writer in outputs:
        os.close(writer)
    relay.start(child)
    # The command's own output is the local log, and stderr is its, not ours.
    log = logging.getLogger("extdebug.runner")
    log.addHandler(TellOnce(level=logging.WARNING))
    log.propagate = False
    publisher = Publisher(replace(config.publisher, mirror=False), redaction=redaction)
    began = time.monotonic()
    tell_start(publisher, flow, Path(argv[0]).name)
    capture = Capture(
        lambda output, line, cut: publisher.line(flow, output, line, cut),
        most_bytes=publisher.most_joined,
    )
    routes = [
        Route(source, None if options.quiet else number, CaptureInput(capture, output))
        for (source, _), number, output in zip(
            outputs, (1, 2), (Output.STDOUT, Output.STDERR), strict=True
        )
    ]
    finished = follow(child, routes, relay, wait_children=not options.no_wait_children)
    capture.close()
    code = child.wait()
    if not finished:
        publisher.emit(flow, Output.LOG, Level.WARN, LEFT_BEHIND, fields={"event": "left_behind"})
        _say(LEFT_BEHIND)
    outcome = f"exit_{code}" if code >= 0 else f"signal_{-code}"
    tell_end(publisher, flow, outcome, seconds=time.monotonic() - began)
    for route, name in zip(routes, ("stdout", "stderr"), strict=True):
        if route.error is not None:
            _say(f"{name} could not be passed on: {route.error.strerror}")
    missing = finish(publisher, relay, bound=config.publisher.flush_timeout)
    code = code if code >= 0 else 128 - code
    return NOT_PUBLISHED if missing and options.strict and code == 0 else code


def stand_in_for_closed_outputs() -> None:
    """Give /dev/null the place of an output that wrap was started without (`>&-`).

    The next file that is opened would take its number, and what the command prints go there.
    """
    for number in (1, 2):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            if nowhere != number:
                os.dup2(nowhere, number, inheritable=False)
                os.close(nowhere)


def follow(
    child: subprocess.Popen[bytes], routes: list[Route], relay: SignalRelay, *, wait_children: bool
) -> bool:
    """Pass the output on until it ends; whether it did.

    It ends when nobody holds it any more: processes that outlive the command are waited for, as a
    shell's pipe does. Without `wait_children` they have a second more, and a signal that comes
    after the command's end gives them none.
    """
    until: float | None = None

    def limit() -> float | None:
        nonlocal until
        if child.poll() is not None:
            relay.ended()
            if relay.interrupted:
                return 0.0
            if until is None and not wait_children:
                until = time.monotonic() + LINGER
        return until

    return PassThrough(routes, wake=relay.wake).run(limit)


def finish(publisher: Publisher, relay: SignalRelay, *, bound: float) -> int:
    """Publish what waits, at most `bound` seconds or until a signal; say what was not."""
    relay.ended()
    deadline = time.monotonic() + bound
    while not relay.interrupted and time.monotonic() < deadline:
        if publisher.flush(min(0.1, bound)):
            break
    publisher.close(0)
    missing = publisher.unpublished()
    if missing:
        _say(summary(missing, of=publisher.stats()["emitted"], trouble=publisher.trouble))
    return sum(missing.values())


def summary(missing: Mapping[str, int], *, of: int, trouble: str | None) -> str:
    """How many events were not published, and why. `trouble`: what Redis or the way to it said."""
    why = "; ".join(f"{count}: {CAUSES.get(cause, cause)}" for cause, count in missing.items())
    text = f"{sum(missing.values())} of {of} events were not published ({why})"
    return f"{text}. Redis: {trouble}" if trouble and set(missing) != {"rate_limited"} else text


class Terminals:
    """A terminal in the place of each output: programs then write line by line.

    They pass bytes as they are and have the size of ours, or the usual one where we have none: in a
    terminal without columns progress bars show nothing. They are nobody's controlling terminal:
    Ctrl-C stays with the real one.
    """

    def __init__(self) -> None:
        self.outputs = (os.openpty(), os.openpty())
        for _, writer in self.outputs:
            mode = termios.tcgetattr(writer)
            mode[1] &= ~termios.OPOST  # no carriage return before a newline
            termios.tcsetattr(writer, termios.TCSANOW, mode)
        self.resize()

    def resize(self) -> None:
        size = next(filter(None, map(_size, (1, 2, 0))), USUAL_SIZE)
        for reader, _ in self.outputs:
            try:
                termios.tcsetwinsize(reader, size)
            except (termios.error, OSError):
                continue  # that output has ended


def _size(ours: int) -> tuple[int, int] | None:
    """Rows and columns of a terminal of ours; None if it is none or does not know its size."""
    try:
        rows, columns = termios.tcgetwinsize(ours)
    except (termios.error, OSError):
        return None
    return (rows, columns) if rows and columns else None


class TellOnce(logging.Handler):
    """The publisher's warnings on stderr, each kind once: the summary says how it ended."""

    def __init__(self, *, level: int) -> None:
        super().__init__(level)
        self._told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg not in self._told and not str(record.msg).startswith("publisher stopped"):
            self._told.add(record.msg)
            _say(record.getMessage())


def _say(text: str) -> None:
    if sys.stderr is None:  # wrap was started without one
        return
    with suppress(OSError):  # whoever read our stderr may have gone
        sys.stderr.write(f"wrap: {text}\n")
        sys.stderr.flush()


def _refuse(text: str) -> int:
    _say(text)
    return 2
