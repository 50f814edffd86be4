"""The acceptance behaviours of approvals that need live sockets, and every other way to be cut.

Two server processes watch; the change is made in a third, the test. Behaviour 8 has a channel
layer that reaches both, behaviour 9 none that reaches anyone.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from channels.layers import channel_layers
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from audit import trail
from extdebug.demo.sample import Cast
from extdebug.models import DebugSession
from extdebug.sessions import store
from policies import cuts
from policies.grants import notifications, verbs
from policies.identity.viewers import hash_session_key
from policies.models import (
    ExtensionDeveloper,
    Grant,
    Lock,
    PolicyVersion,
    Tenant,
)
from tests.faults.stage import Stage, poll
from tests.faults.watcher import Watcher
from tests.fixtures.console import Console
from tests.fixtures.redis import RedisServer
from tests.fixtures.threads import join_named
from tests.policies.directory.documents import synced

PRODUCTION = {"EXT_DEBUG_ENVIRONMENT": "production", "EXT_DEBUG_UI_ENABLED": "true"}
# Production's rules about cookies and TLS are not what is proved here.
LOOSE = {"HTTPS_ONLY": "false"}
Factory = Callable[..., RedisServer]


@pytest_asyncio.fixture
async def stage(live_console: Callable[..., Console], cast: Cast) -> AsyncIterator[Stage]:
    one = Stage(live_console, cast)
    yield one
    await one.close()
    await sync_to_async(join_named)(notifications.THREAD)


@pytest.fixture
def production(settings: Any) -> None:
    settings.EXT_DEBUG_ENVIRONMENT = "production"
    settings.EXT_DEBUG_UI_ENABLED = True


async def processes(stage: Stage, url: str, *, silent: bool = False) -> list[Console]:
    """Two consoles in production; `silent`: the channel layer reaches neither of them."""
    prefixes = ("layer-0", "layer-1") if silent else ("layer", "layer")
    environment = {**PRODUCTION, **LOOSE}
    return [
        await stage.console(url, CHANNEL_LAYER_PREFIX=prefix, **environment) for prefix in prefixes
    ]


@pytest.fixture
def layer(settings: Any) -> Any:
    """Let this process' hints reach the consoles: `layer(redis_url)`."""

    def use(url: str) -> None:
        settings.CHANNEL_LAYERS = {
            "default": {
                "BACKEND": "config.patient_layer.PatientLayer",
                "CONFIG": {"hosts": [{"address": url, "socket_timeout": 15}], "prefix": "layer"},
            }
        }
        channel_layers.backends.clear()

    yield use
    channel_layers.backends.clear()


def grant_to(user: Any, approver: Any, *, minutes: int = 60) -> Grant:
    pending = verbs.request(
        user, tenant="acme", extension="invoice-sync", minutes=minutes, reason="a customer waits"
    )
    return verbs.approve(pending.pk, by=approver)


async def cut_after(
    watchers: list[Watcher], act: Callable[[], Any], *, within: float
) -> list[float]:
    """Seconds from the moment `act` has returned until each watcher was told."""
    await sync_to_async(act)()
    began = time.monotonic()

    async def one(watcher: Watcher) -> float:
        await watcher.until(lambda: watcher.closings, within=within, what="cut")
        return time.monotonic() - began

    return list(await asyncio.gather(*(one(watcher) for watcher in watchers)))


async def revoked(stage: Stage, consoles: list[Console]) -> list[float]:
    """Three rounds of eight sessions on two processes, each cut by a revoke; all times."""
    times: list[float] = []
    people = [stage.cast.dan, stage.cast.alice]
    for _ in range(3):
        given = [await sync_to_async(grant_to)(person, stage.cast.olivia) for person in people]
        watchers = [
            await stage.watcher(consoles[number % 2], user=person)
            for person in people
            for number in range(4)
        ]

        def act(given: list[Grant] = given) -> None:
            for grant in given:
                verbs.revoke(grant.pk, by=stage.cast.oscar, reason="enough")

        times += await cut_after(watchers, act, within=10)
        for watcher in watchers:
            closing = watcher.closings[0]
            assert (closing["code"], closing["reason"]) == (4409, "grant")
            assert closing["final"]
            assert closing["message"]
    return sorted(times)


def p99(times: list[float]) -> float:
    return times[min(len(times) - 1, int(len(times) * 0.99))]


async def test_behaviour_08_a_revoke_cuts_every_socket_of_both_processes(
    stage: Stage, redis_server: RedisServer, production: None, layer: Any
) -> None:
    layer(redis_server.url)
    consoles = await processes(stage, redis_server.url)
    times = await revoked(stage, consoles)
    print(f"revoke with the channel layer: p50 {times[len(times) // 2]:.3f} p99 {p99(times):.3f} s")
    assert p99(times) <= 2, "promised within 1 s; doubled for a machine that does much besides"
    rows = DebugSession.objects.filter(closed_at=None)
    await poll(lambda: not rows.count(), within=5, what="every row is closed")


async def test_behaviour_09_the_same_with_every_message_of_the_layer_lost(
    stage: Stage, redis_server: RedisServer, production: None
) -> None:
    consoles = await processes(stage, redis_server.url, silent=True)
    times = await revoked(stage, consoles)
    print(f"revoke with a silent layer: p50 {times[len(times) // 2]:.3f} p99 {p99(times):.3f} s")
    assert p99(times) <= 3, "promised within 2 s; room for a machine that does much besides"


async def test_behaviour_10_expiry_cuts_with_every_scheduler_stopped(
    stage: Stage, redis_server: RedisServer, production: None
) -> None:
    """No janitor runs, nobody settles labels: the time itself ends the session."""
    [first, second] = await processes(stage, redis_server.url, silent=True)
    grant = await sync_to_async(grant_to)(stage.cast.dan, stage.cast.olivia)
    watchers = [await stage.watcher(one, user=stage.cast.dan) for one in (first, second)]
    end = await sync_to_async(shorten)(grant, seconds=3)
    for watcher in watchers:
        await watcher.until(lambda: watcher.closings, what="expired", within=15)  # noqa: B023
        late = (timezone.now() - end).total_seconds()
        assert -0.1 <= late <= 4
        assert watcher.closings[0]["code"] == 4409
    assert (await Grant.objects.aget(pk=grant.pk)).closed_at is None, "no scheduler was here"


def shorten(grant: Grant, *, seconds: float) -> dt.datetime:
    """Let an active grant end soon. An end may move earlier, never later."""
    ends = (timezone.now() + dt.timedelta(seconds=seconds)).replace(microsecond=0)
    assert Grant.objects.filter(pk=grant.pk).update(ends_at=ends)
    return ends


async def test_behaviour_11_the_end_of_one_grant_keeps_a_session_that_another_covers(
    stage: Stage, redis_server: RedisServer, production: None
) -> None:
    [first, second] = await processes(stage, redis_server.url, silent=True)
    one = await sync_to_async(grant_to)(stage.cast.dan, stage.cast.olivia)
    watchers = [await stage.watcher(console, user=stage.cast.dan) for console in (first, second)]
    other = await sync_to_async(grant_to)(stage.cast.dan, stage.cast.olivia)
    await sync_to_async(shorten)(one, seconds=1)
    deadline = time.monotonic() + 15

    async def grants_of() -> set[int | None]:
        return {row.grant_id async for row in DebugSession.objects.filter(closed_at=None)}

    while await grants_of() != {other.pk}:
        assert time.monotonic() < deadline, await grants_of()
        await asyncio.sleep(0.1)
    writer = stage.writer(redis_server.port)
    await asyncio.to_thread(writer.write, 3)
    await stage.settle(writer=writer)
    assert all(not watcher.closings for watcher in watchers)
    times = await cut_after(
        watchers, lambda: verbs.revoke(other.pk, by=stage.cast.oscar, reason="enough"), within=10
    )
    print(f"then the other is revoked: {max(times):.3f} s")


# --- every other way ----------------------------------------------------------------------------

Act = Callable[[Cast, Watcher], Any]


def by_bulk(cast: Cast, _: Watcher) -> None:
    ExtensionDeveloper.objects.filter(user=cast.dan).update(extension=cast.report_maker)


def by_sql(cast: Cast, _: Watcher) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM policies_extensiondeveloper_installs WHERE extensiondeveloper_id IN"
            " (SELECT id FROM policies_extensiondeveloper WHERE user_id = %s)", [cast.dan.pk],
        )  # fmt: skip
        cursor.execute("DELETE FROM policies_extensiondeveloper WHERE user_id = %s", [cast.dan.pk])


def by_suspension(cast: Cast, _: Watcher) -> None:
    Tenant.objects.filter(pk=cast.acme.pk).update(suspended_at=timezone.now())


def by_directory(cast: Cast, _: Watcher) -> None:
    """The directory keeps dan's role, and then it is not in the document any more."""
    role = {"person": "dan", "role": "developer", "extension": "invoice-sync", "installs": "all"}
    synced(roles=[role])
    synced(roles=[])


def by_lock(cast: Cast, _: Watcher) -> None:
    Lock.objects.create(user=cast.dan, reason="lost laptop", created_by=cast.olivia)


def by_deactivation(cast: Cast, _: Watcher) -> None:
    type(cast.dan).objects.filter(pk=cast.dan.pk).update(is_active=False)


def by_password(cast: Cast, _: Watcher) -> None:
    cast.dan.set_password("another one")
    cast.dan.save(update_fields=["password"])


def by_session(cast: Cast, _: Watcher) -> None:
    Session.objects.all().delete()


def by_operator(cast: Cast, watcher: Watcher) -> None:
    assert watcher.session is not None
    assert store.end(watcher.session, actor=trail.actor_of(cast.olivia))


def by_deleting_the_row(cast: Cast, watcher: Watcher) -> None:
    DebugSession.objects.filter(pk=str(watcher.session)).delete()


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (by_bulk, 4409),
        (by_sql, 4409),
        (by_suspension, 4409),
        (by_lock, 4409),
        (by_directory, 4409),
        (by_deactivation, 4401),
        (by_password, 4401),
        (by_session, 4401),
        (by_operator, 4410),
        (by_deleting_the_row, 4410),
    ],
    ids=lambda value: value.__name__.removeprefix("by_") if callable(value) else str(value),
)
async def test_a_change_of_any_kind_cuts_within_two_seconds(
    stage: Stage, redis_server: RedisServer, act: Act, code: int
) -> None:
    console = await stage.console(redis_server.url, CHANNEL_LAYER_PREFIX="silent")
    watcher = await stage.watcher(console)
    [took] = await cut_after([watcher], lambda: act(stage.cast, watcher), within=10)
    print(f"{act.__name__}: {took:.3f} s")
    assert took <= 3, "promised within 2 s; room for a machine that does much besides"
    assert watcher.closings[0]["code"] == code, watcher.closings
    assert watcher.closings[0]["final"]


async def test_group_membership_counts(stage: Stage, redis_server: RedisServer) -> None:
    """An operator by a group's permission: leaving the group ends their session."""
    from django.contrib.auth.models import Group

    def by_group() -> None:
        group = Group.objects.create(name="operators")
        group.permissions.set(
            Permission.objects.filter(content_type__app_label__in=("policies", "extdebug", "audit"))
        )
        stage.cast.olivia.user_permissions.clear()
        stage.cast.olivia.groups.add(group)

    await sync_to_async(by_group)()
    console = await stage.console(redis_server.url, CHANNEL_LAYER_PREFIX="silent")
    watcher = await stage.watcher(console, user=stage.cast.olivia)
    [took] = await cut_after([watcher], stage.cast.olivia.groups.clear, within=10)
    assert took <= 3
    assert watcher.closings[0]["code"] == 4409


async def test_a_logout_is_final_and_ends_only_its_own_sign_in(
    stage: Stage, redis_server: RedisServer, layer: Any
) -> None:
    layer(redis_server.url)
    console = await stage.console(redis_server.url, CHANNEL_LAYER_PREFIX="layer")
    gone, stays = await stage.watcher(console), await stage.watcher(console)
    key = gone.doors[0].cookie.partition("sessionid=")[2]
    [took] = await cut_after(
        [gone], lambda: cuts.hint("logout", session_hash=hash_session_key(key)), within=10
    )
    print(f"logout: {took:.3f} s")
    assert gone.closings[0]["code"] == 4401
    assert await sync_to_async(Session.objects.filter(pk=key).exists)(), "its row was still there"
    await stays.pong()
    assert not stays.closings


async def test_a_role_that_shrinks_narrows_what_is_shown(
    stage: Stage, redis_server: RedisServer
) -> None:
    """Dan keeps one install: its lines still come, those of the others and of none do not."""
    console = await stage.console(redis_server.url, CHANNEL_LAYER_PREFIX="silent")
    watcher = await stage.watcher(console)
    ours = stage.writer(redis_server.port)
    none = stage.writer(redis_server.port, src="x", install="")
    await asyncio.to_thread(ours.write, 2)
    await asyncio.to_thread(none.write, 2)
    await stage.settle(writer=none)

    def narrow() -> None:
        row = ExtensionDeveloper.objects.get(user=stage.cast.dan)
        row.installs.set([stage.cast.inst_acme])
        ExtensionDeveloper.objects.filter(pk=row.pk).update(all_installs=False)

    await sync_to_async(narrow)()
    deadline = time.monotonic() + 10
    while True:  # a line of no install is the probe: once it stays away, the scope is in force
        shown = len([item for item in watcher.shown if item.src == "x"])
        await asyncio.to_thread(none.write, 1)
        await asyncio.to_thread(ours.write, 1)
        await stage.settle(writer=ours)
        if len([item for item in watcher.shown if item.src == "x"]) == shown:
            break
        assert time.monotonic() < deadline
    assert not watcher.closings
    assert not watcher.wrong


@pytest.mark.parametrize("environment", ["production", "development"])
async def test_unreadable_policy_ends_production_sessions_after_ten_seconds(
    stage: Stage, redis_server: RedisServer, settings: Any, environment: str
) -> None:
    settings.EXT_DEBUG_ENVIRONMENT, settings.EXT_DEBUG_UI_ENABLED = environment, True
    extra = {**PRODUCTION, **LOOSE} if environment == "production" else {}
    console = await stage.console(redis_server.url, CHANNEL_LAYER_PREFIX="silent", **extra)
    if environment == "production":
        await sync_to_async(grant_to)(stage.cast.dan, stage.cast.olivia)
    watcher = await stage.watcher(console)
    table = PolicyVersion._meta.db_table

    def rename(before: str, after: str) -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("PRAGMA legacy_alter_table=ON")
            cursor.execute(f'ALTER TABLE "{before}" RENAME TO "{after}"')
            if connection.vendor == "sqlite":
                cursor.execute("PRAGMA legacy_alter_table=OFF")

    await sync_to_async(rename)(table, "hidden")
    began = time.monotonic()
    try:
        if environment == "production":
            await watcher.until(lambda: watcher.closings, within=20, what="failed closed")
            assert time.monotonic() - began >= 8, "a short hiccup costs nobody their session"
            assert watcher.closings[0]["code"] == 4503
            assert not watcher.closings[0]["final"]
        else:
            await asyncio.sleep(12)
            assert not watcher.closings
    finally:
        await sync_to_async(rename)("hidden", table)
