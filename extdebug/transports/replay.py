"""Replays a stream into a terminal, for the command `replay_stream`.

It is a session like any other, with the same feed, decision, redaction and audit as the page's.
Only the pace differs: the original one (times a speed), or as fast as the output takes it.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from audit.tracing import spans
from extdebug.db import in_record_threads
from extdebug.protocol.frame_parts import MAX_TAIL
from extdebug.protocol.server_frames import StreamState
from extdebug.sessions.account import Account
from extdebug.sessions.close_reasons import CloseReason, OpeningRefused
from extdebug.sessions.feed import Feed
from extdebug.sessions.flow_control import Events, GapNotice
from extdebug.sessions.node import current_node, stop_node
from extdebug.sessions.opening import OpeningRequest, open_session, record_replay
from extdebug.transports.moments import BadMoment, read_moment
from extdebug.wire.events import Event, Gap
from extdebug.wire.positions import EntryId, Span, Start
from policies.access import Viewer

REDIS_PATIENCE: Final = 5.0  # seconds without an answer of Redis until a replay gives up


class BadPlace(ValueError):
    """A `--since`, `--until` or `--last` that cannot be meant."""


class ReplayUnavailable(Exception):
    """Redis did not answer in time; `str()` is for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayQuery:
    """What to replay and how. `speed` None: as fast as it goes. `run_by`: who ran the command."""

    opening: OpeningRequest
    follow: bool = False
    speed: float | None = None
    run_by: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """The account of a finished replay; `end` None when everything asked for was shown."""

    account: Account
    written: int  # events; the account also has what came after the last one asked for
    end: CloseReason | None


@dataclass(frozen=True, slots=True)
class ReplayWriter:
    """Where a replay writes: events with their JSON, losses, and remarks about the session."""

    event: Callable[[Event, bytes], None]
    gap: Callable[[Gap], None]
    remark: Callable[[str], None]
    flush: Callable[[], None]  # after each batch and each loss, for whoever reads a pipe


def read_since(text: str, *, now: dt.datetime) -> Start:
    """A moment in the past, as `read_moment` reads it; BadPlace if it is none."""
    return Start(since_ms=_read_past(text, now=now))


def read_until(text: str, *, start: Start, now: dt.datetime) -> Span:
    """A moment in the past, behind `start` where that is one too; BadPlace if it is none."""
    until_ms = _read_past(text, now=now)
    if start.since_ms is not None and until_ms <= start.since_ms:
        raise BadPlace(f"expected a time after --since, got {text[:40]!r}")
    return Span(until_ms=until_ms)


def _read_past(text: str, *, now: dt.datetime) -> int:
    try:
        moment = read_moment(text, now=now)
    except BadMoment as error:
        raise BadPlace(str(error)) from None
    if moment > now.timestamp() * 1000:
        raise BadPlace(f"expected a time before now ({now:%Y-%m-%dT%H:%MZ}), got {text[:40]!r}")
    return moment


def read_last(text: str) -> Start:
    """The last N events that match."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) <= MAX_TAIL):
        raise BadPlace(f"expected 0 to {MAX_TAIL}, got {text[:40]!r}")
    return Start(tail=int(text))


async def replay(viewer: Viewer, asked: ReplayQuery, output: ReplayWriter) -> Shown:
    """Show what the stream holds, and what comes when following, until the end or a cut.

    OpeningRefused when it may not begin, ReplayUnavailable when Redis does not answer.
    """
    try:
        await current_node(replay=True)
        with spans.span("session.open", refusals=(OpeningRefused,), transport=viewer.transport):
            feed, _ = await open_session(viewer, asked.opening)
        code, reason = 1006, "the terminal was interrupted"
        try:
            await in_record_threads(_record, feed, viewer, asked)
            player = _Player(feed, asked, output)
            end = await player.run()
            code, reason = (int(end.code), end.reason) if end else (1000, "everything was shown")
            return Shown(feed.account, player.written, end)
        finally:
            await asyncio.shield(feed.finish(gone=False, code=code, reason=reason))
    finally:
        await asyncio.shield(stop_node())


def _record(feed: Feed, viewer: Viewer, asked: ReplayQuery) -> None:
    start = asked.opening.start
    record_replay(
        feed, viewer, run_by=asked.run_by, follow=asked.follow, speed=asked.speed,
        tail=start.tail, since_ms=start.since_ms, until_ms=asked.opening.span.until_ms,
    )  # fmt: skip


class _Player:
    """Writes a feed's messages one by one, at the pace that was asked for."""

    def __init__(
        self, feed: Feed, asked: ReplayQuery, output: ReplayWriter, *,
        patience: float = REDIS_PATIENCE,
    ) -> None:  # fmt: skip
        self._patience = patience
        self._feed = feed
        self._asked = asked
        self._output = output
        self._loop = asyncio.get_running_loop()
        self.written = 0
        # The last N are N, whatever comes while they are read.
        self._most = None if asked.follow else asked.opening.start.tail
        self._first_ms: int | None = None
        self._began = 0.0
        self._away_since: float | None = None
        self._problem = ""

    async def run(self) -> CloseReason | None:
        """Write until the end; why the session ended, None when everything was shown."""
        feed = self._feed
        while feed.state != StreamState.END_OF_RANGE and (
            self._asked.follow or not (feed.caught_up or self._enough)
        ):
            self._mind_redis()
            try:  # longer than a reply of Redis may take, or no retry would ever succeed
                async with asyncio.timeout(None if self._away_since is None else 4.0):
                    message = await feed.next()
            except TimeoutError:
                continue
            match message:
                case CloseReason():
                    return message
                case Events():
                    await self._show(message)
                    feed.ack(message.seq)
                case GapNotice():
                    self._output.gap(message.gap)
                    self._output.flush()
                    feed.ack(message.seq)
                case _ if message.kind == "expiring":
                    self._output.remark(f"this session ends in {feed.ttl} s")
            if feed.ending is not None:
                return feed.ending
        return None

    @property
    def _enough(self) -> bool:
        return self._most is not None and self.written >= self._most

    async def _show(self, message: Events) -> None:
        """Write events on a thread: a blocked terminal must not keep the loop from ending."""
        known = [(one.event, one.json, one.id) for one, _ in message.places() if one.event]
        if self._asked.speed is None:
            await asyncio.to_thread(self._write, known)
            return
        for one in known:
            await self._wait_for(one[2])
            if self._feed.ending is not None or self._enough:
                return  # cut while waiting: nothing more under an authority that ended
            await asyncio.to_thread(self._write, [one])

    def _write(self, known: Sequence[tuple[Event, bytes, EntryId]]) -> None:
        for event, json, _ in known:
            if self._feed.ending is not None or self._enough:
                break
            self._output.event(event, json)
            self.written += 1
        self._output.flush()

    async def _wait_for(self, id: EntryId) -> None:
        """Wait until this entry is due at the original pace, or the session has ended."""
        if self._asked.speed is None:
            return
        now = self._loop.time()
        if self._first_ms is None:
            self._first_ms, self._began = id.ms, now
        wait = self._began + (id.ms - self._first_ms) / 1000 / self._asked.speed - now
        wait = min(wait, self._feed.ttl + 1.0)
        if wait > 0:
            try:
                async with asyncio.timeout(wait):
                    await self._feed.ended.wait()
            except TimeoutError:
                return

    def _mind_redis(self) -> None:
        problem = self._feed.problem
        now = self._loop.time()
        if not problem:
            self._away_since = None
        elif self._away_since is None:
            self._away_since = now
        elif not self._asked.follow and now - self._away_since > self._patience:
            raise ReplayUnavailable(problem)
        if problem != self._problem:
            self._problem = problem
            self._output.remark(problem or "Redis answers again")
