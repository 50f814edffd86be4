"""One runner's own stream, for a console whose Redis is away: subscribe, then entry by entry.

The caller chooses runners, reconnects, and drops what it already has by (`src`, `n`): entries are
the same flat fields that Redis would have carried. No Django here.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Final

# httpx and httpcore import these with their first request, which would hold up the event loop for
# some 200 ms at the moment when Redis has just gone. The backend has no public name.
import anyio._backends._asyncio  # noqa: F401
import httpcore  # noqa: F401
import httpx
import msgspec
from httpx_sse import EventSource, ServerSentEvent, SSEError

from extdebug.wire.stream_tokens import sign

CONNECT_TIMEOUT: Final = 2.0  # s
ANSWER_TIMEOUT: Final = 4.0  # s more until the head of the answer is here
# Three missed heartbeats of the runner (10 s each): it is gone, whatever TCP says.
SILENCE: Final = 30.0  # s
MAX_EVENT_BYTES: Final = 512 * 1024  # of one event of the stream; an entry is far smaller
MAX_ANSWER_BYTES: Final = 4096  # of any other answer: an id, or an error of which 300 are shown
BLANK: Final = (b"\n\n", b"\r\n\r\n", b"\r\r")  # the blank line that ends an event
SUBSCRIBE: Final = "/internal/runner/debug/subscribe"
STREAM: Final = "/internal/ext-debug/stream"


class StreamUnavailable(Exception):
    """The runner cannot be watched now; the message says why, without the token."""


class StreamRefused(StreamUnavailable):
    """The runner answered and said no: a setting is wrong, trying again will not help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerEntry:
    """One entry: `raw` is what `entries.from_entry` reads."""

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
    silence: float = SILENCE,
) -> AsyncGenerator[RunnerEntry | RunnerLoss, None]:
    """What this runner prints for one stream from now on, until it ends the connection.

    Everything before the first item was not seen; the first item comes when there is something
    to show. StreamUnavailable when the runner is away or says nothing for `silence` seconds,
    StreamRefused when it says no. Close the iterator (`aclosing`) to end the session at the runner.
    """
    # All installs: the session that shows them decides which of them its viewer may see.
    token = sign(runner.secret, tenant=tenant, extension=extension, installs=None, now=time.time())
    try:
        async with _client(runner, silence=silence) as http:
            request = http.build_request("POST", SUBSCRIBE, json={"token": token})
            async with _answer(http, request) as answer:
                session = _session(await _start_of(answer, MAX_ANSWER_BYTES))
            named = msgspec.json.encode({"debug_session_id": session}).decode()
            request = http.build_request("GET", STREAM, headers={"x-ext-debug-filter": named})
            async with (
                _answer(http, request) as answer,
                aclosing(EventSource(_bounded(answer)).aiter_sse()) as events,
            ):
                async for event in events:
                    item = _item(event)
                    if item is not None:
                        yield item
    except httpx.ReadTimeout as error:
        raise StreamUnavailable(f"{runner.url} said nothing for {silence:g} s") from error
    except (OSError, TimeoutError, httpx.HTTPError, httpx.InvalidURL, SSEError) as error:
        raise StreamUnavailable(f"{runner.url}: {str(error) or 'no answer'}") from error


class _Subscribed(msgspec.Struct):
    debug_session_id: str


class _Lost(msgspec.Struct):
    missed: int


def _session(answer: bytes) -> str:
    try:
        return msgspec.json.decode(answer, type=_Subscribed).debug_session_id
    except msgspec.DecodeError as error:
        raise StreamUnavailable("the runner's answer is not what was agreed") from error


def _item(event: ServerSentEvent) -> RunnerEntry | RunnerLoss | None:
    if not event.data:
        return None  # a heartbeat
    try:
        if event.event == "lost":
            return RunnerLoss(missed=msgspec.json.decode(event.data, type=_Lost).missed)
        if event.event != "message":
            return None  # a newer runner's; what it means we do not know
        parts = msgspec.json.decode(event.data, type=list[str])
        return RunnerEntry(raw=[part.encode() for part in parts])
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise StreamUnavailable("the runner sent what is no entry") from error


@cache
def _trusted(scheme: str) -> ssl.SSLContext:
    """The machine's certificate authorities, read once (50 ms); none where no TLS is spoken."""
    if scheme == "https":
        return ssl.create_default_context()
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _client(runner: RunnerClient, *, silence: float) -> httpx.AsyncClient:
    """Asks this runner alone: no proxy or password of this machine's environment, no redirect."""
    return httpx.AsyncClient(
        base_url=runner.url,
        headers=[(b"x-runner-auth", runner.auth.encode())] if runner.auth else None,
        timeout=httpx.Timeout(silence, connect=CONNECT_TIMEOUT),
        limits=httpx.Limits(max_keepalive_connections=0),
        verify=_trusted(httpx.URL(runner.url).scheme),
        trust_env=False,
    )


@asynccontextmanager
async def _answer(http: httpx.AsyncClient, request: httpx.Request) -> AsyncIterator[httpx.Response]:
    """An answer of status 200, its body still to be read; StreamRefused where it always says no."""
    request.headers["accept-encoding"] = "identity"
    async with asyncio.timeout(CONNECT_TIMEOUT + ANSWER_TIMEOUT):
        answer = await http.send(request, stream=True)
    try:
        if answer.status_code != 200:
            said = (await _start_of(answer, MAX_ANSWER_BYTES))[:300].decode("utf-8", "replace")
            final = answer.status_code in (400, 401, 403, 404)
            kind = StreamRefused if final else StreamUnavailable
            raise kind(f"{http.base_url} answered {answer.status_code}: {said}")
        yield answer
    finally:
        await answer.aclose()


async def _start_of(answer: httpx.Response, most: int) -> bytes:
    """The body, or its first `most` bytes and what came along with them."""
    body = b""
    async with aclosing(answer.aiter_raw()) as chunks:  # type: ignore[type-var]
        async for chunk in chunks:
            body += chunk
            if len(body) >= most:
                break
    return body


def _bounded(answer: httpx.Response) -> httpx.Response:
    """The same answer with a bound on each event: httpx-sse itself keeps a line of any length."""
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise StreamUnavailable("the runner sent a compressed stream, which was not asked for")
    assert isinstance(answer.stream, httpx.AsyncByteStream)  # an AsyncClient's
    answer.stream = _BoundedEvents(answer.stream)
    return answer


class _BoundedEvents(httpx.AsyncByteStream):
    """Bytes of an event stream; StreamUnavailable when an event outgrows MAX_EVENT_BYTES."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size, end = 0, b""  # bytes since the last blank line, and the last three of all
        async for chunk in self._stream:
            window = end + chunk
            ends = [at + len(mark) for mark in BLANK if (at := window.rfind(mark)) >= 0]
            size = len(window) - max(ends) if ends else size + len(chunk)
            if size > MAX_EVENT_BYTES:
                raise StreamUnavailable(f"the runner sent an event of over {MAX_EVENT_BYTES} bytes")
            end = window[-3:]
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
