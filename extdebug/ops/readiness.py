"""Checks of database and Redis, made at the console's start and by every request of /readyz.

The database: the trail's and the policies' triggers fire and our role could not remove them; its
migrations are applied, and a session's tables can be read and written.
Redis: its version counts the entries of a stream (7.0), it does not evict whole streams, and a
stream can be read; on a cluster each master is asked. Static files: they are there where pages name
them by their hash.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from redis.exceptions import RedisError, ResponseError

from audit import checks as trail
from extdebug.ops import own_tables
from extdebug.streams.acl import MINIMUM, UnsupportedServer, Version
from extdebug.streams.connection import LOST, Link
from extdebug.streams.replies import read_info
from extdebug.wire.redis_address import RedisAddress
from extdebug.wire.redis_causes import cause
from extdebug.wire.redis_clients import keys
from extdebug.wire.redis_cluster import ON_ITS_WAY, buckets_in_loop
from policies.database import checks as policy
from policies.grants import checks as alarms

FULL: Final = "extdebug.W009"
_OTHER_SERVERS: Final = ("extdebug.E008", "extdebug.E009")  # a node of a cluster, a Sentinel
ADVISED: Final = (7, 2)  # 7.0 still delivers to a blocked reader whose permission was withdrawn


class RedisAway(Exception):
    """Redis does not answer, or refuses us: the message is the error's kind, `reason` its cause."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(type(error).__name__)
        self.reason = cause(error)


def redirects_to_itself() -> bool:
    """Whether a server that does not end TLS itself sends each request back to the same address."""
    return bool(settings.HTTPS_ONLY and not (settings.BEHIND_TLS_PROXY or settings.TRUSTED_PROXIES))


def database_problems() -> list[CheckMessage]:
    """Synchronous. Missing triggers are errors in production and warnings elsewhere, tables that
    cannot be used are errors; DatabaseError when it is away."""
    found = [*trail.problems(), *policy.problems(), *own_tables.problems()]
    # The alarm is asked of the policy's tables, which may not be there yet.
    return found if any(one.is_serious() for one in found) else [*found, *alarms.problems()]


def static_problems() -> list[CheckMessage]:
    """Pages that would name static files which nobody collected are an error on each request."""
    collected = Path(settings.STATIC_ROOT) / "staticfiles.json"
    if not settings.STATIC_HASHED or collected.exists():
        return []
    return [
        Error(
            "STATIC_HASHED is on, and static files were not collected: no page can be shown.",
            hint="Run `manage.py collectstatic --no-input`, or unset STATIC_HASHED.",
            id="extdebug.E006",
        )
    ]


async def redis_problems() -> list[CheckMessage]:
    """Empty where no Redis is configured (`runner` mode); RedisAway when it cannot be asked."""
    if not _uses_redis():
        return []
    address = RedisAddress.parse(settings.REDIS_URL)
    try:
        buckets = await buckets_in_loop(address) if address.nodes else [None]
        found = [one for bucket in buckets for one in await _problems_at(bucket)]
    except (RedisError, *LOST) as error:
        raise RedisAway(error) from error
    return list({(one.id, one.msg): one for one in found}.values())  # each once


async def _problems_at(bucket: int | None) -> list[CheckMessage]:
    """Of one server: on a cluster, of that which owns the bucket."""
    link = Link(settings.REDIS_URL, bucket=bucket, timeout=1.0)
    try:
        await link.call("PING")
        try:
            found = judge(await link.call("INFO"), expected=bucket is not None)
        except ResponseError:  # the embedded server has no INFO, an ACL may refuse it
            found = []
        if any(one.id in _OTHER_SERVERS for one in found):
            return found  # which says why nothing can be read there
        return [*found, *await _unreadable(link, bucket)]
    finally:
        await link.close()


async def _unreadable(link: Link, bucket: int | None) -> list[CheckMessage]:
    """Reads a stream that nobody writes in the ways a session reads one; changes nothing."""
    key = keys(settings.REDIS_URL, prefix=settings.EXT_DEBUG_STREAM_PREFIX).probe(bucket)
    for command in (
        ("XREVRANGE", key, "+", "-", "COUNT", 1),
        ("XREAD", "COUNT", 1, "STREAMS", key, "0"),
        ("XINFO", "STREAM", key),
    ):
        try:
            await link.call(*command)
        except ResponseError as error:
            if "no such key" in str(error) or isinstance(error, ON_ITS_WAY):
                continue  # as it should be, and as it is while a slot is moved
            return [
                Error(
                    f"Redis refuses to read a stream by {command[0]}: {error}.",
                    hint="Compare the console's user with what `manage.py redis_acl` prints, and "
                    "RUNNER_DEBUG_REDIS_STREAM_PREFIX on both sides.",
                    id="extdebug.E007",
                )
            ]
    return []


def _uses_redis() -> bool:
    return bool(settings.REDIS_URL) and settings.EXT_DEBUG_STREAM_MODE != "runner"


def judge(info: bytes | str | None, *, expected: bool = False) -> list[CheckMessage]:
    """Problems that the reply of INFO shows: version and eviction policy. `expected`: a node of a
    cluster was named as one."""
    values = read_info(info)
    found: list[CheckMessage] = []
    try:
        version = Version.parse(values.get("redis_version", ""))
        if (version.major, version.minor) < ADVISED:
            found.append(
                Warning(
                    f"Redis is {version.major}.{version.minor}: a reader that is waiting still "
                    "gets events after its permission was withdrawn.",
                    hint="7.2 or newer is advised.",
                    id="extdebug.W002",
                )
            )
    except UnsupportedServer:
        found.append(
            Error(
                f"Redis is {values.get('redis_version') or 'of an unknown version'}.",
                hint=f"{MINIMUM[0]}.{MINIMUM[1]} or newer is needed: without `entries-added` a "
                "loss cannot be counted.",
                id="extdebug.E001",
            )
        )
    except ValueError:
        pass  # a server that does not tell
    eviction = values.get("maxmemory_policy", "noeviction")
    used, most = (int(values.get(name) or 0) for name in ("used_memory", "maxmemory"))
    if 0 < most <= used and not eviction.startswith("allkeys"):
        found.append(
            Warning(
                f"Redis is full ({used} of {most} bytes): it refuses what runners write.",
                hint="Raise maxmemory, or lower EXT_DEBUG_RETENTION_SECONDS and run the janitor.",
                id=FULL,
            )
        )
    if values.get("redis_mode") == "sentinel":
        found.append(
            Error(
                "REDIS_URL names a Sentinel, not a server.",
                hint="Write redis+sentinel://host:port,host:port/SERVICE to be led to the master.",
                id="extdebug.E009",
            )
        )
    if values.get("cluster_enabled") == "1" and not expected:
        found.append(
            Error(
                "Redis is a node of a cluster, which holds only some of the streams.",
                hint="Write redis+cluster://host:port,host:port/ to be led to all of its nodes.",
                id="extdebug.E008",
            )
        )
    if eviction.startswith("allkeys"):
        found.append(
            Warning(
                f"Redis evicts whole streams when it is full (maxmemory-policy {eviction}).",
                hint="Set maxmemory-policy to noeviction: then runners count what they drop.",
                id="extdebug.W003",
            )
        )
    return found
