"""Opens a session, for every transport: checks names, decides, records, attaches to the stream.

A refusal is an OpeningRefused; somebody without any relation to a target gets the same answer as
for one that does not exist.
"""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass

from audit import trail
from extdebug.db import in_policy_threads, in_record_threads
from extdebug.filters.filter import Filter
from extdebug.protocol import server_frames
from extdebug.sessions import close_reasons, ownership, store
from extdebug.sessions.close_reasons import OpeningRefused
from extdebug.sessions.feed import Feed
from extdebug.sessions.node import Node, current_node
from extdebug.sessions.session_frames import ControlFrame
from extdebug.wire.events import BARE, BadId, clean_id
from extdebug.wire.keys import Target
from extdebug.wire.positions import Start
from policies import access
from policies.access import Viewer
from policies.models import Extension, Install, Tenant

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
    wanted: Filter
    start: Start
    rev: int = 0
    resume: str | None = None


async def open_session(viewer: Viewer, asked: OpeningRequest) -> tuple[Feed, ControlFrame]:
    """`open_feed` on this process's node."""
    return await open_feed(await current_node(), viewer, asked)


async def open_feed(node: Node, viewer: Viewer, asked: OpeningRequest) -> tuple[Feed, ControlFrame]:
    """A feed and its `ready` frame. OpeningRefused when it may not begin."""
    opening = asyncio.create_task(_open(node, viewer, asked))
    try:
        feed, names = await asyncio.shield(opening)
    except OpeningRefused as refused:
        node.stats.refuse(refused.end)
        raise
    except asyncio.CancelledError:
        # The client left. The row is written or will be, and nobody else would end it.
        opening.add_done_callback(_abandoned)
        raise
    node.stats.begun(feed.lease, feed.viewer.transport)
    return feed, feed.ready(names)


def _abandoned(opening: asyncio.Task[tuple[Feed, server_frames.ReadyTarget]]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        feed, _ = opening.result()
        feed.end(close_reasons.LEFT)
        ending = asyncio.create_task(feed.finish(gone=False))
        _ending.add(ending)
        ending.add_done_callback(_ending.discard)


async def _open(
    node: Node, viewer: Viewer, asked: OpeningRequest
) -> tuple[Feed, server_frames.ReadyTarget]:
    if node.draining:
        raise OpeningRefused(close_reasons.draining())
    try:
        target = await _target(viewer, asked.tenant, asked.extension)
        if viewer.session_hash and not await in_policy_threads(access.live_principals, [viewer]):
            raise OpeningRefused(close_reasons.UNAUTHENTICATED)  # a ticket may outlive its sign-in
    except OpeningRefused as refused:
        if refused.end.reason != CHOOSE:
            await in_record_threads(
                store.record_refusal, viewer, tenant=asked.tenant, extension=asked.extension,
                code=refused.end.reason, reason=refused.end.message,
            )  # fmt: skip
        raise
    taken = None
    if asked.resume:
        if not node.resumed.admits(viewer.user_id):
            raise OpeningRefused(close_reasons.TOO_OFTEN)
        taken = await in_record_threads(
            ownership.take_over, asked.resume, viewer, target, process=node.name
        )
        if taken is not None and not taken[0].allowed:
            await in_record_threads(store.record_denial, viewer, target, taken[0])
            raise OpeningRefused(close_reasons.refusal(taken[0]))
    if taken is None:
        decision, lease = await in_record_threads(
            store.open_session, viewer, target, process=node.name,
            filters=(),
        )  # fmt: skip
        if lease is None:
            raise OpeningRefused(close_reasons.refusal(decision))
    else:
        decision, lease = taken
        earlier = node.supervisor.serving(lease.id)
        if earlier is not None:
            lease = _take_from(earlier, lease)
    try:
        names = await in_record_threads(names_of, target, decision.installs)
        feed = Feed(
            node, viewer, target, decision, lease,
            wanted=asked.wanted, rev=asked.rev, start=asked.start,
        )  # fmt: skip
    except Exception:
        nothing = store.Account(
            lease.shown, lease.filtered, lease.lost or {}, lease.unknown, "", lease.filters
        )
        await in_record_threads(
            store.close, lease, viewer, target, nothing, code=1011, reason="it could not begin"
        )
        raise
    node.supervisor.watch(feed)  # then decide again: a change while we opened is not missed
    return feed, names


def _take_from(earlier: Feed, lease: store.Lease) -> store.Lease:
    """End this session's other connection to this process, and go on from what it has told."""
    earlier.end(close_reasons.TAKEN)
    account = earlier.account
    return dataclasses.replace(
        lease, shown=account.shown, filtered=account.filtered, lost=account.lost,
        unknown=account.unknown, filters=account.filters,
    )  # fmt: skip


async def _target(viewer: Viewer, tenant: str | None, extension: str) -> Target:
    try:
        extension = clean_id(extension, what="extension")
        if tenant and tenant != BARE:
            tenant = clean_id(tenant, what="tenant")
    except BadId as error:
        raise OpeningRefused(close_reasons.bad_request(str(error))) from None
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


def names_of(target: Target, installs: frozenset[str] | None) -> server_frames.ReadyTarget:
    """What the target and its installs are called, as far as the decision shows them."""
    rows = Install.objects.filter(tenant__key=target.tenant, extension__key=target.extension)
    if installs is not None:
        rows = rows.filter(key__in=installs)
    tenant = Tenant.objects.filter(key=target.tenant).first()
    extension = Extension.objects.filter(key=target.extension).first()
    return server_frames.ReadyTarget(
        tenant=target.tenant,
        extension=target.extension,
        tenant_name=tenant.name if tenant else target.tenant,
        extension_name=extension.name if extension else target.extension,
        installs=tuple(server_frames.Named(row.key, row.name or row.key) for row in rows[:200]),
    )


def record_replay(feed: Feed, viewer: Viewer, **data: object) -> None:
    """Record that a stream goes to a terminal, and in `data` who typed the command, and how.

    The actor is the person it was decided for.
    """
    actor = store.actor_of(viewer)
    store.record(trail.Action.REPLAY, feed.lease.id, actor, feed.target, data)
