"""Template filters: a grant's state in words and in a colour, by the clock and not by its label."""

from __future__ import annotations

import datetime as dt
from typing import Final

from django import template

from policies.models import Grant

register = template.Library()
State = Grant.State

COLOURS: Final[dict[str, str]] = {
    State.REQUESTED: "warning",
    State.SCHEDULED: "info",
    State.ACTIVE: "success",
    State.REVOKED: "danger",
    State.DENIED: "danger",
}
# Access that nobody approved never looks like access that somebody did.
UNAPPROVED: Final = "danger"


@register.filter
def state_words(grant: Grant, now: dt.datetime) -> str:
    """ "Active", "Expired (not answered)" and so on."""
    return str(grant.state_at(now).label)


@register.filter
def state_colour(grant: Grant, now: dt.datetime) -> str:
    """success, warning, info, danger or default: the classes of the desk's marks."""
    state = grant.state_at(now)
    if grant.break_glass and state in (State.ACTIVE, State.SCHEDULED):
        return UNAPPROVED
    return COLOURS.get(state, "default")
