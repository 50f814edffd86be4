"""Openings: 2,000 sessions of 1,000 people who all come at once, as after a restart.

Over WebSockets on `manage.py serve`, in production, on PostgreSQL with 10,000 installs and 1,000
grants: each opening decides, writes the session's row and one of the trail. Seconds from the first
connection until the last session is live.
"""

from __future__ import annotations

import time
from typing import Final

from tests.bench.cases import OURS, Case, Row, Sample
from tests.bench.runs import Run
from tests.bench.stage import Stage
from tests.bench.watchers import subscribe, watch
from tests.fixtures.programs import POSTGRES_DIRS, find

SESSIONS: Final = 2_000
WITHIN: Final = 300.0  # seconds
ENDED: Final = (
    "UPDATE extdebug_debugsession SET closed_at = now(), close_code = 1000 WHERE closed_at IS NULL"
)


def row(run: Run) -> Row:
    if find("postgres", dirs=POSTGRES_DIRS) is None:
        return Row([], left_out=["decisions, openings: PostgreSQL is not installed"])
    sessions = 200 if run.quick else SESSIONS
    return Row([Case("openings", OURS, lambda: openings(run.production, sessions=sessions))])


def openings(stage: Stage, *, sessions: int) -> Sample:
    """One server, to which everybody comes at once."""
    people = stage.people
    comers = [people[number % len(people)] for number in range(sessions)]
    frames = [subscribe(tenant=one.tenant, extension=one.extension) for one in comers]
    with stage.console() as server:
        with watch(stage, server, frames[:1], events=1) as first:
            first.ready()  # what a process does once
        time.sleep(1)
        with watch(stage, server, frames, events=1, seconds=WITHIN) as watching:
            seconds = watching.ready()
    # The server was killed: nobody else ends the rows that it leaves open.
    stage.sql(ENDED)
    return Sample({"openings-2000": seconds, "openings-rate": sessions / seconds})
