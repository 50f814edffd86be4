"""Sessions of the internal stream: what this process prints, to a console that cannot reach Redis.

Each session has a bounded buffer; what does not fit is counted and said before the next entry.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator
from typing import Final

import msgspec

from extdebug.runner.config import ServerConfig
from extdebug.runner.publish.lane import Stream
from extdebug.runner.publish.publisher import Publisher
from extdebug.wire.events import encode_json
from extdebug.wire.stream_tokens import LIFE, SKEW, BadToken, Claims, verify

UNATTACHED_LIFE: Final = 30.0  # s a session waits for its stream to be opened
HEARTBEAT: Final = 10.0  # s
SESSION_LIFE: Final = 3600.0  # s; the console's own sessions are shorter


class Busy(Exception):
    """As many sessions as the runner allows are open."""


class Narrow(msgspec.Struct, frozen=True, rename="camel"):
    """What a subscriber may ask for within its token. Unknown members are ignored."""

    request_id: str | None = None
    install_id: str | None = None


class Session:
    """One subscriber. Fed by the prepare thread, read by one task of the server."""

    def __init__(self, claims: Claims, *, narrow: Narrow, most_bytes: int) -> None:
        self.id = secrets.token_urlsafe(18)
        self.claims = claims
        self.stream: Stream = (claims.tenant, claims.extension)
        self._narrow = narrow
        self._most = most_bytes
        self._lock = threading.Lock()
        self._buffer: deque[bytes] = deque()
        self._size = 0
        self._dropped = 0
        self._told = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self.opened = time.monotonic()
        self.attached = False
        self.closed = False

    def wants(self, stream: Stream, install: str | None, entry: list[str | bytes]) -> bool:
        if stream != self.stream:
            return False
        installs = self.claims.installs
        if installs is not None and install not in installs:
            return False
        narrow = self._narrow
        if narrow.install_id is not None and install != narrow.install_id:
            return False
        if narrow.request_id is None:
            return True
        wanted = narrow.request_id.lower()  # as the console's filter: case does not count
        return any(
            entry[i] == "request" and str(entry[i + 1]).lower() == wanted
            for i in range(0, len(entry), 2)
        )

    def offer(self, entry: list[str | bytes]) -> None:
        """Buffer one entry (prepare thread); the oldest go when it does not fit."""
        data = _frame(entry)
        with self._lock:
            if self.closed:
                return
            self._buffer.append(data)
            self._size += len(data)
            while self._size > self._most:
                self._size -= len(self._buffer.popleft())
                self._dropped += 1
            if self._told or self._loop is None:
                return
            self._told = True
            loop = self._loop
        try:
            loop.call_soon_threadsafe(self._wake.set)
        except RuntimeError:  # the server's loop is gone; so is the subscriber
            self.closed = True

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """SSE bytes until the session ends; a comment when there is nothing to say."""
        self._loop = asyncio.get_running_loop()
        self.attached = True
        yield b": stream of one runner\n\n"
        while not self.closed and time.monotonic() - self.opened < SESSION_LIFE:
            data = self._take()
            if data:
                yield data
                continue
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await self._wake.wait()
            except TimeoutError:
                yield b": still here\n\n"
        if data := self._take():
            yield data  # what came before the end

    def finish(self) -> None:
        """Nothing more comes: the reader ends behind what is buffered."""
        self.closed = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake.set)

    def _take(self) -> bytes:
        with self._lock:
            self._wake.clear()
            self._told = False
            parts = list(self._buffer)
            self._buffer.clear()
            self._size = 0
            dropped, self._dropped = self._dropped, 0
        if dropped:
            parts.insert(0, b'event: lost\ndata: {"missed":%d}\n\n' % dropped)
        return b"".join(parts)


class Subscriptions:
    """All sessions of a runner, and the nonces of tokens that were used."""

    def __init__(self, config: ServerConfig, publisher: Publisher) -> None:
        self._config = config
        self._publisher = publisher
        self._sessions: dict[str, Session] = {}
        self._nonces: OrderedDict[str, float] = OrderedDict()
        self._undo = publisher.tap(self._tap) if config.stream_enabled else None

    def __len__(self) -> int:
        return len(self._sessions)

    def open(self, token: str, *, narrow: Narrow, now: float) -> Session:
        """Redeem a token; BadToken if it is not good, Busy when there are too many sessions."""
        if self._config.stream_secret is None:
            raise BadToken("RUNNER_DEBUG_STREAM_SECRET is not set")
        claims = verify(self._config.stream_secret, token, now=now)
        while self._nonces and next(iter(self._nonces.values())) < now:
            self._nonces.popitem(last=False)
        if claims.nonce in self._nonces:
            raise BadToken("the token was used before")
        self._sweep()
        if len(self._sessions) >= self._config.stream_sessions:
            raise Busy
        self._nonces[claims.nonce] = now + LIFE + 2 * SKEW
        session = Session(claims, narrow=narrow, most_bytes=self._config.stream_bytes)
        self._sessions = {**self._sessions, session.id: session}
        return session

    def attach(self, session_id: str) -> Session | None:
        """The session, once: a second reader would take half of its entries."""
        self._sweep()
        session = self._sessions.get(session_id)
        if session is None or session.attached:
            return None
        session.attached = True
        return session

    def end(self, session: Session) -> None:
        session.closed = True
        self._sessions = {k: v for k, v in self._sessions.items() if v is not session}

    def finish(self) -> None:
        """The runner stops, and no guest runs any more: let every reader go."""
        for session in self._sessions.values():
            session.finish()

    def close(self) -> None:
        if self._undo:
            self._undo()
        for session in self._sessions.values():
            session.closed = True

    def _sweep(self) -> None:
        limit = time.monotonic() - UNATTACHED_LIFE
        for session in list(self._sessions.values()):
            if not session.attached and session.opened < limit:
                self.end(session)

    def _tap(self, stream: Stream, install: str | None, entry: list[str | bytes]) -> None:
        for session in self._sessions.values():
            if session.wants(stream, install, entry):
                session.offer(entry)


def _frame(entry: list[str | bytes]) -> bytes:
    """One entry as SSE: `id: src/n`, data = the flat field list as a JSON array of strings."""
    texts = [part.decode() if isinstance(part, bytes) else part for part in entry]
    named = dict(zip(texts[::2], texts[1::2], strict=True))
    place = f"{named.get('src', '')}/{named.get('n', '')}"
    return b"id: %b\ndata: %b\n\n" % (place.encode(), encode_json(texts))
