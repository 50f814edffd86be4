"""The WebSocket transport of a feed: `ext-debug.v1` frames in and out.

One connection is two tasks (read, write) and a cut; the first to end ends the session, and
the end of the session's row is written whatever happens. Channels' own dispatch loop would not do:
it cannot see a close while a send is stuck, and leaves the socket open when the sender fails.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Final

from channels.consumer import AsyncConsumer

from audit.tracing import spans
from extdebug.filters.filter import FilterError
from extdebug.protocol import client_frames, server_frames
from extdebug.protocol.client_frames import ProtocolError
from extdebug.sessions import close_reasons
from extdebug.sessions.close_reasons import CloseReason, OpeningRefused
from extdebug.sessions.feed import Feed
from extdebug.sessions.opening import OpeningRequest, open_session
from extdebug.sessions.session_frames import ControlFrame
from extdebug.sessions.turn import Spoken
from extdebug.transports import frame_extension
from extdebug.transports.client_requests import STRIKES, RequestRates, obey
from extdebug.transports.frame_extension import FrameExtension
from extdebug.transports.handshake import Lobby, Scope, client_ip, find_viewer
from extdebug.transports.inbox import Gone, Inbox, Receive
from extdebug.wire.deadlines import Deadline
from extdebug.wire.stopping import stop
from policies.access import Viewer

log = logging.getLogger(__name__)

FIRST_FRAME: Final = 5.0  # seconds until `subscribe` must have come
LAST_WORDS: Final = 2.0  # seconds to say `closing` and close, before the peer counts as stuck
TOO_FAST: Final = close_reasons.bad_request("Too many frames per second.", reason="too_fast")
EXPECTED: Final = (OpeningRefused, ProtocolError, FilterError)  # answers to a subscription
LEFT: Final = 1000  # the client said goodbye; anything else is a lost connection

Send = Callable[[dict[str, Any]], Awaitable[None]]
OpenSession = Callable[[Viewer, OpeningRequest], Awaitable[tuple[Feed, ControlFrame]]]
FindViewer = Callable[[Scope, client_frames.Subscribe], Awaitable[Viewer]]

lobby: Final = Lobby()


@dataclass(frozen=True, slots=True)
class SocketTimings:
    """How long a connection may take, in seconds; see FIRST_FRAME and LAST_WORDS."""

    first_frame: float = FIRST_FRAME
    last_words: float = LAST_WORDS


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
        self._frames = frame_extension.of(scope)
        self._inbox = Inbox(receive, keeps=self._frames is not None)
        self._send = send
        self._find_viewer = find_viewer
        self._open_session = open_session
        self._timings = timings
        self._feed: Feed | None = None
        self._rates = RequestRates()
        self._at_rest = False  # the reader has done all that the client said
        self._sending = False  # a message waits for the peer to take what came before it
        self._said: CloseReason | None = None  # what the client was told at the very end
        self._loop = asyncio.get_running_loop()
        self._over = self._loop.create_future()  # the session was cut, or one of its tasks ended

    async def open(self) -> CloseReason | None:
        """Wait for `subscribe` and open the feed; the reason to close when it may not be."""
        try:
            async with asyncio.timeout(None) as patience:
                with (
                    Deadline(patience, self._timings.first_frame),
                    lobby.waiting(client_ip(self._scope), patience),
                ):
                    text = await self._inbox.text()
        except TimeoutError:
            said = f"Expected a subscribe frame within {self._timings.first_frame:g} seconds."
            return close_reasons.bad_request(said)
        try:
            message = client_frames.parse(text)
            if not isinstance(message, client_frames.Subscribe):
                return close_reasons.bad_request("Expected a subscribe frame first.")
            feed, ready = await self._inbox.while_there(self._begin(message))
        except OpeningRefused as refused:
            return refused.end
        except (ProtocolError, FilterError) as error:
            await self._say(server_frames.error_frame(error))
            return close_reasons.bad_request(
                str(error), reason=str(error.code), position=getattr(error, "position", None)
            )
        self._feed = feed
        feed.say(ready)
        return None

    async def _begin(self, message: client_frames.Subscribe) -> tuple[Feed, ControlFrame]:
        with spans.span("session.open", refusals=EXPECTED, transport="ws"):
            return await self._open_feed(message)

    async def _open_feed(self, message: client_frames.Subscribe) -> tuple[Feed, ControlFrame]:
        with spans.span("session.authenticate", refusals=(OpeningRefused,)):
            viewer = await self._find_viewer(self._scope, message)
        asked = OpeningRequest(
            tenant=message.target.tenant, extension=message.target.extension,
            wanted=message.filter.parts(), start=message.start, rev=message.filter.rev,
            span=message.span, resume=message.resume,
        )  # fmt: skip
        return await self._open_session(viewer, asked)

    # --- running ------------------------------------------------------------------------------

    async def run(self) -> CloseReason:
        """Read, write and wait for a cut until the first of them ends; why the session ends.

        Gone when the client left; whatever else a task raised is raised.
        """
        feed = self._require()
        if self._frames is not None:
            feed.speak_by(partial(_write_now, self._frames), room=self._frames.writable)
            self._frames.forget_request()
        feed.end_by(self._cut)
        if feed.ending is not None:
            self._stop_waiting()
        tasks = (asyncio.create_task(self._read(feed)), asyncio.create_task(self._write(feed)))
        for task in tasks:
            task.add_done_callback(self._stop_waiting)
        try:
            await self._over  # asyncio.wait would hold 1.2 KB meanwhile
            done = [task for task in tasks if task.done()]
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
        if self._frames is not None:
            self._frames.hear(partial(self._acknowledged, feed))
        rates = self._rates
        while True:
            try:
                self._at_rest = True
                text = await self._inbox.text()
                self._at_rest = False
                message = client_frames.parse(text)
                if not rates.admits(message, self._loop.time()):
                    return TOO_FAST
                await obey(feed, message)
                rates.strikes = 0
            except (ProtocolError, FilterError) as error:
                if not rates.admits_refused(self._loop.time()):
                    return TOO_FAST
                if rates.strikes >= STRIKES:
                    return close_reasons.bad_request(
                        "Too many refused frames.", reason="broken_client"
                    )
                feed.say(ControlFrame("error", server_frames.error_frame(error)))

    def _acknowledged(self, feed: Feed, text: bytes) -> bool:
        """An `ack` as our own clients write it, without a turn of the reader; False: it is none,
        or one that the reader has to answer."""
        seq = client_frames.plain_ack(text)
        if seq is None or not self._at_rest or seq > feed.flow.seq:
            return False
        if not self._rates.acks.take(1, self._loop.time()):
            return False  # so it is for the reader
        feed.ack(seq)
        self._rates.strikes = 0
        return True

    async def _write(self, feed: Feed) -> CloseReason:
        frames = self._frames
        while True:
            message = await feed.next()
            if isinstance(message, CloseReason):
                return message
            if frames is None or not frames.write_text(message.parts()):
                self._sending = True
                await self._send({"type": "websocket.send", "text": message.text()})
                self._sending = False
            del message  # up to 64 KB that an idle session would hold until its next

    # --- the end ------------------------------------------------------------------------------

    def _stop_waiting(self, _: object = None) -> None:
        if not self._over.done():
            self._over.set_result(None)

    def _cut(self, end: CloseReason) -> None:
        """The `closing` frame within the call that ends the session: of thousands that are cut
        together the last is told milliseconds after the first, before anything is tidied up."""
        frames = self._frames
        if frames is not None and not self._sending and frames.write_text((end.frame(),)):
            self._said = end
        self._stop_waiting()

    async def say_goodbye(self, end: CloseReason) -> None:
        """Send the `closing` frame, then close: Daphne drops the reason of a close frame."""
        try:
            async with asyncio.timeout(self._timings.last_words):
                if self._said is not end:
                    await self._say(end.frame())
                await self._send(
                    {"type": "websocket.close", "code": int(end.code), "reason": end.reason}
                )
        except Exception as error:  # noqa: BLE001 - a stuck or gone peer; servers raise their own
            log.debug("closing was not heard: %s", error)

    async def finish(self, code: int) -> None:
        """End the feed, once. A client that left is gone for good, a lost line may be resumed."""
        self._inbox.close()
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


def _write_now(frames: FrameExtension, messages: Sequence[Spoken]) -> bool:
    if len(messages) == 1:
        return frames.write_text(messages[0].parts())
    return frames.write_texts([message.parts() for message in messages])
