"""Snapshots of a stream: how to ask for one with what it is about, and how to read the replies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.exceptions import ResponseError

from extdebug.streams.connection import Command, Link
from extdebug.streams.replies import Row, read_info, read_keys, read_snapshot


def snapshot_commands(key: bytes) -> list[Command]:
    """What `read_snapshot` reads, to be sent in one transaction with what it is about."""
    return [("XINFO", "STREAM", key), ("XINFO", "GROUPS", key)]


async def epochs_under(link: Link, key: bytes) -> tuple[Sequence[str], str]:
    """The epochs that the stream under a key carries, and the run under which it lives; empty: not
    told."""
    *replies, info = await link.together(*snapshot_commands(key), ("INFO", "server"))
    told = read_info(info) if isinstance(info, bytes) else {}
    snapshot = read_snapshot(replies[0], replies[1])
    return snapshot.epochs, snapshot.run(told.get("run_id", ""))


def refusal(*replies: Any) -> ResponseError | None:
    return next((reply for reply in replies if isinstance(reply, ResponseError)), None)


def rows_of(reply: Any) -> list[Row]:
    keys = read_keys(reply)
    return keys[0][1] if keys else []
