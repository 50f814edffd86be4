"""What the earlier of two connections told last, beside the account of the session it has lost.

Whoever takes a session over while another process serves it goes on from the account that was last
written, which is seconds old. The other then hands in the rest. It stays apart in the row, because
the new holder writes its own account over and over, and is joined where the row's end is written
and where somebody asks who was shown a line.
"""

from __future__ import annotations

from django.db import transaction

from audit import trail
from extdebug.models import DebugSession
from extdebug.sessions.account import Account, joined
from extdebug.wire.events import printable


def hand_in(session: str, rest: Account) -> None:
    """Add this to what was handed in for the session, whoever holds it and even if it is over."""
    with transaction.atomic():
        row = DebugSession.objects.select_for_update().filter(pk=session).first()
        if row is None:
            return
        whole = joined(rest, row.handed_in)
        said = {
            "shown": whole.shown,
            "filtered": whole.filtered,
            "lost": dict(whole.lost),
            "uncounted": sorted(whole.unknown),
            "filters": [printable(one) for one in whole.filters],
            "reach": whole.reach or [],
        }
        row.handed_in = trail.storable(said)
        row.save(update_fields=["handed_in"])


def account_of(row: DebugSession) -> Account:
    """All that a row says its session was shown."""
    account = Account(
        row.shown, row.filtered, row.lost, row.uncounted, row.cursor, row.filters, row.reach
    )
    return joined(account, row.handed_in)
