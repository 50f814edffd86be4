"""`wrap`: any command, its exit code, signals and output untouched, each of its lines published."""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import IO, Final

from extdebug.runner.capture import Capture
from extdebug.runner.config import RunnerConfig
from extdebug.runner.context import RequestFlow
from extdebug.runner.publish.publisher import Publisher
from extdebug.wire.events import BadId

CHUNK: Final = 64 * 1024
# Passed on to the command; the wrapper itself ends when the command does.
FORWARDED: Final = (
    signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2,
    signal.SIGWINCH, signal.SIGCONT,
)  # fmt: skip
# How long output may still come after the command has ended: a grandchild may hold the pipe.
LINGER: Final = 1.0  # s


def wrap_command(options: argparse.Namespace, config: RunnerConfig) -> int:
    """Run the command; its exit code, or 128 + the signal that ended it, as a shell says it."""
    argv = options.argv[1:] if options.argv[:1] == ["--"] else options.argv
    if not argv:
        sys.stderr.write("wrap: expected a command after --\n")
        return 2
    try:
        flow = RequestFlow.of(
            options.tenant,
            extension=options.extension,
            install=options.install,
            request=options.request_id or f"wrap-{secrets.token_hex(4)}",
            version=options.version_id,
        )
    except BadId as error:
        sys.stderr.write(f"wrap: {error}\n")
        return 2
    if config.publisher.redis_url is None:
        sys.stderr.write("wrap: RUNNER_DEBUG_REDIS_URL is not set: nothing is published\n")
    try:
        child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    except OSError as error:
        sys.stderr.write(f"wrap: {argv[0]}: {error.strerror}\n")
        return 127 if isinstance(error, FileNotFoundError) else 126
    # The command's own output is the local log, and stderr is its, not ours.
    logging.getLogger("extdebug.runner").addHandler(logging.NullHandler())
    publisher = Publisher(replace(config.publisher, mirror=False))
    try:
        return _watch(child, flow, publisher, quiet=options.quiet)
    finally:
        publisher.close()


def _watch(
    child: subprocess.Popen[bytes], flow: RequestFlow, publisher: Publisher, *, quiet: bool
) -> int:
    def forward(number: int, _: FrameType | None) -> None:
        child.send_signal(number)

    before = {number: signal.signal(number, forward) for number in FORWARDED}
    capture = Capture(lambda output, line, cut: publisher.line(flow, output, line, cut))
    pumps = [
        threading.Thread(target=_pump, args=args, daemon=True)
        for args in (
            (child.stdout, None if quiet else 1, capture.out),
            (child.stderr, None if quiet else 2, capture.err),
        )
    ]
    try:
        for pump in pumps:
            pump.start()
        code = child.wait()
        for pump in pumps:
            pump.join(timeout=LINGER)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    capture.close()
    return code if code >= 0 else 128 - code


def _pump(source: IO[bytes] | None, to: int | None, feed: Callable[[bytes], None]) -> None:
    if source is None:  # pragma: no cover - both are pipes
        return
    while data := os.read(source.fileno(), CHUNK):
        feed(data)
        if to is not None:
            to = _pass_on(to, data)


def _pass_on(to: int, data: bytes) -> int | None:
    """Write everything; None once the reader is gone (its end is not the command's)."""
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(to, view) :]
    except OSError:
        return None
    return to
