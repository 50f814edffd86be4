"""`manage.py replay_stream`: prints what a stream still holds, as one user may see it."""

from __future__ import annotations

import asyncio
import datetime as dt
import getpass
import os
import signal
import sys
import threading
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Coroutine
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from extdebug.filters.filter import Filter, FilterError
from extdebug.ops import traces
from extdebug.protocol.close_codes import CloseCode
from extdebug.sessions.close_reasons import CloseReason, OpeningRefused
from extdebug.sessions.opening import OpeningRequest
from extdebug.transports import terminal
from extdebug.transports.replay import (
    BadPlace,
    ReplayQuery,
    ReplayUnavailable,
    ReplayWriter,
    Shown,
    read_last,
    read_since,
    read_until,
    replay,
)
from extdebug.wire.events import Event, Gap
from extdebug.wire.positions import ENDLESS, Start
from policies.access import Viewer, viewer_of

# Exit codes beside 0 (all shown), 1 (a wrong argument) and 2 (argparse).
REFUSED: Final = 3  # not allowed, or no longer: nothing more will come
UNAVAILABLE: Final = 4  # Redis, the database or a limit: try again later
INTERRUPTED: Final = 130
TERMINATED: Final = 143


def speed(text: str) -> float:
    """How many times the original pace."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.001 <= value <= 1_000_000:
        raise ArgumentTypeError(f"expected a number above 0 (1: as it was), got {text!r}")
    return value


class Command(BaseCommand):
    help = (
        "Print what a debug stream still holds, as USER may see it: the same decision, redaction "
        "and audit as the page. TENANT - is a stream without a tenant."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("tenant", metavar="TENANT")
        parser.add_argument("extension", metavar="EXTENSION")
        parser.add_argument(
            "--as", dest="user", required=True, metavar="USER", help="decide and record as USER"
        )
        place = parser.add_mutually_exclusive_group()
        place.add_argument("--since", metavar="WHEN", help="10m, 2h, 1d ago, or ISO 8601 (UTC)")
        place.add_argument("--last", metavar="N", help="the last N events that match")
        parser.add_argument(
            "--until", metavar="WHEN", help="up to this moment, spelled like --since"
        )
        parser.add_argument(
            "--request", metavar="ID", help="only this execution; ab* for ids that begin so"
        )
        parser.add_argument(
            "--filter", default="", metavar="Q", help="the query language of the page"
        )
        parser.add_argument("--follow", action="store_true", help="go on with what comes")
        parser.add_argument(
            "--speed", type=speed, metavar="X", help="the original pace times X (default: at once)"
        )
        parser.add_argument("--format", choices=("pretty", "jsonl"), default="pretty")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.REDIS_URL:
            raise CommandError("REDIS_URL is not set: there is no stream to replay")
        asked = _asked(options)
        traces.begin()
        try:
            viewer = _viewer(options["user"])
            shown = asyncio.run(
                _until_terminated(replay(viewer, asked, self._output(options["format"])))
            )
        except OpeningRefused as refused:
            raise _failed(refused.end) from None
        except ReplayUnavailable as error:
            raise CommandError(str(error), returncode=UNAVAILABLE) from None
        except DatabaseError as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise CommandError(
                f"the database does not answer: {reason}", returncode=UNAVAILABLE
            ) from None
        except asyncio.CancelledError:
            raise CommandError("terminated", returncode=TERMINATED) from None
        except KeyboardInterrupt:
            raise CommandError("interrupted", returncode=INTERRUPTED) from None
        except BrokenPipeError:  # `| head` has what it wanted
            _silence_stdout()
            return
        self.stderr.write(_summary(shown))
        if shown.end is not None:
            raise _failed(shown.end)

    def _output(self, form: str) -> ReplayWriter:
        write = self.stdout.write
        colour = self.style.ERROR("x") != "x" and self.stdout.isatty()  # honours --no-color

        def event(event: Event, json: bytes) -> None:
            if form == "jsonl":
                write(terminal.json_line(json))
            else:
                write(terminal.pretty(event, colour=colour))

        def gap(gap: Gap) -> None:
            if form == "jsonl":
                write(terminal.json_gap(gap))
            else:
                write(terminal.pretty_gap(gap, colour=colour))

        return ReplayWriter(event=event, gap=gap, remark=self._remark, flush=self.stdout.flush)

    def _remark(self, text: str) -> None:
        self.stderr.write(terminal.escaped(text))


async def _until_terminated(work: Coroutine[Any, Any, Shown]) -> Shown:
    """`work`, cancelled by SIGTERM, so that its session is closed in order."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    if task is not None and threading.current_thread() is threading.main_thread():
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    return await work


def _viewer(username: str) -> Viewer:
    user = get_user_model().objects.filter(username=username, is_active=True).first()
    if user is None:
        raise CommandError(f"there is no active user {username!r}")
    return viewer_of(user, transport="replay")


def _asked(options: dict[str, Any]) -> ReplayQuery:
    try:
        wanted = Filter.parse({"q": options["filter"], "request": options["request"]})
    except FilterError as error:
        place = "" if error.position is None else f" (at character {error.position + 1})"
        raise CommandError(f"--filter or --request: {error}{place}") from None
    start, span, now = Start(since_ms=0), ENDLESS, dt.datetime.now(dt.UTC)
    option = ""
    try:
        if options["since"] is not None:
            option = "--since"
            start = read_since(options["since"], now=now)
        elif options["last"] is not None:
            option = "--last"
            start = read_last(options["last"])
        if options["until"] is not None:
            option = "--until"
            span = read_until(options["until"], start=start, now=now)
    except BadPlace as error:
        raise CommandError(f"{option}: {error}") from None
    return ReplayQuery(
        opening=OpeningRequest(
            tenant=options["tenant"],
            extension=options["extension"],
            wanted=wanted,
            start=start,
            span=span,
        ),
        follow=options["follow"],
        speed=options["speed"],
        run_by=_run_by(),
    )


def _run_by() -> str:
    """The account of the operating system, for the audit; a container may have none."""
    try:
        return getpass.getuser()[:64]
    except (KeyError, OSError):
        return str(os.getuid())


def _failed(end: CloseReason) -> CommandError:
    words = " ".join(part for part in (end.message, end.hint) if part)
    if end.retry is not None:
        words = f"{words} Try again in {end.retry:.0f} s."
    later = (CloseCode.BUSY, CloseCode.UNAVAILABLE, CloseCode.RESTARTING)
    if end.code is CloseCode.BAD_REQUEST:
        return CommandError(terminal.escaped(words), returncode=1)
    return CommandError(
        terminal.escaped(words), returncode=UNAVAILABLE if end.code in later else REFUSED
    )


def _summary(shown: Shown) -> str:
    account = shown.account
    lost = sum(account.lost.values())
    unknown = " or more" if account.unknown else ""
    return f"{shown.written} shown, {account.filtered} filtered out, {lost}{unknown} lost"


def _silence_stdout() -> None:
    """Python would complain about the broken pipe once more when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
