"""The ASGI application: HTTP by Django, WebSockets by Channels, start and stop by lifespan."""

import os
import sys
from typing import Any, Final

from django.core.asgi import get_asgi_application

from config.bad_environment import BadEnvironment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
try:
    http = get_asgi_application()  # loads the apps: the imports below need them
except BadEnvironment as error:
    sys.exit(str(error))  # the lines alone, whichever server imports this

from channels.routing import ProtocolTypeRouter
from channels.security.websocket import WebsocketDenier

from config.origins import OriginGate
from config.request_ids import RequestIds
from extdebug.ops import traces, workers
from extdebug.ops.metrics import own_figures
from extdebug.ops.request_bounds import RequestBounds
from extdebug.transports.consumers import SessionConsumer

WEBSOCKET_PATH: Final = "/ws/ext-debug/"
session = SessionConsumer.as_asgi()
traces.begin()  # here, because not every server says when it starts


async def websocket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The one WebSocket there is; a handshake anywhere else is refused, not an error."""
    application = session if scope["path"] == WEBSOCKET_PATH else WebsocketDenier()
    await application(scope, receive, send)


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


application = RequestIds(
    ProtocolTypeRouter(
        {"http": RequestBounds(http), "websocket": OriginGate(websocket), "lifespan": lifespan}
    )
)
