"""What a session was shown over all its filters and connections, for its row and its record."""

from __future__ import annotations

from collections.abc import Mapping

from extdebug.filters.filter import Filter
from extdebug.sessions import used_filters
from extdebug.sessions.account import Account
from extdebug.sessions.flow_control import FlowControl
from extdebug.sessions.ledger import Ledger
from extdebug.sessions.reach import Reach
from extdebug.sessions.store import Lease
from extdebug.wire.keys import Target
from policies.redaction.redactor import Redactor


class Accounting:
    """Owned by a feed. The ledger of the present filter lives in the flow; earlier ones here."""

    def __init__(self, lease: Lease) -> None:
        self._filters: list[Mapping[str, object]] = list(lease.filters)
        self._earlier = Ledger()
        self._reach = lease.reach
        self._noted = (0, 0)

    def use_filter(self, wanted: Filter, redactor: Redactor, target: Target) -> None:
        """A filter that the session uses from now on, kept as the audit trail may show it."""
        shown = used_filters.shown_filter(wanted, redactor, target)
        self._filters = used_filters.noted(self._filters, shown)

    def begin_anew(self, flow: FlowControl) -> None:
        """Another start: the client's ledger begins at zero, the session's goes on."""
        self._earlier.add(flow.ledger)
        flow.ledger = Ledger()

    def account(self, flow: FlowControl, *, placed: bool) -> Account:
        ledger = Ledger()
        ledger.add(self._earlier)
        ledger.add(flow.ledger)
        reach = Reach.of(self._reach)
        reach.join(flow.reach)
        return Account(
            shown=ledger.shown,
            filtered=ledger.filtered,
            lost=ledger.lost,
            unknown=sorted(ledger.unknown),
            cursor=str(flow.acked_position) if placed else "",
            filters=self._filters,
            reach=reach.bounds,
        )

    def changed(self, flow: FlowControl) -> bool:
        """Whether the account moved since this was last asked."""
        entries = self._earlier.entries + flow.ledger.entries
        moved = (entries, flow.reach.steps)
        changed, self._noted = moved != self._noted, moved
        return changed
