"""`manage.py janitor`: one round of upkeep, or a round every so many seconds.

Trims streams, closes abandoned sessions, sends due notices. Any number may run at once.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import signal
import socket
import threading
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections
from django.utils import timezone
from redis.exceptions import RedisError

from audit import integrity, trail
from extdebug.models import DebugSession, Process
from extdebug.sessions import heartbeats, ownership
from extdebug.streams.retention import Tidied, tidy
from extdebug.wire import redis_clients
from extdebug.wire.keys import Target
from extdebug.wire.redis_causes import cause
from policies import upkeep

log = logging.getLogger(__name__)

# A hub's group goes when its process has not beaten (every 5 s) for this long. Longer than a
# session's grace: a group of a hub that lives after all would cost its watchers a gap notice.
HUB_SILENT: Final = dt.timedelta(minutes=2)
REDIS_SECONDS: Final = 5.0  # for one command

Step = tuple[str, Callable[[], object]]  # its name, and what does it and may return a count


def seconds(text: str) -> float:
    """A positive number of seconds."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise ArgumentTypeError(f"expected seconds above 0, got {text!r}")
    return value


class Command(BaseCommand):
    help = (
        "Trim streams by age, remove what dead processes left behind (sessions, groups, empty "
        "keys), and bring due labels, notices and audit rows up to date. Safe to run twice."
    )

    def __init__(
        self,
        *args: Any,
        steps: Callable[[float], Sequence[Step]] | None = None,
        **kwargs: Any,
    ) -> None:
        """`steps`, given the retention in seconds, replaces what a round consists of."""
        super().__init__(*args, **kwargs)
        self._given_steps = steps

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--loop", type=seconds, metavar="SECONDS", help="go on, with this pause between rounds"
        )
        parser.add_argument(
            "--retention", type=seconds, metavar="SECONDS",
            help="how old entries may get (default: EXT_DEBUG_RETENTION_SECONDS)",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        retention = options["retention"] or float(settings.EXT_DEBUG_RETENTION_SECONDS)
        pause = options["loop"]
        if pause is None:
            failed = self._round(retention, verbosity=options["verbosity"])
            if failed:
                raise CommandError(f"not done: {', '.join(failed)}")
            return
        stopped = threading.Event()
        with ExitStack() as restored:
            for number in (signal.SIGTERM, signal.SIGINT):
                if threading.current_thread() is threading.main_thread():
                    before = signal.signal(number, lambda *_: stopped.set())
                    restored.callback(signal.signal, number, before)
            while not stopped.is_set():
                close_old_connections()  # as between two requests: a lost one is made anew
                self._round(retention, verbosity=options["verbosity"])
                stopped.wait(pause)

    def _round(self, retention: float, *, verbosity: int) -> list[str]:
        """Every step, whatever became of the others; the names of those that failed."""
        failed: list[str] = []
        said: list[str] = []
        tenantless: list[Target] = []
        steps = (self._given_steps or self._steps)(retention)
        last = ("sign of life", lambda: _beat(failed, tenantless))
        for name, step in (*steps, last):
            try:
                outcome = step()
            except Exception as error:  # one step must not keep the others from their work
                log.debug("%s", name, exc_info=True)
                why = cause(error) if isinstance(error, RedisError) else error
                self.stderr.write(f"{name}: {why}")
                failed.append(name)
                continue
            if isinstance(outcome, Tidied):
                said += _tidied(outcome)
                tenantless += outcome.tenantless
                for problem in outcome.problems:
                    self.stderr.write(f"{name}: {problem}")
            elif outcome:
                said.append(f"{name}: {outcome}")
        if verbosity > 0 and said:
            self.stdout.write("; ".join(said))
        elif verbosity > 1 and not failed:
            self.stdout.write("nothing to do")
        return failed

    def _steps(self, retention: float) -> Sequence[Step]:
        steps: list[Step] = [
            ("abandoned sessions closed", ownership.close_abandoned),
            ("audit rows caught up", trail.retry_waiting),
            *upkeep.STEPS,
        ]
        if settings.AUDIT_SIGNING_KEY:
            steps.append(("checkpoints signed", _checkpoint))
        if settings.REDIS_URL:
            steps.append(("streams", lambda: tidy_streams(retention)))
        return steps


def _beat(failed: Sequence[str], tenantless: Sequence[Target]) -> None:
    """The round is over: for metrics, alerts and the operators' pages."""
    now = timezone.now()
    heartbeats.beat(
        heartbeats.JANITOR, host=socket.gethostname()[:128], pid=os.getpid(), started_at=now,
        health={
            "failed": list(failed),
            heartbeats.TENANTLESS: [[each.tenant, each.extension] for each in tenantless],
        },
    )  # fmt: skip


def tidy_streams(retention: float) -> Tidied:
    """One round over the streams of REDIS_URL, on each master of a cluster. Where one does not
    answer, those behind it wait for the next round."""
    keys = redis_clients.keys(settings.REDIS_URL, prefix=settings.EXT_DEBUG_STREAM_PREFIX)
    done = Tidied()
    for server in redis_clients.clients(settings.REDIS_URL, seconds=REDIS_SECONDS):
        with server as client:
            done.add(
                tidy(client, keys=keys, retention=retention, alive=_living_hubs, watched=_watched)
            )
    return done


def _living_hubs() -> set[str]:
    since = timezone.now() - HUB_SILENT
    return set(Process.objects.filter(beat_at__gte=since).values_list("name", flat=True))


def _watched() -> set[Target]:
    rows = DebugSession.objects.filter(closed_at=None).values_list("tenant", "extension")
    return {Target(tenant, extension) for tenant, extension in rows.distinct()}


def _checkpoint() -> int:
    return int(integrity.checkpoint_if_due() is not None)


def _tidied(done: Tidied) -> list[str]:
    said = []
    for count, what in (
        (done.entries, "old entries removed"),
        (done.keys, "empty streams removed"),
        (done.groups, "groups of dead hubs removed"),
        (done.foreign, "streams of others left alone"),
    ):
        if count:
            said.append(f"{what}: {count}")
    return said
