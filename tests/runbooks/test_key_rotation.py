"""docs/runbooks/key-rotation.md: keys and passwords of consoles, Redis and the database."""

from __future__ import annotations

import asyncio

import pytest
import redis
from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.db import connection

from audit import trail
from audit.models import AuditRecord
from extdebug.models import DebugSession
from extdebug.streams.acl import AclRole
from policies.models import Lock
from tests.extdebug.test_leaked_secret import REDIS_WORD, guarded
from tests.faults.stage import Stage, poll
from tests.fixtures.redis import RedisServer
from tests.runbooks.rolling import noticed_nothing, roll, sessions

ROLE = AclRole.CONSOLE.value
NEW_WORD = "another-password"


async def test_another_password_of_redis(stage: Stage, redis_server: RedisServer) -> None:
    old = guarded(redis_server)["CONSOLE"]
    new = old.replace(REDIS_WORD, NEW_WORD)
    consoles = [await stage.console(old) for _ in range(2)]
    watcher = await stage.watcher(*consoles)
    writer = stage.writer(redis_server.port).start()
    with redis_server.client() as admin:
        admin.execute_command("ACL", "SETUSER", ROLE, f">{NEW_WORD}")
        for console in consoles:
            await roll(console, await stage.console(new), watcher)
        admin.execute_command("ACL", "SETUSER", ROLE, f"<{REDIS_WORD}")
        with redis.Redis.from_url(old) as late, pytest.raises(redis.AuthenticationError):
            late.ping()
        # Who is connected stays so: only a new connection shows that nobody needs the old one.
        assert admin.execute_command("CLIENT", "KILL", "USER", ROLE) > 0
    await stage.recovery(watcher)
    await noticed_nothing(stage, watcher, writer)
    assert watcher.connections > 1


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no roles")
async def test_another_role_of_the_database(stage: Stage, redis_server: RedisServer) -> None:
    """The roles' names are this database's: other tests have theirs in the same cluster."""
    place = connection.settings_dict
    first, second = (f"{name}_{place['NAME']}"[:63] for name in ("first", "second"))

    def role(name: str) -> str:
        with connection.cursor() as owner:
            owner.execute(f"CREATE ROLE {name} LOGIN")
        call_command("audit_role", name, "--apply")
        return f"postgres://{name}@{place['HOST']}:{place['PORT']}/{place['NAME']}"

    def drop(name: str) -> None:
        with connection.cursor() as owner:
            owner.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")

    old = await sync_to_async(role)(first)
    consoles = [await stage.console(redis_server.url, DATABASE_URL=old) for _ in range(2)]
    watcher = await stage.watcher(*consoles)
    writer = stage.writer(redis_server.port).start()
    new = await sync_to_async(role)(second)
    fleet = []
    for console in consoles:
        fleet.append(await stage.console(redis_server.url, DATABASE_URL=new))
        await roll(console, fleet[-1], watcher)
    await sync_to_async(drop)(first)
    await stage.recovery(watcher)
    await noticed_nothing(stage, watcher, writer)

    # Authority and the trail go on under the second role: a lock ends the session, on record.
    (session,) = sessions(watcher)
    assert (await DebugSession.objects.aget(pk=session)).closed_at is None
    await Lock.objects.acreate(user=stage.cast.dan, reason="a test of the second role")
    await watcher.until(lambda: watcher.closings[-1:] and watcher.closings[-1]["final"])
    assert (watcher.closings[-1]["code"], watcher.closings[-1]["reason"]) == (4409, "lock")
    said = AuditRecord.objects.filter(subject_id=session).values_list("action", flat=True)
    await poll(lambda: "session.closed" in set(said.all()), within=10, what="the end on record")
    assert (await sync_to_async(trail.verify)()).ok
    for console in fleet:
        await asyncio.to_thread(console.stop)
    await sync_to_async(drop)(second)
