"""The Redis ACL of each role: what it may do, on which keys and channels, by server version.

A runner that is taken over must not read anybody's events, nor a console write them.
docs/redis.md says why each role has what it has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from extdebug.wire.keys import Keys, escape

MINIMUM: Final = (7, 0)  # entries-added, entries-read and %R~ key rules begin there
PASSWORD: Final = "#SHA256_OF_THE_PASSWORD"  # refused by Redis until it is replaced


class UnsupportedServer(ValueError):
    """A server too old for what the console relies on."""


class AclRole(StrEnum):
    """Who connects. The value is the user's name."""

    RUNNER = "ext-debug-runner"
    CONSOLE = "ext-debug-console"
    JANITOR = "ext-debug-janitor"
    PURGE = "ext-debug-purge"
    READONLY = "ext-debug-readonly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A server's version, for what its ACL parser knows."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """`7`, `7.2` or `7.2.4`; UnsupportedServer below 7.0, ValueError if it is not one."""
        match = re.fullmatch(r"(\d{1,4})(?:\.(\d{1,4}))?(?:\.\d{1,4})?", text.strip())
        if match is None:
            raise ValueError(f"expected a version such as 7.2, got {text[:40]!r}")
        version = cls(major=int(match[1]), minor=int(match[2] or 0))
        if (version.major, version.minor) < MINIMUM:
            raise UnsupportedServer(f"Redis {text} is too old: 7.0 or newer is needed, 7.2 advised")
        return version

    @property
    def has_setinfo(self) -> bool:
        """CLIENT SETINFO came with 7.2; naming it in a rule makes older servers refuse the rule."""
        return (self.major, self.minor) >= (7, 2)


# What every client library says when it connects.
_CONNECTION: Final = ("+ping", "+client|setname")
_COMMANDS: Final[dict[AclRole, tuple[str, ...]]] = {
    AclRole.RUNNER: ("+xadd", "+xlen"),
    AclRole.CONSOLE: (
        # the tail and history
        "+xreadgroup", "+xread", "+xrange", "+xrevrange", "+xlen", "+xinfo|stream",
        "+xinfo|groups", "+info", "+multi", "+exec", "+discard",
        # waking its own tail, the group by which it reads, the group that names the stream's life
        "+client|id", "+client|unblock", "+xgroup|create", "+xgroup|setid", "+xgroup|destroy",
        # the channel layer: hints to decide again, never events
        "+publish", "+subscribe", "+unsubscribe", "+psubscribe", "+punsubscribe",
    ),
    AclRole.JANITOR: (
        "+scan", "+type", "+xtrim", "+xlen", "+xrevrange", "+xinfo|stream", "+xinfo|groups",
        "+xgroup|destroy", "+del", "+unlink", "+watch", "+unwatch", "+multi", "+exec", "+discard",
        "+info",
        # hints to decide again, for the sessions and grants that it ends
        "+publish",
    ),
    # of the console as well, but of a connection of its own, for one purge at the desk
    AclRole.PURGE: ("+xrange", "+xinfo|stream", "+xtrim", "+xdel"),
    AclRole.READONLY: (
        "+scan", "+type", "+xread", "+xrange", "+xrevrange", "+xlen", "+xinfo", "+info",
        "+memory|usage", "+slowlog|get", "+latency|latest", "+acl|whoami",
    ),
}  # fmt: skip


# On a cluster each role asks who owns a slot; the console, whether a node gave one away by itself.
_ON_A_CLUSTER: Final[dict[AclRole, tuple[str, ...]]] = {
    **dict.fromkeys(AclRole, ("+cluster|slots",)),
    AclRole.CONSOLE: ("+cluster|slots", "+cluster|myid"),
    AclRole.READONLY: ("+cluster|slots", "+cluster|nodes", "+cluster|info"),
}


def rules(role: AclRole, *, version: Version, keys: Keys, layer_prefix: str) -> list[str]:
    """The words after the user's name in ACL SETUSER, the password left to be filled in."""
    connection = (*_CONNECTION, "+client|setinfo") if version.has_setinfo else _CONNECTION
    words = ["reset", "on", PASSWORD]
    # %R~ refuses XGROUP, which Redis counts as a write, so the console has ~ on its keys and
    # no command that changes an entry.
    words.append(f"{'%R' if role is AclRole.READONLY else ''}~{keys.pattern}")
    words.append("resetchannels")
    if role in (AclRole.CONSOLE, AclRole.JANITOR):
        words.append(f"&{escape(layer_prefix)}*")
    more = _ON_A_CLUSTER[role] if keys.bucketed else ()
    return [*words, "-@all", *connection, *_COMMANDS[role], *more]
