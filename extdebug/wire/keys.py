"""The names under which events lie in Redis: stream keys, their parts, patterns and groups."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from extdebug.wire.events import BARE, clean_id


class Target(msgspec.Struct, frozen=True):
    """One stream: a tenant's use of an extension. Tenant `-` names a one-part key (BARE)."""

    tenant: str
    extension: str

    def __str__(self) -> str:
        return f"{self.tenant}:{self.extension}"


def stream_key(prefix: str, tenant: str, extension: str) -> str:
    """The only way a key is made; BadId unless both parts are ids (tenant may be BARE)."""
    extension = clean_id(extension, what="extension")
    if tenant == BARE:
        return f"{prefix}{extension}"
    return f"{prefix}{clean_id(tenant, what='tenant')}:{extension}"


def parse_key(prefix: str, key: str) -> Target | None:
    """The target of a key, None for a key that stream_key would not make."""
    if not key.startswith(prefix):
        return None
    first, colon, second = key[len(prefix) :].partition(":")
    tenant, extension = (first, second) if colon else (BARE, first)
    try:
        same = stream_key(prefix, tenant, extension) == key
    except ValueError:
        return None
    return Target(tenant, extension) if same else None


def add_args(
    key: str, entry: Sequence[str | bytes], *, maxlen: int
) -> tuple[str | bytes | int, ...]:
    """XADD with an approximate cap: the server trims whole nodes, at next to no cost."""
    return ("XADD", key, "MAXLEN", "~", maxlen, "*", *entry)


_GLOB: Final = re.compile(r"([\\*?\[\]^])")


def escape(prefix: str) -> str:
    """`prefix` as a pattern that matches itself and nothing else."""
    return _GLOB.sub(r"\\\1", prefix)


GROUP_PREFIX: Final = "ee-debug-ui:"  # a group per hub, by which it reads
EPOCH_PREFIX: Final = (
    "ee-debug-epoch:"  # a group whose name is the stream's life; nobody reads by it
)
NAMING_PREFIX: Final = "ee-debug-naming:"  # held by the process that names a life, meanwhile
