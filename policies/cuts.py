"""Hints to every process to decide its sessions again. A lost hint delays a cut by 2 s at most.

The message goes out on commit, so that nobody re-decides by what is not there yet. Each process
polls the policy version besides (DESIGN 3.3), so nothing here waits for long and nothing raises.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Final

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

log = logging.getLogger("policies.cuts")

LAYER_GROUP: Final = "ext-debug.cuts"
PATIENCE: Final = 1.0  # seconds for a layer that is away; the poll is there in 2


def hint(kind: str, **ids: str | int | bool | None) -> None:
    """After the commit, `{"type": "cut.hint", "kind": kind, **ids}` to the group of all processes.

    `kind="logout"` with `session_hash` is final: the session row still exists when it is sent.
    """
    message: dict[str, object] = {"type": "cut.hint", "kind": kind, **ids}
    transaction.on_commit(partial(_send, message), robust=True)


def _send(message: dict[str, object]) -> None:
    try:
        async_to_sync(_group_send)(message)
    except Exception as error:  # noqa: BLE001 - whatever a layer's library raises, a hint is lost
        log.warning("the hint %s was not sent: %s", message["kind"], error)


async def _group_send(message: dict[str, object]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    async with asyncio.timeout(PATIENCE):
        await layer.group_send(LAYER_GROUP, message)
