"""The runner's HTTP server: execute a component, watch this process, health and metrics."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
import socket
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec

from extdebug.runner.config import ConfigError, RunnerConfig
from extdebug.runner.http.callers import authorize
from extdebug.runner.http.execute_payload import BadPayload, read_execute
from extdebug.runner.http.executions import Executions, refuse
from extdebug.runner.http.metrics import render
from extdebug.runner.http.responses import (
    NOT_AS_ASKED,
    REQUEST_ID,
    Answer,
    Receive,
    Scope,
    Send,
    disconnected,
    json,
    lifespan,
    reply,
    start,
)
from extdebug.runner.http.stream_sessions import Busy, Narrow, Subscriptions
from extdebug.runner.publish.publisher import Publisher
from extdebug.runner.wasm.host import Host
from extdebug.wire.stream_tokens import BadToken

log = logging.getLogger("extdebug.runner")

IDLE_CHECK: Final = 0.05  # seconds between two looks whether a guest still runs, at the end
REST_WITHIN: Final = 1.0  # seconds in which what was said is prepared and sent
NOT_STARTED: Final = 3  # the exit code when the port cannot be had, as uvicorn's own

# Bytes of a request's body that are read on the event loop: a larger one takes milliseconds.
AT_ONCE: Final = 64 * 1024


class RunnerServer:
    """An ASGI application over one host and one publisher."""

    def __init__(self, config: RunnerConfig, host: Host, publisher: Publisher) -> None:
        server = config.server
        if server.auth is None:
            raise ConfigError(
                "RUNNER_AUTH_TOKEN must be set, to 16 random characters or more: web pages reach "
                "the loopback too"
            )
        self._token = server.auth
        self._config = server
        self._host = host
        self._publisher = publisher
        self.sessions = Subscriptions(server, publisher)
        self._executions = Executions(config.host, host, publisher)

    @property
    def idle(self) -> bool:
        """No guest is running, abandoned ones included, and no component is being compiled."""
        return self._executions.idle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        given = headers.get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else f"req-{secrets.token_hex(8)}"
        try:
            await self._route(scope, headers, receive, send, request_id)
        except Answer as answer:
            rid = answer.request_id or request_id
            await json(send, answer.status, answer.body, request_id=rid, retry=answer.retry)
        except Exception as error:
            log.exception("request %s failed", request_id)
            refusal = refuse(error, request_id=request_id)
            await json(send, refusal.status, refusal.body, request_id=request_id)

    async def _route(
        self, scope: Scope, headers: Mapping[str, str], receive: Receive, send: Send, rid: str
    ) -> None:
        match (scope["method"], scope["path"]):
            case ("GET", "/healthz" | "/readyz"):
                await json(send, 200, {"status": "ok"}, request_id=rid)
                return
            case _:
                authorize(headers, token=self._token, host=self._config.host)
        match (scope["method"], scope["path"]):
            case ("POST", "/v1/execute"):
                await self._execute(headers, receive, send, rid)
            case ("GET", "/metrics"):
                text = render(
                    self._publisher,
                    host=self._host,
                    sessions=self.sessions,
                    running=self._executions.in_flight,
                )
                await reply(send, 200, text, b"text/plain; version=0.0.4", rid)
            case ("POST", "/internal/runner/debug/subscribe"):
                await self._subscribe(headers, receive, send, rid)
            case ("GET", "/internal/ext-debug/stream"):
                await self._stream(headers, receive, send, rid)
            case _:
                raise Answer(404, "no such path", code="not_found")

    # --- execute --------------------------------------------------------------------------

    async def _execute(
        self, headers: Mapping[str, str], receive: Receive, send: Send, rid: str
    ) -> None:
        body = await self._body(headers, receive)
        try:
            if len(body) <= AT_ONCE:
                content_hash, call = read_execute(body, request_id=rid)
            else:
                content_hash, call = await asyncio.to_thread(read_execute, body, request_id=rid)
        except BadPayload as error:
            rid = error.request_id or rid
            raise Answer(400, str(error), code="bad_request", request_id=rid) from error
        rid = call.flow.request or rid
        try:
            answer = await self._executions.run(content_hash, call)
        except Exception as error:
            refusal = refuse(error, request_id=rid)
            if refusal.status == HTTPStatus.INTERNAL_SERVER_ERROR:
                log.exception("request %s failed", rid)
            raise refusal from error
        await json(send, 200, answer, request_id=rid)

    async def _body(self, headers: Mapping[str, str], receive: Receive) -> bytes:
        most = self._config.max_body_bytes
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > most:
            raise Answer(413, f"the body is larger than {most} bytes", code="too_large")
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Answer(400, "the client went away", code="disconnected")
            part = message.get("body", b"")
            size += len(part)
            if size > most:
                raise Answer(413, f"the body is larger than {most} bytes", code="too_large")
            parts.append(part)
            if not message.get("more_body"):
                return b"".join(parts)

    # --- the internal stream --------------------------------------------------------------

    def _require_stream(self) -> None:
        if not self._config.stream_enabled:
            raise Answer(404, "RUNNER_DEBUG_STREAM_ENABLED is off", code="stream_disabled")

    async def _subscribe(
        self, headers: Mapping[str, str], receive: Receive, send: Send, rid: str
    ) -> None:
        self._require_stream()
        body = await self._body(headers, receive)
        try:
            asked = msgspec.json.decode(body, type=_Subscribe)
            session = self.sessions.open(asked.token, narrow=asked.filter, now=time.time())
        except NOT_AS_ASKED as error:
            raise Answer(400, str(error), code="bad_request") from error
        except BadToken as error:
            raise Answer(403, str(error), code="bad_token") from error
        except Busy as error:
            most = self._config.stream_sessions
            raise Answer(429, f"all {most} stream sessions are open", code="busy") from error
        await json(send, 200, {"debug_session_id": session.id}, request_id=rid)

    async def _stream(
        self, headers: Mapping[str, str], receive: Receive, send: Send, rid: str
    ) -> None:
        self._require_stream()
        try:
            named = msgspec.json.decode(headers.get("x-ext-debug-filter", ""), type=_StreamFilter)
        except NOT_AS_ASKED as error:
            message = 'x-ext-debug-filter: expected {"debug_session_id": "..."}'
            raise Answer(400, message, code="bad_request") from error
        session = self.sessions.attach(named.debug_session_id)
        if session is None:
            raise Answer(404, "no such session, or it is being read", code="no_session")
        gone = asyncio.create_task(disconnected(receive))
        gone.add_done_callback(lambda _: self.sessions.end(session))
        try:
            await send(start(200, b"text/event-stream", rid))
            async for chunk in session.chunks():
                if gone.done():
                    break
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            self.sessions.end(session)
            gone.cancel()

    async def end_streams(self) -> None:
        """While the server stops: once no guest runs, send subscribers the rest and let them go."""
        while not self.idle:  # noqa: ASYNC110 - guests run on threads
            await asyncio.sleep(IDLE_CHECK)
        await asyncio.to_thread(self._publisher.flush, REST_WITHIN)
        self.sessions.finish()

    def close(self) -> None:
        self.sessions.close()
        self._executions.close()


class _Subscribe(msgspec.Struct, frozen=True):
    token: str
    filter: Narrow = Narrow()


class _StreamFilter(msgspec.Struct, frozen=True):
    debug_session_id: str


def serve(config: RunnerConfig) -> int:
    """Serve until SIGTERM or SIGINT, then flush; 0 when everything ended well."""
    import uvicorn

    publisher = Publisher(config.publisher)
    host = Host(config.host, publisher)
    application = RunnerServer(config, host, publisher)

    class Server(uvicorn.Server):
        """Waits for answers that are on their way, not for readers who would never leave."""

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            ending = asyncio.create_task(application.end_streams())
            await super().shutdown(sockets)
            ending.cancel()

    server = Server(
        uvicorn.Config(
            application,
            host=config.server.host,
            port=config.server.port,
            log_level="info",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=int(config.host.timeout + 2),
        )
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        # Stopped, uvicorn raises the signal again, which must not end us before the flush.
        signal.signal(number, lambda *_: None)
    server.run()
    if not server.started:
        return NOT_STARTED
    application.close()
    publisher.close()
    return 0
