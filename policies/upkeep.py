"""What the janitor does for policies: labels, notices that wait, rows that are of no more use.

Safe to run twice, in parallel and never: nothing here carries authority.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

from policies import limits
from policies.database import clock
from policies.grants import notifications, verbs
from policies.identity import tickets
from policies.models import Notice, Opening

KEEP_NOTICES: Final = dt.timedelta(days=30)


def run() -> dict[str, int]:
    """One round; how many of each were done. Every few seconds is often enough."""
    now = clock.now()
    return {
        "grants": verbs.lapse(),
        "notices": notifications.deliver_due(),
        "tickets": tickets.prune(),
        "openings": Opening.objects.filter(at__lte=now - limits.MINUTE).delete()[0],
        "old_notices": Notice.objects.filter(created_at__lte=now - KEEP_NOTICES).delete()[0],
    }
