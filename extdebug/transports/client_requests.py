"""What a client's frame does to its session, and how often each kind may come."""

from __future__ import annotations

from typing import Final

from extdebug.filters.filter import Filter
from extdebug.protocol import client_frames, server_frames
from extdebug.protocol.client_frames import ErrorCode, ProtocolError
from extdebug.sessions.feed import Feed
from extdebug.sessions.rate_limit import TokenBucket
from extdebug.sessions.session_frames import ControlFrame

# Client frames per second. Acknowledgements come as fast as frames go out.
COMMANDS: Final = 20.0
ACKS: Final = 2000.0
FILTERS: Final = 5.0  # each reads the stream anew
FETCHES: Final = 10.0
OVERVIEWS: Final = 4.0  # and shared views
COSTLY: Final = {
    client_frames.SetFilter: FILTERS,
    client_frames.Fetch: FETCHES,
    client_frames.Overview: OVERVIEWS,
    client_frames.Share: OVERVIEWS,
}
# What a client sent while we could not read comes at once: so many seconds of it are not too fast.
LATE: Final = 3.0
STRIKES: Final = 20  # refused frames in a row until the client counts as broken


class RequestRates:
    """How often the client of one connection may speak."""

    def __init__(self) -> None:
        self.acks = TokenBucket(ACKS, seconds=LATE)
        self.strikes = 0  # refused frames since the last that was not
        self._commands = TokenBucket(COMMANDS, seconds=LATE)
        self._costly: dict[type, TokenBucket] = {}  # of what it has asked for: most never do

    def admits(self, message: client_frames.ClientMessage, now: float) -> bool:
        """Whether one more may come; ProtocolError when it is refused and the session goes on."""
        bucket = self.acks if isinstance(message, client_frames.Ack) else self._commands
        if not bucket.take(1, now):
            return False
        rate = COSTLY.get(type(message))
        if rate is not None and not self._bucket_of(type(message), rate).take(1, now):
            raise ProtocolError(ErrorCode.TOO_FAST, f"at most {rate:.0f} of these per second")
        return True

    def _bucket_of(self, kind: type, rate: float) -> TokenBucket:
        bucket = self._costly.get(kind)
        if bucket is None:
            bucket = self._costly[kind] = TokenBucket(rate, seconds=LATE)
        return bucket

    def admits_refused(self, now: float) -> bool:
        """Whether the client may go on after a frame that was refused."""
        self.strikes += 1
        return self._commands.take(1, now)


async def obey(feed: Feed, message: client_frames.ClientMessage) -> None:
    """Do what a frame asks; ProtocolError or FilterError when it is refused."""
    match message:
        case client_frames.Ack():
            feed.ack(message.seq)
        case client_frames.SetFilter():
            wanted = Filter.parse(message.filter.parts())
            feed.set_filter(wanted, rev=message.filter.rev, start=message.start, span=message.span)
        case client_frames.Pause():
            feed.pause()
        case client_frames.Resume():
            feed.resume()
        case client_frames.Extend():
            await feed.extend()
        case client_frames.Fetch():
            feed.fetch(message)
        case client_frames.Overview():
            feed.overviews.ask(message)
        case client_frames.Share():
            feed.presence.share(message.view)
        case client_frames.Ping():
            feed.say(ControlFrame("pong", server_frames.PONG))
        case client_frames.Subscribe():
            raise ProtocolError(ErrorCode.OUT_OF_PLACE, "this connection has its subscription")
