"""The names under which events lie in Redis: stream keys, their parts, patterns and groups.

On a Redis Cluster each key names one of BUCKETS buckets in braces, which is all that the cluster
hashes: the prefix, then `{bNN}:tenant:extension` with literal braces. Streams of one bucket are
always together on one node.
"""

from __future__ import annotations

import binascii
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


BUCKETS: Final = 64  # the same on every runner and console, or they write and read past each other
_SLOTS: Final = 16384  # of a cluster
_BUCKET: Final = re.compile(r"\{b[0-9]{2}\}:")


def stream_key(prefix: str, tenant: str, extension: str, *, bucketed: bool = False) -> str:
    """The only way a key is made; BadId unless both parts are ids (tenant may be BARE).

    `bucketed`: as on a cluster.
    """
    name = clean_id(extension, what="extension")
    if tenant != BARE:
        name = f"{clean_id(tenant, what='tenant')}:{name}"
    return f"{prefix}{_tag(_bucket(name))}:{name}" if bucketed else f"{prefix}{name}"


def parse_key(prefix: str, key: str, *, bucketed: bool = False) -> Target | None:
    """The target of a key, None for a key that stream_key would not make."""
    if not key.startswith(prefix):
        return None
    name = key[len(prefix) :]
    if bucketed:
        tag = _BUCKET.match(name)
        name = name[tag.end() :] if tag else ""
    first, colon, second = name.partition(":")
    tenant, extension = (first, second) if colon else (BARE, first)
    try:
        same = stream_key(prefix, tenant, extension, bucketed=bucketed) == key
    except ValueError:
        return None
    return Target(tenant, extension) if same else None


class Keys(msgspec.Struct, frozen=True):
    """The keys of one installation: its prefix, and whether it is on a cluster."""

    prefix: str
    bucketed: bool = False

    def of(self, target: Target) -> str:
        return stream_key(self.prefix, target.tenant, target.extension, bucketed=self.bucketed)

    def target(self, key: str) -> Target | None:
        """The target of a key, None for a key that `of` would not make."""
        return parse_key(self.prefix, key, bucketed=self.bucketed)

    def bucket(self, target: Target) -> int | None:
        """The bucket in the target's key; None where keys have none."""
        key = self.of(target)
        return int(key[len(self.prefix) + 2 :][:2]) if self.bucketed else None

    def probe(self, bucket: int | None) -> str:
        """A key of this bucket that nobody writes; the prefix's alone where keys have none."""
        return f"{self.prefix}probe" if bucket is None else f"{self.prefix}{_tag(bucket)}:probe"

    @property
    def pattern(self) -> str:
        """A glob that all keys match, for SCAN and for ACL rules."""
        return escape(self.prefix) + ("{b[0-9][0-9]}:*" if self.bucketed else "*")


def slot_of(bucket: int) -> int:
    """The slot of a cluster in which all keys of the bucket are."""
    return _crc16(_tag(bucket)[1:-1]) % _SLOTS


def _bucket(name: str) -> int:
    return _crc16(name) % BUCKETS


def _tag(bucket: int) -> str:
    return f"{{b{bucket:02d}}}"


def _crc16(text: str) -> int:
    """The checksum by which a cluster places keys (CRC-16/XMODEM)."""
    return binascii.crc_hqx(text.encode(), 0)


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
MOVED_PREFIX: Final = "ee-debug-moved:"  # says which run of another server a life was moved from
NAMING_PREFIX: Final = "ee-debug-naming:"  # held by the process that names a life, meanwhile
