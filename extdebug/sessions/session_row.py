"""The row of one session as its feed writes it: extended while it lives, let go or closed once."""

from __future__ import annotations

import datetime as dt

from extdebug.db import Bridge
from extdebug.protocol.client_frames import ErrorCode, ProtocolError
from extdebug.protocol.close_codes import CloseCode
from extdebug.sessions import close_reasons, store
from extdebug.sessions.account import Account, rest_of
from extdebug.sessions.close_reasons import CloseReason
from extdebug.sessions.handed_in import hand_in
from extdebug.sessions.store import Lease
from extdebug.wire.keys import Target
from policies.access import Viewer


class SessionRow:
    """Owned by a feed; every write goes through `records`, in a thread of its pool."""

    def __init__(self, lease: Lease, viewer: Viewer, target: Target, *, records: Bridge) -> None:
        self._lease = lease
        self._viewer = viewer
        self._target = target
        self._records = records
        self._written = lease.account
        self.passed_on = False  # another connection of this process has the account

    def wrote(self, account: Account) -> None:
        """The row says this now."""
        self._written = account

    async def extend(self, *, ends: dt.datetime, ttl: int) -> dt.datetime:
        """As many seconds again as a session begins with, within what the policy allows.

        The new end; ProtocolError when it is not later than `ends`, or the row no longer ours.
        """
        again = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=ttl)
        until = min(self._lease.extendable_until, again)
        if until <= ends + dt.timedelta(seconds=1):
            raise ProtocolError(
                ErrorCode.NOT_EXTENDABLE, "this session cannot last longer; open a new one"
            )
        ours = await self._records(
            store.extend, self._lease, self._viewer, self._target, until=until
        )
        if not ours:
            raise ProtocolError(ErrorCode.NOT_EXTENDABLE, "this session is over")
        return until

    async def finish(
        self, account: Account, end: CloseReason | None, *, gone: bool, code: int, reason: str
    ) -> None:
        """Write the end. `gone`: lost, not closed, so it may be resumed; `end` knows better.

        Where the session goes on in another connection, the row is that one's now.
        """
        if end is close_reasons.TAKEN:
            rest = None if self.passed_on else rest_of(account, self._written)
            if rest is not None:
                await self._records(hand_in, self._lease.id, rest)
            return
        if end is not None:
            gone = end.code is CloseCode.RESTARTING
            code, reason = int(end.code), end.reason
        if gone:
            await self._records(store.detach, self._lease, account)
        else:
            await self._records(
                store.close, self._lease, self._viewer, self._target, account,
                code=code, reason=reason,
            )  # fmt: skip
