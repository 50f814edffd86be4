"""Opens a session, for every transport: checks names, decides, records, attaches to the stream.

A refusal is an OpeningRefused; somebody without any relation to a target gets the same answer as
for one that does not exist.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Callable
from dataclasses import dataclass

from audit import trail
from audit.tracing import spans
from extdebug import log_context
from extdebug.db import in_policy_threads, in_record_threads
from extdebug.filters.filter import Filter, FilterParts
from extdebug.protocol import server_frames
from extdebug.sessions import close_reasons, ownership, session_records, store
from extdebug.sessions.close_reasons import OpeningRefused
from extdebug.sessions.comebacks import Comeback
from extdebug.sessions.feed import Feed
from extdebug.sessions.node import Node, current_node
from extdebug.sessions.open_rows import Wanted
from extdebug.sessions.session_frames import ControlFrame
from extdebug.wire.events import BARE, BadId, clean_id
from extdebug.wire.keys import Target
from extdebug.wire.positions import ENDLESS, Span, Start
from policies import access
from policies.access import Viewer

log = logging.getLogger(__name__)

ReadNames = Callable[[Target, frozenset[str] | None], server_frames.ReadyTarget]

CHOOSE = "choose_tenant"  # a question back, not a refusal
_ending: set[asyncio.Task[None]] = set()  # the loop itself keeps no task alive


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningRequest:
    """What a client asks to watch; names as it spelled them, nothing of it decided yet.

    `tenant` None: the only one it can be. `rev` is the client's number of the filter, `resume`
    the id of a session of the same viewer that this one continues.
    """

    tenant: str | None
    extension: str
    wanted: Filter | FilterParts  # parts are compiled once it is known that they may watch
    start: Start
    span: Span = ENDLESS
    rev: int = 0
    resume: str | None = None
    by_itself: bool = False  # whether a client reconnects and nobody pressed a button


async def open_session(viewer: Viewer, asked: OpeningRequest) -> tuple[Feed, ControlFrame]:
    """`open_feed` on this process's node."""
    return await open_feed(await current_node(), viewer, asked)


async def open_feed(
    node: Node, viewer: Viewer, asked: OpeningRequest, *, read_names: ReadNames | None = None
) -> tuple[Feed, ControlFrame]:
    """A feed and its `ready` frame. OpeningRefused when it may not begin, FilterError when its
    filter is none.

    `read_names` says what a target is called, the tables unless given.
    """
    left = asyncio.Event()
    opening = asyncio.create_task(_open(node, viewer, asked, read_names, left=left))
    try:
        feed, names = await asyncio.shield(opening)
    except OpeningRefused as refused:
        spans.note(code=refused.end.code.name.lower(), reason=refused.end.reason)
        node.stats.refuse(refused.end)
        node.refused.admits(viewer.user_id)  # remembered, whatever it says
        raise
    except asyncio.CancelledError:
        # The client left. If the row is written by now, nobody else would end it or let it go.
        left.set()
        opening.add_done_callback(_abandoned)
        raise
    node.stats.begun(feed.lease, feed.viewer.transport)
    log_context.session.set(feed.lease.id)
    log.debug("%s by %s", "resumed" if feed.lease.resumed else "opened", viewer.transport)
    return feed, feed.ready(names)


class _ClientLeft(Exception):
    """Before anything was written for it."""


def _abandoned(opening: asyncio.Task[tuple[Feed, server_frames.ReadyTarget]]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        feed, _ = opening.result()
        if not feed.lease.resumed:
            feed.end(close_reasons.LEFT)  # nobody ever heard of this session
        ending = asyncio.create_task(_finish(feed))
        _ending.add(ending)
        ending.add_done_callback(_ending.discard)


async def _finish(feed: Feed) -> None:
    try:
        await feed.finish(gone=feed.lease.resumed)
    except Exception:
        log.exception("the end of session %s could not be written; the janitor will", feed.lease.id)


async def _open(
    node: Node,
    viewer: Viewer,
    asked: OpeningRequest,
    read_names: ReadNames | None,
    *,
    left: asyncio.Event,
) -> tuple[Feed, server_frames.ReadyTarget]:
    try:
        tenant, extension = _ids(asked)
    except OpeningRefused as refused:
        # Before any rate of openings: whoever was refused within the minute costs no write.
        if node.refused.admits(viewer.user_id):
            await _record(refused, viewer, asked)
        raise
    _admit(node, viewer, asked)
    try:
        with spans.span("session.look_up", refusals=(OpeningRefused,)):
            target = await _target(viewer, tenant, extension)
            if viewer.session_hash and not await node.signed_in.ask(viewer):
                raise OpeningRefused(close_reasons.UNAUTHENTICATED)  # a ticket may outlive it
    except OpeningRefused as refused:
        await _record(refused, viewer, asked)
        raise
    wanted = await _filter(node, viewer, target, asked.wanted)
    async with node.resume_order.turn(asked.resume):
        if left.is_set():  # it may be back elsewhere, and would lose its session to nobody
            raise _ClientLeft
        return await _begin(node, viewer, target, asked, wanted, read_names)


async def _record(refused: OpeningRefused, viewer: Viewer, asked: OpeningRequest) -> None:
    """A refusal before any decision; the question which tenant is meant is none."""
    if refused.end.reason != CHOOSE:
        await in_record_threads(
            session_records.record_refusal, viewer, tenant=asked.tenant, extension=asked.extension,
            code=refused.end.reason, reason=refused.end.message,
        )  # fmt: skip


async def _begin(
    node: Node,
    viewer: Viewer,
    target: Target,
    asked: OpeningRequest,
    wanted: Filter,
    read_names: ReadNames | None,
) -> tuple[Feed, server_frames.ReadyTarget]:
    """Take the row over, or write one, and serve it from here."""
    taken = None
    if asked.resume:
        with spans.span("session.record"):
            taken = await node.comebacks.ask(Comeback(asked.resume, viewer, target, node.name))
        if taken is not None and not taken[0].allowed:
            await in_record_threads(store.record_denial, viewer, target, taken[0])
            raise OpeningRefused(close_reasons.refusal(taken[0]))
        if taken is None:
            over = await in_record_threads(
                ownership.final_end, asked.resume, viewer, target, by_itself=asked.by_itself
            )
            if over is not None:
                raise OpeningRefused(over)
    if taken is None:
        with spans.span("session.record"):
            decision, lease = await node.openings.ask(Wanted(viewer, target, node.name))
        if lease is None:
            await in_record_threads(store.record_denial, viewer, target, decision)
            raise OpeningRefused(close_reasons.refusal(decision))
    else:
        decision, lease = taken
        earlier = node.supervisor.serving(lease.id)
        if earlier is not None:
            lease = _take_from(earlier, lease)
    try:
        if read_names is None:
            names = await node.names.ask((target, decision.installs))
        else:
            names = await in_record_threads(read_names, target, decision.installs)
        node.spans.begin(lease, target)
        feed = Feed(
            node, viewer, target, decision, lease,
            wanted=wanted, rev=asked.rev, start=asked.start, span=asked.span,
        )  # fmt: skip
    except Exception:
        node.spans.left(lease)
        await in_record_threads(
            store.close, lease, viewer, target, lease.account,
            code=1011, reason="it could not begin",
        )  # fmt: skip
        raise
    node.spans.attend(feed)
    node.supervisor.watch(feed)  # then decide again: a change while we opened is not missed
    return feed, names


def _ids(asked: OpeningRequest) -> tuple[str | None, str]:
    """The ids as keys have them. What is none is refused before it counts as a knock."""
    try:
        extension = clean_id(asked.extension, what="extension")
        tenant = asked.tenant
        if tenant and tenant != BARE:
            tenant = clean_id(tenant, what="tenant")
    except BadId as error:
        raise OpeningRefused(close_reasons.bad_request(str(error))) from None
    return tenant, extension


def _admit(node: Node, viewer: Viewer, asked: OpeningRequest) -> None:
    """What can be refused without asking the database."""
    if node.draining:
        raise OpeningRefused(close_reasons.draining())
    if asked.resume and not node.resumed.admits(viewer.user_id):
        raise OpeningRefused(close_reasons.TOO_OFTEN)
    if not asked.resume and not node.knocks.admits(viewer.user_id):
        raise OpeningRefused(close_reasons.KNOCKED_TOO_OFTEN)


async def _filter(
    node: Node, viewer: Viewer, target: Target, wanted: Filter | FilterParts
) -> Filter:
    """The filter, compiled; FilterError. Regexes are compiled for those alone who may watch, and
    whoever was refused lately is asked about before the locks of an opening are taken."""
    if node.refused.spent(viewer.user_id) or (not isinstance(wanted, Filter) and wanted.get("q")):
        decision = await in_record_threads(
            access.decide, viewer, tenant=target.tenant, extension=target.extension
        )
        if not decision.allowed:
            await in_record_threads(store.record_denial, viewer, target, decision)
            raise OpeningRefused(close_reasons.refusal(decision))
    return wanted if isinstance(wanted, Filter) else Filter.parse(wanted)


def _take_from(earlier: Feed, lease: store.Lease) -> store.Lease:
    """End this session's other connection to this process, and go on from what it has told."""
    account = earlier.pass_on()
    return dataclasses.replace(
        lease, shares=earlier.lease.shares,
        shown=account.shown, filtered=account.filtered, lost=account.lost,
        unknown=account.unknown, filters=account.filters, reach=account.reach or (),
    )  # fmt: skip


async def _target(viewer: Viewer, tenant: str | None, extension: str) -> Target:
    if tenant:
        return Target(tenant, extension)
    choices = await in_policy_threads(access.choices, viewer, extension=extension)
    if not choices:
        raise OpeningRefused(close_reasons.NOT_FOUND)
    if len(choices) > 1:
        named = ", ".join(choices[:20])
        raise OpeningRefused(
            close_reasons.bad_request(f"Name one of the tenants: {named}.", reason=CHOOSE)
        )
    return Target(choices[0], extension)


def record_replay(feed: Feed, viewer: Viewer, **data: object) -> None:
    """Record that a stream goes to a terminal, and in `data` who typed the command, and how.

    The actor is the person it was decided for.
    """
    actor = store.actor_of(viewer)
    store.record(trail.Action.REPLAY, feed.lease.id, actor, feed.target, data)
