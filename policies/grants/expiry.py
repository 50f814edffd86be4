"""Updates the states of grants whose time has come. Decisions go by times and need it not."""

from __future__ import annotations

from typing import Any, Final

from django.db import transaction
from django.db.models import F, Q

from audit.trail import Action
from policies.database import clock
from policies.grants import claims as acts
from policies.grants.claims import GrantConflict
from policies.models import Grant

UNAPPROVED: Final = "Too few of those who approved it may still approve."


def settle(grant_id: int) -> None:
    """Activate one scheduled grant whose start has come, before a verb looks at its state."""
    now = clock.ClockNow()
    due = Grant.objects.filter(pk=grant_id, state=Grant.State.SCHEDULED, starts_at__lte=now)
    for row in due:
        lapse_one(row)


def lapse(*, limit: int = 500) -> int:
    """Update the states of all grants whose time has come (for the janitor); how many."""
    now = clock.ClockNow()
    due = Grant.objects.filter(
        Q(state=Grant.State.REQUESTED, lapses_at__lte=now)
        | Q(state=Grant.State.SCHEDULED, starts_at__lte=now)
        | Q(state=Grant.State.ACTIVE, ends_at__lte=now)
    )
    return sum(lapse_one(row) for row in due.order_by("pk")[:limit])


def lapse_one(row: Grant) -> bool:
    """Update one grant's state if its time has come; False when it was changed meanwhile."""
    now = clock.ClockNow()
    with transaction.atomic():
        try:
            if row.state == Grant.State.REQUESTED:
                over: dict[str, Any] = {"closed_at": F("lapses_at")}
                acts.change(row, Q(lapses_at__lte=now), state=Grant.State.LAPSED, **over)
                action = Action.GRANT_LAPSED
                acts.tell("lapsed", row, by=None)
            elif row.state == Grant.State.SCHEDULED and acts.given(row) < row.approvals_required:
                over = {"closed_at": now, "closed_reason": UNAPPROVED}
                acts.change(row, Q(starts_at__lte=now), state=Grant.State.CANCELLED, **over)
                action = Action.GRANT_CANCELLED
                acts.tell("cancelled", row, by=None)
            elif row.state == Grant.State.SCHEDULED:
                acts.change(row, Q(starts_at__lte=now), state=Grant.State.ACTIVE)
                action = Action.GRANT_ACTIVATED
            else:
                over = {"closed_at": F("ends_at")}
                acts.change(row, Q(ends_at__lte=now), state=Grant.State.ENDED, **over)
                action = Action.GRANT_ENDED
        except GrantConflict:
            return False
        acts.record(action, row, by=None, reason=row.closed_reason)
    return True
