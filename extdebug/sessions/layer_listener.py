"""Hints of the channel layer for this process: fast, and never the only way a change is noticed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from channels.layers import get_channel_layer

from policies.cuts import LAYER_GROUP

log = logging.getLogger(__name__)

AGAIN: Final = 1.0  # seconds until a layer that failed is tried again


async def listen(
    *,
    heard: Callable[[dict[str, Any]], None],
    joined: Callable[[], None],
    find_layer: Callable[[], Any] = get_channel_layer,
    again: float = AGAIN,
) -> None:
    """Hand each message of the group to `heard`, until cancelled; one receiver per process.

    `joined` is called after each (re)connection, because nobody heard what was said before. A
    layer that is away costs `again` seconds, never a cut: the supervisor polls meanwhile.
    """
    while True:
        try:
            layer = find_layer()
            channel = await layer.new_channel()
            await layer.group_add(LAYER_GROUP, channel)
            joined()
            while True:
                heard(await layer.receive(channel))
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a layer's library raises
            log.warning("the channel layer is away, polling goes on: %s", error)
            await asyncio.sleep(again)
