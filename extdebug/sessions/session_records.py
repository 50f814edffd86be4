"""What is on record of sessions beside the changes of their rows: early refusals, saved lines.

Synchronous ORM, called through `db`.
"""

from __future__ import annotations

import uuid

from django.http import HttpRequest

from audit import refusals, trail
from extdebug.models import DebugSession
from extdebug.sessions.store import actor_of
from policies.access import Viewer


def record_refusal(
    viewer: Viewer, *, tenant: str | None, extension: str, code: str, reason: str
) -> None:
    """A refusal before any decision: a name that is none, no target, a sign-in that ended."""
    trail.record_durably(
        trail.Entry(
            trail.Action.SESSION_DENIED,
            actor=actor_of(viewer),
            tenant=tenant or "",
            extension=extension,
            reason=reason,
            data={"code": code, "transport": viewer.transport},
        )
    )


def is_told(request: HttpRequest) -> None:
    """The refusal that answers this request has a row already: its page's would be a second."""
    refusals.told(request)


def record_saved(session: str, viewer: Viewer, *, what: str, lines: int) -> bool:
    """Lines leave the page as a file or by the clipboard; False when it is not their session."""
    try:
        mine = DebugSession.objects.filter(pk=uuid.UUID(session), user_id=viewer.user_id)
    except ValueError:
        return False
    row = mine.first()
    if row is None:
        return False
    trail.record_repeatable(
        trail.Entry(
            trail.Action.SESSION_LINES_SAVED,
            actor=actor_of(viewer),
            tenant=row.tenant,
            extension=row.extension,
            subject_type="session",
            subject_id=str(row.pk),
            data={
                "code": f"{what}, {lines} line{'' if lines == 1 else 's'}",
                "what": what,
                "lines": lines,
            },
        )
    )
    return True
