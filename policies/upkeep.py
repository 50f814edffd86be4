"""The janitor's work for policies: labels by the clock, notices to send, rows past their use.

Each step may run twice, in parallel with itself in another process, or late: no decision waits
for it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final

from django.conf import settings

from policies import limits
from policies.changes import requests
from policies.database import clock
from policies.grants import notifications, verbs
from policies.identity import tickets
from policies.models import Notice, Opening
from policies.sign_in import roles

# A notice holds addresses and the text of a message. The grant's page shows it until then.
KEEP_NOTICES: Final = dt.timedelta(days=30)


def prune_openings() -> int:
    """Delete attempts to open that no rate counts any more (older than a minute); how many."""
    return Opening.objects.filter(at__lte=clock.now() - limits.MINUTE).delete()[0]


def prune_notices() -> int:
    """Delete notices older than KEEP_NOTICES, sent or given up; how many."""
    return Notice.objects.filter(created_at__lte=clock.now() - KEEP_NOTICES).delete()[0]


def end_stale_roles() -> int:
    """Take away what groups of the provider gave to people who have not come back; how many."""
    return roles.end_stale(older_than=dt.timedelta(seconds=settings.SIGN_IN.roles_seconds))


# What was done, in the words that `manage.py janitor` prints before the count -> the step.
STEPS: Final[tuple[tuple[str, Callable[[], int]], ...]] = (
    ("grants past their time", verbs.lapse),
    ("changes past their time", requests.lapse),
    ("notices sent", notifications.deliver_due),
    ("people whose groups were not asked for long", end_stale_roles),
    ("old tickets deleted", tickets.prune),
    ("old openings deleted", prune_openings),
    ("old notices deleted", prune_notices),
)
