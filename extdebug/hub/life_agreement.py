"""A client's place may be ahead of what this process knows of the stream: of a life or a run of the
server that it has not noticed yet, or behind a loss that another process told.

What a process says that noticed first is true, so our own live stream is told to look, and the
session begins once that stands there too.
"""

from __future__ import annotations

import asyncio
from typing import Final

from redis.exceptions import ConnectionError as RedisConnectionError

from extdebug.hub.hub import Hub
from extdebug.hub.snapshots import epochs_under
from extdebug.hub.subscription import Subscription
from extdebug.streams import epochs
from extdebug.streams.connection import Link
from extdebug.streams.replies import Snapshot
from extdebug.wire.events import GapReason
from extdebug.wire.positions import Cursor, before

NOTICES: Final = 40  # looks at whether it did, before the session says that it must wait
WAIT: Final = 0.05  # seconds until the live stream notices what we saw first


def live_from(live: Subscription) -> Cursor:
    """Where the live ring of a session begins; it moves on while that ring overflows."""
    floor = live.ring.floor or live.boundary
    if floor is None:
        raise RuntimeError("the live stream is not attached yet")
    return floor


async def agree(
    hub: Hub, live: Subscription, stood: Cursor | None, *, looks: int = NOTICES
) -> None:
    """Return once the live stream stands in the present life and run of the stream, and behind the
    losses that were told ahead of `stood`: it may still hold lines that these count, and only Redis
    knows which of the others are left.

    LOST when Redis does not answer; or when after so many looks the live stream does not know the
    life that `stood` names, which is a present one.
    """
    if stood is None or not stood.epoch:
        return
    watched = live.watched
    present = False
    for _ in range(looks):
        boundary = live_from(live)
        if stood.epoch == boundary.epoch:
            if not stood.ahead or boundary.id >= before(stood.until):
                return
            present = False
            hub.look(watched.target)
            await asyncio.sleep(WAIT)
            live.restart(live.selection)
            continue
        async with hub.reader(watched.target) as link:
            known, run_id = await epochs_under(link, watched.key)
        ours = epochs.of_run(boundary.epoch, run_id or hub.run_id(watched.target))
        present = stood.epoch in known
        if not boundary.epoch or (ours and boundary.epoch in known):
            return
        hub.look(watched.target)
        await asyncio.sleep(WAIT)
        if watched.cursor.epoch != boundary.epoch:
            live.restart(live.selection)
    if present:
        raise RedisConnectionError("the live stream does not know the client's stream yet")


def goes_on(hub: Hub, live: Subscription, at: Cursor, snapshot: Snapshot) -> bool:
    """Whether this is the stream of that place, restarts included."""
    run_id = snapshot.run(hub.run_id(live.watched.target))
    restarted = bool(run_id) and not epochs.of_run(at.epoch, run_id)
    known = not at.epoch or knows(hub, live, at.epoch, snapshot)
    return snapshot.exists and (known or restarted)


def knows(hub: Hub, live: Subscription, epoch: str, snapshot: Snapshot) -> bool:
    """Whether the stream is of this life: its name is there, or was removed by hand and our
    process' own group is."""
    watched, named = live.watched, epoch in snapshot.epochs
    if named or epochs.current(snapshot.epochs, snapshot.run(hub.run_id(watched.target))):
        return named
    ours = watched.attached and watched.cursor.epoch == epoch
    return ours and hub.group in snapshot.groups


async def unnoticed_loss(
    hub: Hub, live: Subscription, link: Link, snapshot: Snapshot, *, waits: int
) -> bool:
    """Whether the server lost some of what our live stream read, which that will tell: a session
    reads no further before it does. LOST after many such `waits`.

    Until it notices, the server's copy of our group stands before the live ring. In one run that is
    where our stream passed over what was trimmed or deleted, and its next read takes the group on.
    """
    ring, given = live_from(live), snapshot.groups.get(hub.group)
    if not noticed_loss(live) and (given is None or given >= ring.id):
        return False
    _, run_id = await epochs_under(link, live.watched.key)
    life = ring.epoch
    if not run_id or not life:
        return waits < NOTICES  # nobody tells
    if epochs.of_run(life, run_id):
        return False
    if waits >= NOTICES:
        raise RedisConnectionError("the live stream does not know what the server lost yet")
    return True


def noticed_loss(live: Subscription) -> bool:
    """Whether our live stream has noticed that the server lost some of what comes before the live
    ring. Our group stands there again soon, and proves nothing then."""
    ring = live_from(live)
    kept = live.watched.rollbacks.items()
    return any(place < ring.id for epoch, place in kept if epoch >= ring.epoch > "")


def ending(stood: Cursor, now: Cursor) -> GapReason:
    """Why nobody can count what is lost between a place and one in a later life."""
    failover = epochs.by_failover(now.epoch) and not epochs.one_run(stood.epoch, now.epoch)
    return GapReason.FAILOVER if failover else GapReason.RESET
