"""Which application answers what: one WebSocket address, HTTP by Django, start and stop."""

from typing import Any

from channels.testing import WebsocketCommunicator

from config.asgi import WEBSOCKET_PATH, application


async def connects(path: str, origin: str) -> bool:
    # Answers every handshake that it does not refuse; the session's own rules come after it.
    socket = WebsocketCommunicator(application, path, headers=[(b"origin", origin.encode())])
    accepted, _ = await socket.connect()
    if accepted:
        await socket.disconnect()
    return bool(accepted)


async def test_a_handshake_at_any_other_path_or_from_another_page_is_refused():
    ours = "http://127.0.0.1:8000"
    assert await connects(WEBSOCKET_PATH, ours)
    assert not await connects("/ws/other/", ours)
    assert not await connects("/", ours)
    assert not await connects(WEBSOCKET_PATH, "http://127.0.0.1:8001")


async def test_the_servers_start_and_stop_are_answered():
    received = ["lifespan.startup", "lifespan.shutdown"]
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return {"type": received.pop(0)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message["type"])

    await application({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
