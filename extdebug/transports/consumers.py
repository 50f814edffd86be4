"""The WebSocket transport of a feed: `ext-debug.v1` frames in and out.

Its own `__call__` with three tasks, because the usual dispatch loop cannot see a close while a
send is stuck, and leaves the socket open and silent when the sender fails: the first task to end
ends the session, and the row's end is written whatever happens.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ClassVar, Final
from urllib.parse import parse_qs

from channels.consumer import AsyncConsumer

from extdebug.db import in_policy_threads
from extdebug.filters.filter import Filter, FilterError
from extdebug.protocol import client_frames, server_frames
from extdebug.protocol.client_frames import ErrorCode, ProtocolError
from extdebug.sessions import close_reasons
from extdebug.sessions.close_reasons import CloseReason, OpeningRefused
from extdebug.sessions.feed import Feed
from extdebug.sessions.flow_control import TokenBucket
from extdebug.sessions.node import current_node
from extdebug.sessions.session_frames import ControlFrame
from extdebug.transports.handshake import Lobby, client_ip, session_key_of
from policies import access
from policies.access import Viewer

log = logging.getLogger(__name__)

FIRST_FRAME: Final = 5.0  # seconds until `subscribe` must have come
LAST_WORDS: Final = 2.0  # seconds to say `closing` and close, before the peer counts as stuck
# Client frames per second. Acknowledgements come as fast as frames go out, commands do not.
COMMANDS: Final = 20.0
ACKS: Final = 2000.0
FILTERS: Final = 5.0  # each reads the stream anew
FETCHES: Final = 10.0
STRIKES: Final = 20  # refused frames in a row until the client counts as broken
LEFT: Final = 1000  # the client said goodbye; anything else is a lost connection

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


lobby: Final = Lobby()


class Gone(Exception):
    """The client is no longer there."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class SessionConsumer(AsyncConsumer):
    """One WebSocket connection, one session. The supervisor listens to the channel layer."""

    channel_layer_alias: ClassVar[None] = None

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if (await receive())["type"] != "websocket.connect":
            return
        await send({"type": "websocket.accept"})
        connection = Connection(scope, receive, send)
        try:
            end = await connection.open()
            if end is None:
                end = await connection.run()
        except Gone as gone:
            await asyncio.shield(connection.finish(gone.code))
            return
        except asyncio.CancelledError:  # the server gave the connection up: it may be resumed
            await asyncio.shield(connection.finish(1006))
            raise
        except Exception:
            log.exception("a session failed")
            end = close_reasons.unavailable("The console failed; this was written down.")
        try:
            await connection.say_goodbye(end)
        finally:
            await asyncio.shield(connection.finish(int(end.code)))


class Connection:
    """The state of one WebSocket: who is there, their feed, and how both are ended."""

    def __init__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._feed: Feed | None = None
        self._commands = TokenBucket(COMMANDS)
        self._acks = TokenBucket(ACKS)
        self._costly = {
            client_frames.SetFilter: TokenBucket(FILTERS),
            client_frames.Fetch: TokenBucket(FETCHES),
        }
        self._loop = asyncio.get_running_loop()

    # --- opening ------------------------------------------------------------------------------

    async def open(self) -> CloseReason | None:
        """Wait for `subscribe` and open the feed; an End when it may not be."""
        try:
            async with asyncio.timeout(FIRST_FRAME) as patience:
                with lobby.waiting(client_ip(self._scope), patience):
                    text = await self._text()
        except TimeoutError:
            return close_reasons.bad_request("Expected a subscribe frame within 5 seconds.")
        try:
            message = client_frames.parse(text)
            if not isinstance(message, client_frames.Subscribe):
                return close_reasons.bad_request("Expected a subscribe frame first.")
            wanted = Filter.parse(message.filter.parts())
        except (ProtocolError, FilterError) as error:
            await self._say(server_frames.error_frame(error))
            return close_reasons.bad_request(str(error), reason=str(getattr(error, "code", "")))
        try:
            viewer = await self._viewer(message)
            self._feed, ready = await open_here(viewer, message, wanted)
        except OpeningRefused as refused:
            return refused.end
        self._feed.say(ready)
        return None

    async def _viewer(self, message: client_frames.Subscribe) -> Viewer:
        """The person behind the cookie, or behind a one-use ticket for exactly this target."""
        ip = client_ip(self._scope)
        query = parse_qs(self._scope.get("query_string", b"").decode("latin1"))
        ticket = message.ticket or next(iter(query.get("ticket", ())), None)
        if ticket is not None:
            redeemed = await in_policy_threads(access.redeem_ticket, ticket, ip=ip)
            wanted = ((message.target.tenant or "").lower(), message.target.extension.lower())
            if redeemed is None or redeemed[1:] != wanted:
                raise OpeningRefused(close_reasons.UNAUTHENTICATED)
            return redeemed[0]
        key = session_key_of(self._scope)
        viewer = await in_policy_threads(access.viewer_from_session, key, transport="ws", ip=ip)
        if viewer is None:
            raise OpeningRefused(close_reasons.UNAUTHENTICATED)
        return viewer

    # --- running ------------------------------------------------------------------------------

    async def run(self) -> CloseReason:
        """Read, write and wait for a cut; the first of them to end ends the session."""
        feed = self._require()
        tasks = {
            asyncio.create_task(self._read(feed)),
            asyncio.create_task(self._write(feed)),
            asyncio.create_task(self._cut(feed)),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await stop(tasks)
        errors = [error for task in done if (error := task.exception()) is not None]
        gone = next((error for error in errors if isinstance(error, Gone)), None)
        if gone is None and feed.ending is not None:
            return feed.ending
        for error in [gone, *errors]:
            if error is not None:
                raise error
        return next(task.result() for task in done)

    async def _read(self, feed: Feed) -> CloseReason:
        strikes = 0
        while True:
            text = await self._text()
            try:
                message = client_frames.parse(text)
                bucket = self._acks if isinstance(message, client_frames.Ack) else self._commands
                if not bucket.take(1, self._loop.time()):
                    return close_reasons.bad_request(
                        "Too many frames per second.", reason="too_fast"
                    )
                costly = self._costly.get(type(message))
                if costly is not None and not costly.take(1, self._loop.time()):
                    raise ProtocolError(
                        ErrorCode.TOO_FAST, f"at most {costly.rate:.0f} of these per second"
                    )
                await obey(feed, message)
                strikes = 0
            except (ProtocolError, FilterError) as error:
                if not self._commands.take(1, self._loop.time()):
                    return close_reasons.bad_request(
                        "Too many frames per second.", reason="too_fast"
                    )
                strikes += 1
                if strikes >= STRIKES:
                    return close_reasons.bad_request(
                        "Too many refused frames.", reason="broken_client"
                    )
                feed.say(ControlFrame("error", server_frames.error_frame(error)))

    async def _write(self, feed: Feed) -> CloseReason:
        while True:
            message = await feed.next()
            if isinstance(message, CloseReason):
                return message
            await self._send({"type": "websocket.send", "text": message.text()})

    async def _cut(self, feed: Feed) -> CloseReason:
        await feed.ended.wait()
        end = feed.ending
        if end is None:
            raise RuntimeError("a feed ended without a reason")
        return end

    async def _text(self) -> str | bytes:
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            raise Gone(message.get("code") or 1006)
        text = message.get("text")
        return text if text is not None else message.get("bytes") or b""

    # --- the end ------------------------------------------------------------------------------

    async def say_goodbye(self, end: CloseReason) -> None:
        """Say why, then close: Daphne drops the reason of a close frame."""
        try:
            async with asyncio.timeout(LAST_WORDS):
                await self._say(end.frame())
                await self._send(
                    {"type": "websocket.close", "code": int(end.code), "reason": end.reason}
                )
        except Exception as error:  # noqa: BLE001 - a stuck or gone peer; servers raise their own
            log.debug("closing was not heard: %s", error)

    async def finish(self, code: int) -> None:
        feed = self._feed
        if feed is not None and not feed.finished:
            left = code in (LEFT, 1001) or code >= 4000
            await feed.finish(gone=not left, code=code, reason="the client left" if left else "")

    async def _say(self, data: bytes) -> None:
        await self._send({"type": "websocket.send", "text": data.decode()})

    def _require(self) -> Feed:
        if self._feed is None:
            raise RuntimeError("open() first")
        return self._feed


async def open_here(
    viewer: Viewer, message: client_frames.Subscribe, wanted: Filter
) -> tuple[Feed, ControlFrame]:
    """A feed for a `subscribe` frame, in this process."""
    from extdebug.sessions.opening import (
        open_feed,  # the models behind it need the apps to be loaded
    )

    return await open_feed(
        await current_node(),
        viewer,
        tenant=message.target.tenant,
        extension=message.target.extension,
        wanted=wanted,
        rev=message.filter.rev,
        start=message.start,
        resume=message.resume,
    )


async def obey(feed: Feed, message: client_frames.ClientMessage) -> None:
    """Do what a frame asks; ProtocolError or FilterError when it may not be."""
    match message:
        case client_frames.Ack():
            feed.ack(message.seq)
        case client_frames.SetFilter():
            wanted = Filter.parse(message.filter.parts())
            feed.set_filter(wanted, rev=message.filter.rev, start=message.start)
        case client_frames.Pause():
            feed.pause()
        case client_frames.Resume():
            feed.resume()
        case client_frames.Extend():
            await feed.extend()
        case client_frames.Fetch():
            feed.fetch(message)
        case client_frames.Ping():
            feed.say(ControlFrame("pong", server_frames.PONG))
        case client_frames.Subscribe():
            raise ProtocolError(ErrorCode.OUT_OF_PLACE, "this connection has its subscription")


async def stop(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel until done: libraries swallow a cancellation now and then."""
    waiting = {task for task in tasks if not task.done()}
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=0.5)
