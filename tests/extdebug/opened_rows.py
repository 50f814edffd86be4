"""The row of a session, opened as a process opens it, without the session."""

from extdebug.sessions import store
from extdebug.sessions.comebacks import Comeback, Taken, take_over
from extdebug.sessions.open_rows import Wanted, open_rows
from extdebug.sessions.store import Lease
from extdebug.wire.keys import Target
from policies.access import Decision, Viewer


def taken_over(session: str, viewer: Viewer, target: Target, *, process: str) -> Taken:
    """The session gone on with; None when there is none to go on with."""
    return take_over([Comeback(session, viewer, target, process)])[0]


def open_row(
    viewer: Viewer, target: Target, *, process: str = "p1"
) -> tuple[Decision, Lease | None]:
    """What was decided, and the row's lease; a refusal is on record."""
    [(decision, lease)] = open_rows([Wanted(viewer, target, process)])
    if lease is None:
        store.record_denial(viewer, target, decision)
    return decision, lease
