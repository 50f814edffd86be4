"""Answers to `fetch`: pages between two places, under the session's decision and its window."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Final

from redis.exceptions import RedisError

from extdebug.filters.filter import EVERYTHING, Filter
from extdebug.hub.hub import Hub
from extdebug.hub.page import Page, Span, fetch_hidden, fetch_page
from extdebug.hub.selection import Selection
from extdebug.protocol import server_frames
from extdebug.protocol.client_frames import ErrorCode, Fetch, ProtocolError
from extdebug.sessions import session_frames
from extdebug.sessions.flow_control import FlowControl
from extdebug.sessions.session_frames import ControlFrame
from extdebug.streams.connection import LOST
from extdebug.wire.keys import Target

PAGES_ASKED: Final = 4  # `fetch` requests that may wait


class Paging:
    """The requests of one session that wait for their page, oldest first."""

    def __init__(self, hub: Hub, target: Target) -> None:
        self._hub = hub
        self._target = target
        self.asked: list[tuple[Fetch, Filter | None]] = []
        self._round = 0

    def __bool__(self) -> bool:
        return bool(self.asked)

    def ask(self, wanted: Fetch) -> Filter | None:
        """Queue a request; the filter beside the session's own that its page shows events of.

        ProtocolError when too many wait already, FilterError for a filter that cannot be run.
        """
        if len(self.asked) >= PAGES_ASKED:
            raise ProtocolError(ErrorCode.TOO_FAST, "wait for the pages you asked for")
        own = None if wanted.filter is None else Filter.parse(wanted.filter.parts())
        self.asked.append((wanted, own))
        return EVERYTHING if wanted.hidden else own

    def start_over(self) -> None:
        """Authority or rules changed: a page found before is not shown, but found again."""
        self._round += 1

    async def answer(
        self, selection: Selection, flow: FlowControl, *, now: float
    ) -> ControlFrame | None:
        """The page of the oldest request; None when it has to be found again."""
        (wanted, own), begun = self.asked[0], self._round
        if own is not None:
            selection = dataclasses.replace(selection, filter=own)
        found: Page | None = None
        fetch = fetch_hidden if wanted.hidden else fetch_page
        with contextlib.suppress(RedisError, *LOST):
            found = await fetch(
                self._hub, self._target, Span(wanted.after_cursor, wanted.before_cursor),
                selection=selection, limit=wanted.limit,
            )  # fmt: skip
        if begun != self._round:
            return None
        del self.asked[0]
        if found is None:
            error = ProtocolError(ErrorCode.UNAVAILABLE, "Redis does not answer; ask again")
            return ControlFrame("error", server_frames.error_frame(error))
        failed = selection.selector.failed
        if failed is not None:  # the page would be empty, and nobody could tell why
            return ControlFrame("error", server_frames.error_frame(failed))
        return session_frames.page(wanted.id, found, flow=flow, now=now)
