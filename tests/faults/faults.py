"""Everything a play can do to Redis, to the connection to it and to the consoles.

Each fault is a coroutine over a `Field`; it returns when the fault is healed. What it needs of the
server or of the way to it is said in its row of FAULTS.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import redis

from tests.faults.proxy import Proxy
from tests.faults.traffic import BUCKET, KEY, Traffic
from tests.fixtures.redis import RedisServer
from tests.fixtures.redis_cluster import Cluster

HUB_GROUPS: Final = b"ee-debug-ui:"  # docs/operations.md: the group of each console process
AOF: Final = ("--appendonly", "yes", "--appendfsync", "always")
RESET: Final = ("reset",)
SMALL_NODES: Final = ("--stream-node-max-entries", "10")  # so that MAXLEN ~ trims closely


class Consoles(Protocol):
    """The console processes of a play."""

    async def kill(self) -> None:
        """kill -9 of one; a new one is started in its place."""

    async def roll(self) -> None:
        """SIGTERM and a new process, one after the other, for each."""

    async def lose_worker(self) -> None:
        """kill -9 of one worker of each; their supervisors start others in their places."""

    async def renew_workers(self) -> None:
        """SIGHUP: the workers are replaced one after the other."""

    def hang(self) -> Callable[[], None]:
        """SIGSTOP for one of them; call what this returns to let it go on."""


@dataclass(slots=True)
class Field:
    """What a fault may touch."""

    server: RedisServer
    traffic: Traffic
    consoles: Consoles
    chance: random.Random
    another: Callable[..., RedisServer]
    proxy: Proxy | None = None
    cluster: Cluster | None = None

    async def redis(self, act: Callable[[Any], Any], *, held: bool = False) -> Any:
        """`act(client)` in a thread; `held`: while no producer writes."""

        def run() -> Any:
            with self.server.client() as client:
                if not held:
                    return act(client)
                with self.traffic.held():
                    return act(client)

        return await asyncio.to_thread(run)


@contextlib.asynccontextmanager
async def one_hangs(field: Field) -> AsyncIterator[None]:
    """In half of the plays one console hangs meanwhile: it then reads, and notices, later than the
    other, as on a busy machine."""
    if field.chance.random() < 0.5:
        yield
        return
    go_on = field.consoles.hang()
    try:
        await asyncio.sleep(field.chance.uniform(0.0, 0.3))
        yield
        await asyncio.sleep(field.chance.uniform(0.0, 0.6))
    finally:
        go_on()


def late(act: Callable[[Field], Awaitable[None]]) -> Callable[[Field], Awaitable[None]]:
    async def played(field: Field) -> None:
        async with one_hangs(field):
            await act(field)

    return played


async def none(field: Field) -> None:
    await asyncio.sleep(0.3)


# --- another stream under the same key ------------------------------------------------------------


async def delete(field: Field) -> None:
    await field.redis(lambda client: client.delete(KEY), held=True)


async def delete_and_refill(field: Field) -> None:
    """Past the old count, so that neither counts nor ids show that the stream is another."""

    def act(client: Any) -> None:
        count = client.xinfo_stream(KEY)["entries-added"] + 150
        client.delete(KEY)
        for _ in range(0, count, 500):
            field.traffic.loud.write(500)

    await field.redis(act, held=True)


async def flush(field: Field) -> None:
    await field.redis(lambda client: client.flushall(), held=True)


async def swap(field: Field) -> None:
    await field.redis(lambda client: client.swapdb(0, 1), held=True)


async def rename(field: Field) -> None:
    await field.redis(lambda client: client.rename(KEY, "elsewhere"), held=True)


async def set_and_delete(field: Field) -> None:
    def act(client: Any) -> None:
        client.set(KEY, "not a stream")
        client.delete(KEY)

    await field.redis(act, held=True)


# --- entries that go while the stream stays -------------------------------------------------------


async def bursts(field: Field) -> None:
    for _ in range(5):
        await asyncio.to_thread(field.traffic.loud.write, 600, maxlen=40)
        await asyncio.sleep(field.chance.uniform(0.02, 0.4))


async def trims(field: Field) -> None:
    """Each trim beside the entries it takes, so that no reader sees these; and some by age."""
    for _ in range(4):
        keep = field.chance.choice((0, 1, 20, 100))
        trim = ("XTRIM", KEY, "MAXLEN", keep)
        await asyncio.to_thread(field.traffic.loud.write, 150, after=[trim])
        await asyncio.sleep(field.chance.uniform(0.02, 0.4))
        await field.redis(lambda client: client.xtrim(KEY, maxlen=30, approximate=False))


async def deletions(field: Field) -> None:
    """XDEL ahead of every reader: in the middle, at the start and at the end of a batch."""
    for _ in range(3):
        doomed = sorted(field.chance.sample(range(40), 12))
        await asyncio.to_thread(field.traffic.loud.write_and_delete, 40, doomed)
        await asyncio.sleep(field.chance.uniform(0.05, 0.4))


# --- the server ends and starts again -------------------------------------------------------------


async def _restart(field: Field, away: float) -> None:
    def act() -> None:
        field.server.kill9()
        time.sleep(away)
        field.server.start()

    await asyncio.to_thread(act)


async def restart_empty(field: Field) -> None:
    await _restart(field, field.chance.uniform(0.0, 0.8))


async def restart_with_log(field: Field) -> None:
    await _restart(field, field.chance.uniform(0.0, 0.8))


async def restart_with_snapshot(field: Field) -> None:
    """What came after the snapshot is gone, although it was acknowledged."""
    await field.redis(lambda client: client.save(), held=True)
    await asyncio.sleep(field.chance.uniform(0.2, 0.7))
    await _restart(field, 0.2)


async def loading(field: Field) -> None:
    """Back with its log, and LOADING to everybody for about a second and a half."""
    written = max(1, len(field.traffic.lines))
    field.server.options = (
        *AOF, "--key-load-delay", str(1_500_000 // written),
        "--loading-process-events-interval-bytes", "1024",
    )  # fmt: skip
    await _restart(field, 0.0)


async def failover(field: Field) -> None:
    """A replica is promoted that misses the last acknowledged entries; the old one is killed."""
    assert field.proxy is not None
    old = field.server
    began = time.monotonic()
    new = await asyncio.to_thread(field.another, "--replicaof", f"127.0.0.1 {old.port}")

    def promote() -> None:
        with old.client() as source, new.client() as replica:
            until = time.monotonic() + 10
            while replica.info("replication")["master_link_status"] != "up":
                assert time.monotonic() < until, "the replica never caught up"
                time.sleep(0.02)
            with field.traffic.held():
                source.execute_command("WAIT", 1, 5000)
                replica.execute_command("REPLICAOF", "NO", "ONE")

    # A replica is up for longer than anybody was without an answer; else it looks like a restart.
    await asyncio.sleep(max(0.0, began + 4 - time.monotonic()))
    async with one_hangs(field):
        await asyncio.to_thread(promote)
        await asyncio.sleep(field.chance.uniform(0.1, 0.5))  # written and lost with the old one
        field.proxy.refuse = True
        field.proxy.reset()

        def move() -> None:
            with field.traffic.held():
                old.kill9()
                field.traffic.move(new.port)

        await asyncio.to_thread(move)
        field.server = new
        field.proxy.target, field.proxy.refuse = new.port, False


# --- a cluster ------------------------------------------------------------------------------------


async def slot_moves(field: Field) -> None:
    """To another node and on, or back; for a while the stream is between the two."""
    cluster, chance = field.cluster, field.chance
    assert cluster is not None
    for _ in range(chance.choice((1, 2, 3))):
        heir = chance.choice([one for one in cluster.masters if one is not field.server])
        away = chance.choice((0.0, chance.uniform(0.0, 0.6)))
        await asyncio.to_thread(cluster.begin_move, BUCKET, heir)
        await asyncio.sleep(chance.uniform(0.0, 0.3))

        def move(heir: RedisServer = heir, away: float = away) -> None:
            with field.traffic.held():
                cluster.move_keys(BUCKET, heir)
                time.sleep(away)
                cluster.end_move(BUCKET, heir)
                field.traffic.move(heir.port)

        await asyncio.to_thread(move)
        field.server = heir
        await asyncio.sleep(chance.uniform(0.0, 0.5))


async def node_dies(field: Field) -> None:
    """Its replica, which misses the last acknowledged entries, takes its place."""
    cluster, old = field.cluster, field.server
    assert cluster is not None

    def cut_off() -> None:
        with old.client() as client:
            client.config_set("requirepass", "for whoever connects from now on")
            client.client_kill_filter(_type="replica")

    def die() -> None:
        with field.traffic.held():
            old.kill9()
            until = time.monotonic() + 20
            while cluster.owner(BUCKET) is old:
                assert time.monotonic() < until, "no replica took its place"
                time.sleep(0.05)
            field.server = cluster.owner(BUCKET)
            field.traffic.move(field.server.port)

    async with one_hangs(field):
        await asyncio.to_thread(cut_off)
        await asyncio.sleep(field.chance.uniform(0.1, 0.5))
        await asyncio.to_thread(die)


# --- the server does not answer -------------------------------------------------------------------


async def freeze(field: Field) -> None:
    field.server.pause()
    await asyncio.sleep(field.chance.uniform(0.8, 2.5))
    field.server.resume()


async def kill_tail(field: Field) -> None:
    def act(client: Any) -> None:
        for row in client.client_list():
            if row["cmd"].startswith("xread"):
                client.client_kill_filter(_id=row["id"])

    for _ in range(3):
        await field.redis(act)
        await asyncio.sleep(field.chance.uniform(0.05, 0.3))


async def pause(field: Field) -> None:
    which = field.chance.choice(("ALL", "WRITE"))
    await field.redis(lambda client: client.execute_command("CLIENT", "PAUSE", 1500, which))
    await asyncio.sleep(1.5)


async def cut(field: Field) -> None:
    """The consoles' wire to Redis: reset and refused, or silent first."""
    assert field.proxy is not None
    if field.chance.random() < 0.5:
        field.proxy.hold()
        await asyncio.sleep(0.5)
    field.proxy.refuse = True
    field.proxy.reset()
    field.proxy.release()
    await asyncio.sleep(field.chance.uniform(0.2, 1.0))
    field.proxy.refuse = False


# --- the server refuses ---------------------------------------------------------------------------


async def groups_destroyed(field: Field) -> None:
    """The hubs' own groups; at times every group of the stream."""
    prefix = field.chance.choice((HUB_GROUPS, b""))

    def act(client: Any) -> None:
        for group in client.xinfo_groups(KEY):
            if group["name"].startswith(prefix):
                client.xgroup_destroy(KEY, group["name"])

    for _ in range(2):
        await field.redis(act)
        await asyncio.sleep(field.chance.uniform(0.1, 0.4))


async def wrong_type(field: Field) -> None:
    """The stream moved away, a string in its place, and back with everything it held."""

    def away(client: Any) -> None:
        client.rename(KEY, "kept")
        client.set(KEY, "not a stream")

    def back(client: Any) -> None:
        client.delete(KEY)
        client.rename("kept", KEY)

    await field.redis(away, held=True)
    await asyncio.sleep(field.chance.uniform(0.1, 1.2))
    await field.redis(back, held=True)


async def out_of_memory(field: Field) -> None:
    await field.redis(lambda client: client.config_set("maxmemory", 1))
    await asyncio.sleep(field.chance.uniform(0.5, 1.5))
    await field.redis(lambda client: client.config_set("maxmemory", 0))


async def failing_saves(field: Field) -> None:
    """MISCONF to every command that writes, XREADGROUP among them."""
    gone = Path(field.server.folder) / "gone"

    def begin(client: Any) -> None:
        gone.mkdir(exist_ok=True)
        client.config_set("dir", str(gone))
        gone.rmdir()
        client.config_set("save", "3600 1")
        client.bgsave()
        until = time.monotonic() + 5
        while client.info("persistence")["rdb_last_bgsave_status"] != "err":
            assert time.monotonic() < until, "the save was to fail"
            time.sleep(0.02)

    def end(client: Any) -> None:
        client.config_set("stop-writes-on-bgsave-error", "no")
        client.config_set("save", "")
        client.config_set("dir", str(field.server.folder))

    await field.redis(begin)
    await asyncio.sleep(field.chance.uniform(0.5, 1.5))
    await field.redis(end)


async def read_only(field: Field) -> None:
    """A replica of nobody: READONLY to every command that writes; nothing is lost."""
    await field.redis(lambda client: client.execute_command("REPLICAOF", "127.0.0.1", "1"))
    await asyncio.sleep(field.chance.uniform(0.5, 1.5))
    await field.redis(lambda client: client.execute_command("REPLICAOF", "NO", "ONE"))


def permit(client: redis.Redis, *, keys: list[str]) -> None:
    client.acl_setuser(
        "console", enabled=True, passwords=["+pw"], reset_keys=True, keys=keys, channels=["*"],
        categories=["+@all"],
    )  # fmt: skip


async def withdrawn(field: Field) -> None:
    await field.redis(lambda client: permit(client, keys=["nothing:*"]))
    await asyncio.sleep(field.chance.uniform(0.5, 1.5))
    await field.redis(lambda client: permit(client, keys=["*"]))


# --- the consoles ---------------------------------------------------------------------------------


async def console_killed(field: Field) -> None:
    await field.consoles.kill()


async def rolling_restart(field: Field) -> None:
    await field.consoles.roll()


async def worker_killed(field: Field) -> None:
    await field.consoles.lose_worker()


async def workers_renewed(field: Field) -> None:
    """While more is written than anybody reads at once."""

    async def flood() -> None:
        for _ in range(12):
            await asyncio.to_thread(field.traffic.loud.write, 300)
            await asyncio.sleep(0.2)

    flooding = asyncio.create_task(flood())
    try:
        await field.consoles.renew_workers()
    finally:
        flooding.cancel()
        await asyncio.wait([flooding])


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of the table. `resets`: reasons of a gap without a number that it may be given, when it
    costs the stream its life or the proof that it lives (docs/no-silent-loss.md)."""

    act: Callable[[Field], Awaitable[None]]
    resets: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    proxied: bool = False  # the consoles reach Redis through a proxy
    as_user: bool = False
    cluster: bool = False
    replicas: bool = False  # of each of its nodes
    workers: int = 1  # of each console
    late_gaps: float = 1.2  # seconds after the last line in which its gaps may still be told


FAULTS: Final[dict[str, Fault]] = {
    "none": Fault(none),
    "del": Fault(late(delete), resets=RESET),
    "refill": Fault(late(delete_and_refill), resets=RESET),
    "flushall": Fault(late(flush), resets=RESET),
    "swapdb": Fault(late(swap), resets=RESET),
    "rename": Fault(late(rename), resets=RESET),
    "setdel": Fault(late(set_and_delete), resets=RESET),
    "bursts": Fault(bursts, options=SMALL_NODES),
    "xtrim": Fault(late(trims), options=SMALL_NODES),
    "xdel": Fault(late(deletions), late_gaps=3.0),
    "empty": Fault(late(restart_empty), resets=RESET),
    "aof": Fault(late(restart_with_log), resets=RESET, options=AOF),
    "rdb": Fault(late(restart_with_snapshot), resets=RESET),
    "loading": Fault(late(loading), resets=RESET, options=AOF),
    "failover": Fault(failover, resets=("failover",), proxied=True),
    "slot": Fault(late(slot_moves), cluster=True),
    "node": Fault(node_dies, resets=("failover",), cluster=True, replicas=True),
    "freeze": Fault(freeze),
    "killtail": Fault(kill_tail),
    "pause": Fault(pause),
    "cut": Fault(cut, proxied=True),
    "nogroup": Fault(groups_destroyed, resets=RESET),
    "wrongtype": Fault(wrong_type, resets=RESET),
    "oom": Fault(out_of_memory),
    "misconf": Fault(failing_saves, options=("--enable-protected-configs", "yes")),
    "readonly": Fault(read_only),
    "acl": Fault(withdrawn, as_user=True),
    "killed": Fault(console_killed),
    "rolling": Fault(rolling_restart),
    "worker": Fault(worker_killed, workers=2),
    "sighup": Fault(workers_renewed, workers=2),
}
