"""The WebSocket transport of a feed: `ext-debug.v1` frames in and out.

One connection is three tasks (read, write, wait for a cut); the first to end ends the session, and
the end of the session's row is written whatever happens. Channels' own dispatch loop would not do:
it cannot see a close while a send is stuck, and leaves the socket open when the sender fails.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from channels.consumer import AsyncConsumer

from extdebug.filters.filter import Filter, FilterError
from extdebug.protocol import client_frames, server_frames
from extdebug.protocol.client_frames import ErrorCode, ProtocolError
from extdebug.sessions import close_reasons
from extdebug.sessions.close_reasons import CloseReason, OpeningRefused
from extdebug.sessions.feed import Feed
from extdebug.sessions.opening import OpeningRequest, open_session
from extdebug.sessions.rate_limit import TokenBucket
from extdebug.sessions.session_frames import ControlFrame
from extdebug.transports.handshake import Lobby, Scope, client_ip, find_viewer
from extdebug.transports.stopping import stop
from policies.access import Viewer

log = logging.getLogger(__name__)

FIRST_FRAME: Final = 5.0  # seconds until `subscribe` must have come
LAST_WORDS: Final = 2.0  # seconds to say `closing` and close, before the peer counts as stuck
# Client frames per second. Acknowledgements come as fast as frames go out.
COMMANDS: Final = 20.0
ACKS: Final = 2000.0
FILTERS: Final = 5.0  # each reads the stream anew
FETCHES: Final = 10.0
STRIKES: Final = 20  # refused frames in a row until the client counts as broken
LEFT: Final = 1000  # the client said goodbye; anything else is a lost connection

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
OpenSession = Callable[[Viewer, OpeningRequest], Awaitable[tuple[Feed, ControlFrame]]]
FindViewer = Callable[[Scope, client_frames.Subscribe], Awaitable[Viewer]]

lobby: Final = Lobby()


@dataclass(frozen=True, slots=True)
class SocketTimings:
    """How long a connection may take, in seconds; see FIRST_FRAME and LAST_WORDS."""

    first_frame: float = FIRST_FRAME
    last_words: float = LAST_WORDS


class Gone(Exception):
    """The client closed the connection, with this code, or it was lost (1006)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class SessionConsumer(AsyncConsumer):
    """One WebSocket connection, one session.

    It has no channel of its own: the process's Supervisor listens to the channel layer for all.
    `find_viewer` says who asks, `open_session` opens the feed; both raise OpeningRefused.
    """

    channel_layer_alias: ClassVar[None] = None

    def __init__(
        self,
        *,
        find_viewer: FindViewer = find_viewer,
        open_session: OpenSession = open_session,
        timings: SocketTimings = SocketTimings(),
    ) -> None:
        self._find_viewer = find_viewer
        self._open_session = open_session
        self._timings = timings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection to its end (ASGI)."""
        if (await receive())["type"] != "websocket.connect":
            return
        await send({"type": "websocket.accept"})
        connection = Connection(
            scope, receive, send, find_viewer=self._find_viewer, open_session=self._open_session,
            timings=self._timings,
        )  # fmt: skip
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
    """One WebSocket and its feed: opened by the first frame, run, and ended together."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, *, find_viewer: FindViewer,
        open_session: OpenSession, timings: SocketTimings,
    ) -> None:  # fmt: skip
        self._scope = scope
        self._receive = receive
        self._send = send
        self._find_viewer = find_viewer
        self._open_session = open_session
        self._timings = timings
        self._feed: Feed | None = None
        self._commands = TokenBucket(COMMANDS)
        self._acks = TokenBucket(ACKS)
        self._costly = {
            client_frames.SetFilter: TokenBucket(FILTERS),
            client_frames.Fetch: TokenBucket(FETCHES),
        }
        self._loop = asyncio.get_running_loop()

    async def open(self) -> CloseReason | None:
        """Wait for `subscribe` and open the feed; the reason to close when it may not be."""
        try:
            async with asyncio.timeout(self._timings.first_frame) as patience:
                with lobby.waiting(client_ip(self._scope), patience):
                    text = await self._text()
        except TimeoutError:
            said = f"Expected a subscribe frame within {self._timings.first_frame:g} seconds."
            return close_reasons.bad_request(said)
        try:
            message = client_frames.parse(text)
            if not isinstance(message, client_frames.Subscribe):
                return close_reasons.bad_request("Expected a subscribe frame first.")
            viewer = await self._find_viewer(self._scope, message)
            asked = OpeningRequest(
                tenant=message.target.tenant, extension=message.target.extension,
                wanted=message.filter.parts(), start=message.start, rev=message.filter.rev,
                resume=message.resume,
            )  # fmt: skip
            self._feed, ready = await self._open_session(viewer, asked)
        except OpeningRefused as refused:
            return refused.end
        except (ProtocolError, FilterError) as error:
            await self._say(server_frames.error_frame(error))
            return close_reasons.bad_request(
                str(error), reason=str(error.code), position=getattr(error, "position", None)
            )
        self._feed.say(ready)
        return None

    # --- running ------------------------------------------------------------------------------

    async def run(self) -> CloseReason:
        """Read, write and wait for a cut until the first of them ends; why the session ends.

        Gone when the client left; whatever else a task raised is raised.
        """
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
        """Send the `closing` frame, then close: Daphne drops the reason of a close frame."""
        try:
            async with asyncio.timeout(self._timings.last_words):
                await self._say(end.frame())
                await self._send(
                    {"type": "websocket.close", "code": int(end.code), "reason": end.reason}
                )
        except Exception as error:  # noqa: BLE001 - a stuck or gone peer; servers raise their own
            log.debug("closing was not heard: %s", error)

    async def finish(self, code: int) -> None:
        """End the feed, once. A client that left is gone for good, a lost line may be resumed."""
        feed = self._feed
        if feed is not None and not feed.finished:
            left = code in (LEFT, 1001) or code >= 4000
            await feed.finish(
                gone=not left, code=code, reason=close_reasons.CLIENT_LEFT if left else ""
            )

    async def _say(self, data: bytes) -> None:
        await self._send({"type": "websocket.send", "text": data.decode()})

    def _require(self) -> Feed:
        if self._feed is None:
            raise RuntimeError("open() first")
        return self._feed


async def obey(feed: Feed, message: client_frames.ClientMessage) -> None:
    """Do what a frame asks; ProtocolError or FilterError when it is refused."""
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
