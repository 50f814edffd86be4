"""One runner's own stream, for a console whose Redis is away: subscribe, then entry by entry.

The caller chooses runners, reconnects, and drops what it already has by (`src`, `n`): entries are
the same flat fields that Redis would have carried. No Django here.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import h11
import msgspec

from extdebug.wire.stream_tokens import sign

CONNECT_TIMEOUT: Final = 2.0  # s
# Three missed heartbeats of the runner (10 s each): it is gone, whatever TCP says.
SILENCE: Final = 30.0  # s
MOST_FRAME: Final = 512 * 1024  # bytes of one SSE frame; an entry is far smaller


class StreamUnavailable(Exception):
    """The runner cannot be watched now; the message says why, without the token."""


class StreamRefused(StreamUnavailable):
    """The runner answered and said no: a setting is wrong, trying again will not help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerEntry:
    """One entry: `raw` is what `entries.from_entry` reads. `src` and `n` place it."""

    src: str | None
    n: int | None
    raw: list[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerLoss:
    """The runner's buffer for this session overflowed: so many entries it would have sent."""

    missed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerClient:
    """Where a runner listens and the secrets shared with it."""

    url: str  # http://host:port or https://host:port
    secret: bytes  # RUNNER_DEBUG_STREAM_SECRET
    auth: str | None = None  # RUNNER_AUTH_TOKEN

    def __repr__(self) -> str:
        return f"Runner({self.url})"


async def watch(
    runner: RunnerClient,
    *,
    tenant: str,
    extension: str,
    installs: frozenset[str] | None,
    request_id: str | None = None,
) -> AsyncGenerator[RunnerEntry | RunnerLoss, None]:
    """What this runner prints for one stream from now on, until it ends the connection.

    Everything before the first item was not seen; the first item comes when there is something
    to show. StreamUnavailable when the runner is away or falls silent, StreamRefused when it
    says no. Close the iterator (`aclosing`) to end the session at the runner.
    """
    token = sign(
        runner.secret,
        tenant=tenant,
        extension=extension,
        installs=None if installs is None else tuple(installs),
        now=time.time(),
    )
    narrow = {"requestId": request_id} if request_id else {}
    body = msgspec.json.encode({"token": token, "filter": narrow})
    async with _connected(runner) as link:
        answer = await link.request("POST", "/internal/runner/debug/subscribe", body=body)
        try:
            session = msgspec.json.decode(answer, type=_Subscribed).debug_session_id
        except msgspec.DecodeError as error:
            raise StreamUnavailable("the runner's answer is not what was agreed") from error
    async with _connected(runner) as link:
        named = msgspec.json.encode({"debug_session_id": session}).decode()
        await link.begin("GET", "/internal/ext-debug/stream", {"x-ext-debug-filter": named})
        async for kind, data in _frames(link):
            item = _item(kind, data)
            if item is not None:
                yield item


class _Subscribed(msgspec.Struct):
    debug_session_id: str


class _Lost(msgspec.Struct):
    missed: int


def _item(kind: str, data: bytes) -> RunnerEntry | RunnerLoss | None:
    try:
        if kind == "lost":
            return RunnerLoss(missed=msgspec.json.decode(data, type=_Lost).missed)
        if kind != "message":
            return None  # a newer runner's; what it means we do not know
        flat = [part.encode() for part in msgspec.json.decode(data, type=list[str])]
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise StreamUnavailable("the runner sent what is no entry") from error
    named = dict(zip(flat[::2], flat[1::2], strict=False))
    number = named.get(b"n", b"")
    return RunnerEntry(
        src=named[b"src"].decode() if b"src" in named else None,
        n=int(number) if number.isdigit() else None,
        raw=flat,
    )


async def _frames(link: _Link) -> AsyncIterator[tuple[str, bytes]]:
    """SSE frames with data, as (event, data)."""
    buffer = b""
    async for chunk in link.body():
        buffer += chunk
        *frames, buffer = buffer.split(b"\n\n")
        if len(buffer) > MOST_FRAME:
            raise StreamUnavailable("the runner sent a frame without end")
        for frame in frames:
            kind, data = "message", b""
            for line in frame.split(b"\n"):
                name, _, value = line.partition(b": ")
                if name == b"event":
                    kind = value.decode("ascii", "replace")
                elif name == b"data":
                    data += value
            if data:
                yield kind, data


class _Link:
    """One HTTP/1.1 connection to a runner, for one request at a time."""

    def __init__(
        self, runner: RunnerClient, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._runner = runner
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)

    async def begin(
        self, method: str, path: str, headers: Mapping[str, str], *, body: bytes = b""
    ) -> None:
        """Send a request and read the answer's head; raises unless it is 200."""
        fields = {"host": urlsplit(self._runner.url).netloc, "connection": "close", **headers}
        if body:
            fields |= {"content-length": str(len(body)), "content-type": "application/json"}
        if self._runner.auth:
            fields["x-runner-auth"] = self._runner.auth
        request = h11.Request(method=method, target=path, headers=list(fields.items()))
        out = self._http.send(request) or b""
        if body:
            out += self._http.send(h11.Data(data=body)) or b""
        out += self._http.send(h11.EndOfMessage()) or b""
        self._writer.write(out)
        async with asyncio.timeout(CONNECT_TIMEOUT * 2):
            await self._writer.drain()
            event = await self._next()
        if not isinstance(event, h11.Response):
            raise StreamUnavailable("the runner closed the connection")
        if event.status_code != 200:
            said = b"".join([chunk async for chunk in self.body()])[:300].decode("utf-8", "replace")
            final = event.status_code in (400, 401, 403, 404)
            kind = StreamRefused if final else StreamUnavailable
            raise kind(f"{self._runner.url} answered {event.status_code}: {said}")

    async def request(self, method: str, path: str, *, body: bytes) -> bytes:
        await self.begin(method, path, {}, body=body)
        return b"".join([chunk async for chunk in self.body()])

    async def body(self) -> AsyncIterator[bytes]:
        """The body's chunks until it ends; StreamUnavailable when the runner falls silent."""
        while True:
            async with asyncio.timeout(SILENCE):
                event = await self._next()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                return

    async def _next(self) -> Any:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            self._http.receive_data(await self._reader.read(64 * 1024))


@asynccontextmanager
async def _connected(runner: RunnerClient) -> AsyncIterator[_Link]:
    parts = urlsplit(runner.url)
    secure = ssl.create_default_context() if parts.scheme == "https" else None
    port = parts.port or (443 if secure else 80)
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=secure)
    except (OSError, TimeoutError) as error:
        raise StreamUnavailable(f"{runner.url}: {str(error) or 'no answer'}") from error
    try:
        yield _Link(runner, reader, writer)
    except (OSError, TimeoutError, h11.RemoteProtocolError) as error:
        raise StreamUnavailable(f"{runner.url}: {str(error) or 'fell silent'}") from error
    finally:
        writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await writer.wait_closed()
