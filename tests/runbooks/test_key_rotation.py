"""docs/runbooks/key-rotation.md: keys and passwords of consoles, Redis and the database."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import httpx
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
from tests.faults.watcher import Watcher
from tests.fixtures.cast import PASSWORD
from tests.fixtures.console import Console
from tests.fixtures.redis import RedisServer
from tests.runbooks.rolling import noticed_nothing, roll, sessions
from tests.settings import ENVIRONMENT

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


OLD_KEY = ENVIRONMENT["SECRET_KEY"]  # under which the tests make sign-ins
NEW_KEY = "another-key-of-the-tests-0123456789-abcdefghijkl"
KEYS = [  # the page's steps, a roll each
    {"SECRET_KEY": OLD_KEY, "SECRET_KEY_FALLBACKS": NEW_KEY},
    {"SECRET_KEY": NEW_KEY, "SECRET_KEY_FALLBACKS": OLD_KEY},
    {"SECRET_KEY": NEW_KEY},
]


async def test_another_secret_key(stage: Stage, redis_server: RedisServer) -> None:
    """Two who are watching and load pages meanwhile, one of whom signed in during the roll."""
    old = await stage.console(redis_server.url)
    known, fresh, last = [await stage.console(redis_server.url, **keys) for keys in KEYS]
    watcher = await stage.watcher(old)
    writer = stage.writer(redis_server.port).start()
    await roll(old, known, watcher)
    later = replace(watcher.doors[0], cookie=await signed_in(known, "dan"))
    async with Watcher([later]) as second:
        await second.live()
        cookies = [one.doors[0].cookie for one in (watcher, second)]
        cookies.append(await signed_in(fresh, "alice"))
        for console in (fresh, known, fresh, known):
            for cookie in cookies:
                assert await lets_in(console, cookie)
        await roll(known, fresh, watcher, second)
        await stage.recovery(second)
        for cookie in cookies:
            assert await lets_in(fresh, cookie)
        await noticed_nothing(stage, watcher, writer)
        await stage.settle(second, writer=writer)
        (verdict,) = stage.judge(second, first={})
        assert (verdict.doubled, second.gaps, len(sessions(second))) == (0, [], 1)

        # Without the fallback everybody who signed in under the old key signs in anew.
        for cookie, stays in zip(cookies, (False, False, True), strict=True):
            assert await lets_in(last, cookie) == stays


async def signed_in(console: Console, name: str) -> str:
    """The cookie of a new sign-in by the console's own page."""
    async with httpx.AsyncClient(base_url=console.url, timeout=20) as http:
        await http.get("/login/")
        form = {"username": name, "password": PASSWORD}
        headers = {"Origin": console.origin, "X-CSRFToken": http.cookies["csrftoken"]}
        answer = await http.post("/login/", data=form, headers=headers)
        assert answer.status_code == 302, answer.text
        return f"sessionid={http.cookies['sessionid']}"


async def lets_in(console: Console, cookie: str) -> bool:
    """Whether a page opens with this cookie, and leaves it as it is."""
    async with httpx.AsyncClient(base_url=console.url, timeout=20) as http:
        page = await http.get("/extensions/", headers={"Cookie": cookie})
        assert page.status_code in (200, 302)
        assert page.status_code != 200 or "sessionid" not in page.cookies
        return page.status_code == 200
