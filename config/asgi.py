"""The ASGI application: HTTP by Django, WebSockets by Channels, start and stop by lifespan."""

import os
import sys
from collections.abc import Awaitable, Mapping
from typing import Any, Final

from django.core.asgi import get_asgi_application

from config.bad_environment import BadEnvironment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
try:
    http = get_asgi_application()  # loads the apps: the imports below need them
except BadEnvironment as error:
    sys.exit(str(error))  # the lines alone, whichever server imports this

from channels.security.websocket import WebsocketDenier

from config.origins import OriginGate
from config.request_ids import Application, RequestIds
from extdebug.ops import traces, workers
from extdebug.ops.metrics import own_figures
from extdebug.ops.request_bounds import RequestBounds
from extdebug.transports.consumers import SessionConsumer

WEBSOCKET_PATH: Final = "/ws/ext-debug/"
traces.begin()  # here, because not every server says when it starts


def websocket(scope: dict[str, Any], receive: Any, send: Any) -> Awaitable[Any]:
    """The one WebSocket there is; a handshake anywhere else is refused, not an error."""
    consumer = SessionConsumer() if scope["path"] == WEBSOCKET_PATH else WebsocketDenier()
    answering: Awaitable[Any] = consumer(scope, receive, send)
    return answering


async def lifespan(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers the server's start and stop; to Redis nothing connects before the first session."""
    while True:
        message = await receive()
        over = message["type"] == "lifespan.shutdown"
        if over:
            workers.stopped()
            await traces.end()
        else:
            await workers.started(own_figures)
        await send({"type": f"{message['type']}.complete"})
        if over:
            return


applications: Final[Mapping[str, Application]] = {
    "http": RequestBounds(http), "websocket": OriginGate(websocket), "lifespan": lifespan,
}  # fmt: skip


def by_type(scope: dict[str, Any], receive: Any, send: Any) -> Awaitable[Any]:
    """Like the two above no coroutine of its own, which an idle session would hold: 250 bytes."""
    return applications[scope["type"]](scope, receive, send)


application = RequestIds(by_type)
