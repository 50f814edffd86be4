"""The log of a live session names its request and the session, in JSON when asked for."""

import json
from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async

from extdebug.demo.sample import Cast
from tests.extdebug.test_live import receive, watching
from tests.fixtures.console import Console
from tests.fixtures.programs import wait_until
from tests.fixtures.redis import RedisServer


async def test_each_line_is_an_object_and_names_what_it_belongs_to(
    live_console: Callable[..., Console], redis_server: RedisServer, cast: Cast
) -> None:
    console = await sync_to_async(live_console)(
        redis_url=redis_server.url, LOG_FORMAT="json", LOG_LEVEL="DEBUG"
    )

    def lines() -> list[dict[str, Any]]:
        return [json.loads(line) for line in console.log.splitlines() if line.startswith("{")]

    async with watching(console, cast.dan) as socket:
        ready = await receive(socket, "ready")

        def opened() -> list[dict[str, Any]]:
            return [line for line in lines() if line["session"] == ready["session"]]

        await sync_to_async(wait_until)(lambda: bool(opened()), what="a line of the session")
    (line,) = opened()
    assert line.keys() == {"time", "level", "logger", "message", "request", "session", "error"}
    assert line["logger"] == "extdebug.sessions.opening"
    assert len(line["request"]) == 16
