"""Checks of database and Redis, made at the console's start and by every request of /readyz.

The database: the trail's and the policies' triggers fire and our role could not remove them.
Redis: its version counts the entries of a stream (7.0), and it does not evict whole streams.
"""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from redis.exceptions import RedisError, ResponseError

from audit import checks as trail
from extdebug.streams.acl import MINIMUM, UnsupportedServer, Version
from extdebug.streams.connection import LOST, Link
from extdebug.streams.replies import read_info
from policies.database import checks as policy
from policies.grants import checks as alarms

ADVISED: Final = (7, 2)  # 7.0 still delivers to a blocked reader whose permission was withdrawn


class RedisAway(Exception):
    """Redis does not answer, or refuses us; the message says which."""


def redirects_to_itself() -> bool:
    """Whether a server that does not end TLS itself sends each request back to the same address."""
    return bool(settings.HTTPS_ONLY and not (settings.BEHIND_TLS_PROXY or settings.TRUSTED_PROXIES))


def database_problems() -> list[CheckMessage]:
    """Synchronous. Errors in production, warnings elsewhere; DatabaseError when it is away."""
    found = [*trail.problems(), *policy.problems()]
    # The alarm is asked of the policy's tables, which may not be there yet.
    return found if any(one.is_serious() for one in found) else [*found, *alarms.problems()]


async def redis_problems() -> list[CheckMessage]:
    """Empty where no Redis is configured (`runner` mode); RedisAway when it cannot be asked."""
    if not _uses_redis():
        return []
    link = Link(settings.REDIS_URL, timeout=1.0)
    try:
        await link.call("PING")
        try:
            return judge(await link.call("INFO"))
        except ResponseError:  # the embedded server has no INFO, an ACL may refuse it
            return []
    except (RedisError, *LOST) as error:
        raise RedisAway(type(error).__name__) from error
    finally:
        await link.close()


def _uses_redis() -> bool:
    return bool(settings.REDIS_URL) and settings.EXT_DEBUG_STREAM_MODE != "runner"


def judge(info: bytes | str | None) -> list[CheckMessage]:
    """Problems that the reply of INFO shows: version and eviction policy."""
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
    if eviction.startswith("allkeys"):
        found.append(
            Warning(
                f"Redis evicts whole streams when it is full (maxmemory-policy {eviction}).",
                hint="Set maxmemory-policy to noeviction: then runners count what they drop.",
                id="extdebug.W003",
            )
        )
    return found
