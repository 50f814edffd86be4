"""The ASGI application: HTTP by Django, WebSockets by Channels, start and stop by lifespan."""

import os
from importlib.util import find_spec
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
http = get_asgi_application()  # loads the apps: the imports below need them

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402

from config.origins import OriginGate  # noqa: E402


async def lifespan(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers the server's start and stop; nothing connects before the first session does."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


class _NotFound:
    """Closes a handshake to any other path with 403 instead of raising into the server's log."""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.close", "code": 4404})


websocket_urls = [
    path("<path:anything>", _NotFound()),
    path("", _NotFound()),
]
if find_spec("extdebug.consumers"):
    from extdebug.consumers import SessionConsumer

    websocket_urls.insert(0, path("ws/ext-debug/", SessionConsumer.as_asgi()))
application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": OriginGate(AuthMiddlewareStack(URLRouter(websocket_urls))),
        "lifespan": lifespan,
    }
)
