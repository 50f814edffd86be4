"""The design to beat: one Redis connection and one XREAD loop per watcher, a frame per event.

No redaction, no filter, no credit, no decision: a plain ASGI application. `BENCH_REDIS` is the URL.
"""

from __future__ import annotations

import json
import os
from typing import Any

import redis.asyncio

STREAM = "ext-debug:acme:invoice-sync"


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["type"] != "websocket":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})
        return
    await receive()
    await send({"type": "websocket.accept"})
    await receive()
    client: Any = redis.asyncio.Redis.from_url(
        os.environ["BENCH_REDIS"], socket_timeout=None, protocol=2
    )
    last = (await client.xrevrange(STREAM, count=1) or [(b"0-0", {})])[0][0]
    try:
        while True:
            reply = await client.xread({STREAM: last}, count=100, block=1000)
            for _, rows in reply or ():
                for id, fields in rows:
                    event = {key.decode(): value.decode() for key, value in fields.items()}
                    text = json.dumps(event, separators=(",", ":"))
                    await send({"type": "websocket.send", "text": text})
                    last = id
    finally:
        await client.aclose()
