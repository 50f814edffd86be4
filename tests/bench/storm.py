"""Many people who connect at once over WebSockets, and the seconds until all are live."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

ATTEMPTS = 40  # connections that a restarting server refused are tried again each .1 s


@dataclass(slots=True)
class Client:
    """One page: its sign-in, what it watches and, once it was live, its session."""

    address: str  # of the loopback, each its own: one address may not have many that wait
    cookie: str
    tenant: str
    extension: str
    session: str | None = None
    writer: asyncio.StreamWriter | None = None
    closed: str = ""

    def subscribe(self) -> bytes:
        frame: dict[str, object] = {
            "type": "subscribe", "from": "now",
            "target": {"tenant": self.tenant, "extension": self.extension},
        }  # fmt: skip
        if self.session:
            frame["resume"] = self.session
        return json.dumps(frame).encode()

    async def connect(self, port: int, *, within: float) -> None:
        """Return when it is live; TimeoutError when that takes longer."""
        async with asyncio.timeout(within):
            for attempt in range(ATTEMPTS):
                try:
                    await self._connect(port)
                    return
                except (ConnectionError, asyncio.IncompleteReadError):
                    if attempt == ATTEMPTS - 1:
                        raise
                    await asyncio.sleep(0.1)

    async def _connect(self, port: int) -> None:
        reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", port, local_addr=(self.address, 0)
        )
        self.writer.write(
            f"GET /ws/ext-debug/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Sec-WebSocket-Version: 13\r\nOrigin: http://127.0.0.1:{port}\r\n"
            f"Cookie: {self.cookie}\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise AssertionError(head[:200])
        body = self.subscribe()
        size = bytes([0x80 | len(body)]) if len(body) < 126 else b"\xfe" + len(body).to_bytes(2)
        self.writer.write(b"\x81" + size + bytes(4) + body)  # a mask of zeros
        while True:
            text = await _frame(reader)
            if found := re.match(rb'\{"type":"ready","session":"([^"]+)"', text):
                self.session = found[1].decode()
            elif text.startswith(b'{"type":"closing"'):
                raise AssertionError(text[:300])
            elif b'"state":"live"' in text[:200]:
                return

    def hang_up(self) -> None:
        """As a page whose line is lost: no close frame."""
        if self.writer is not None:
            self.writer.transport.abort()


async def _frame(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(2)
    size = head[1] & 127
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2))
    elif size == 127:
        size = int.from_bytes(await reader.readexactly(8))
    return await reader.readexactly(size)


async def all_live(clients: Sequence[Client], port: int, *, within: float = 120) -> float:
    """Seconds until each of them, all connecting at once, is live."""
    began = time.monotonic()
    await asyncio.gather(*(client.connect(port, within=within) for client in clients))
    return time.monotonic() - began
