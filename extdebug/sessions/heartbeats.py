"""Signs of life of processes: written every few seconds, and read to tell who fell silent."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from django.utils import timezone

from extdebug.models import Process

# A process beats every 5 s; its sessions must be closed within 30 s of its death.
SILENT: Final = dt.timedelta(seconds=15)
# The janitor's own row among the processes: its last round, and what failed in it.
JANITOR: Final = "janitor"
# Begins the name of a replay's row: a command that ends without signing off is no lost console.
REPLAY: Final = "replay:"
# It comes once a minute; five missed rounds let streams outgrow their retention.
JANITOR_SILENT: Final = dt.timedelta(minutes=5)


TENANTLESS: Final = "tenantless"  # in the janitor's health: the streams of no tenant it saw


@dataclass(frozen=True, slots=True)
class Signs:
    """Who lives, by the database. `janitor_age`: seconds since its last round, None: never."""

    alive: int
    silent: int
    janitor_age: float | None
    janitor_failed: int  # steps of that round that could not be done


def signs() -> Signs:
    """One query, for metrics. Consoles only: who replays in a terminal is not counted."""
    now = timezone.now()
    alive = silent = failed = 0
    age: float | None = None
    for process in Process.objects.only("name", "beat_at", "health"):
        if process.name == JANITOR:
            age = (now - process.beat_at).total_seconds()
            failed = len(process.health.get("failed", ()))
        elif is_replay(process):
            continue
        elif is_silent(process):
            silent += 1
        else:
            alive += 1
    return Signs(alive, silent, age, failed)


def tenantless() -> list[tuple[str, str]]:
    """Tenant and extension of the streams of no tenant that the janitor's last round found."""
    row = Process.objects.filter(name=JANITOR).first()
    found = row.health.get(TENANTLESS, ()) if row is not None else ()
    return sorted({(str(tenant), str(extension)) for tenant, extension in found})


def is_silent(process: Process) -> bool:
    """Whether its sign of life is too old; the sessions of a silent process are orphans."""
    longest = JANITOR_SILENT if process.name == JANITOR else SILENT
    return process.beat_at < timezone.now() - longest


def is_replay(process: Process) -> bool:
    """Whether it is a terminal's replay, which serves nobody else."""
    return process.name.startswith(REPLAY)


def beat(name: str, *, host: str, pid: int, started_at: dt.datetime, health: Any) -> None:
    """This process lives."""
    row = {
        "host": host, "pid": pid, "started_at": started_at, "beat_at": timezone.now(),
        "health": health,
    }  # fmt: skip
    # Not update_or_create at once: it reads the row, whose health may be 200 KB.
    if not Process.objects.filter(name=name).update(**row):
        Process.objects.update_or_create(name=name, defaults=row)


def leave(name: str) -> None:
    """This process ends of its own accord."""
    Process.objects.filter(name=name).delete()
