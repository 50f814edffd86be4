"""The settings that console and runner both read: each must mean the same on both sides."""

from __future__ import annotations

from typing import Any, Final

from redis.connection import Connection, parse_url

from extdebug.wire.environment.kinds import Secret, Text, Url
from extdebug.wire.environment.setting import Setting

# Redis takes any bytes, ACL patterns and key globs do not.
PREFIX_PATTERN: Final = r"[A-Za-z0-9._:-]{1,64}"


def _usable(url: str) -> None:
    """ValueError for options that redis-py does not have, or values that they cannot have."""
    options: dict[str, Any] = dict(parse_url(url))
    connection: type[Connection] = options.pop("connection_class", Connection)
    try:
        connection(**options)  # connects to nothing yet
    except TypeError as error:
        raise ValueError(str(error)) from error


REDIS: Final = Url(
    ("redis", "rediss", "unix"),
    "rediss://user:password@redis.example:6379/0",
    hostless=("unix",),
    path=r"/?|/[0-9]{1,4}",
    usable=_usable,
)

STREAM_PREFIX: Final = Setting(
    name="RUNNER_DEBUG_REDIS_STREAM_PREFIX",
    kind=Text("1 to 64 characters of letters, digits and . _ : -", PREFIX_PATTERN),
    default="ext-debug:",
    meaning="first part of every stream's key, the same on consoles and runners",
)
REDACTION_KEY: Final = Setting(
    name="REDACTION_KEY",
    kind=Secret(),
    default="",
    secret=True,
    meaning="makes the tokens of masks; the same on consoles and runners, not the `SECRET_KEY`",
)
RUNNER_AUTH_TOKEN: Final = Setting(
    name="RUNNER_AUTH_TOKEN",
    kind=Secret(16),
    default="",
    secret=True,
    meaning="what callers show a runner in `x-runner-auth`, the console among them",
)
STREAM_SECRET: Final = Setting(
    name="RUNNER_DEBUG_STREAM_SECRET",
    kind=Secret(32),
    default="",
    secret=True,
    meaning="the console signs with it what a session may read of a runner's internal stream",
)
