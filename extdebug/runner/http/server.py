"""The runner's HTTP server: execute a component, watch this process, health and metrics."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec

from extdebug.runner.config import ConfigError, RunnerConfig
from extdebug.runner.http.callers import authorize
from extdebug.runner.http.execute_payload import BadPayload, read_execute, write_response
from extdebug.runner.http.metrics import render
from extdebug.runner.http.responses import (
    REQUEST_ID,
    Answer,
    Receive,
    Scope,
    Send,
    disconnected,
    echo,
    json,
    lifespan,
    reply,
    start,
)
from extdebug.runner.http.stream_sessions import Busy, Narrow, Subscriptions
from extdebug.runner.publish.publisher import Publisher
from extdebug.runner.wasm.execution import (
    Call,
    ComponentError,
    ExecutionFailed,
    Failure,
    HttpResponse,
    NotFound,
)
from extdebug.runner.wasm.host import Host
from extdebug.wire.stream_tokens import BadToken

log = logging.getLogger("extdebug.runner")

# Later than the epoch's own deadline: a guest that sleeps inside a host call is not interrupted
# by it, and its caller must not wait as long as it sleeps.
GRACE: Final = 0.5  # s


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
        self._timeout = config.host.timeout
        self._host = host
        self._publisher = publisher
        self.sessions = Subscriptions(server, publisher)
        self._slots = config.host.concurrency
        self._pool = ThreadPoolExecutor(self._slots, thread_name_prefix="guest")
        self.in_flight = 0

    @property
    def idle(self) -> bool:
        """No guest is running, abandoned ones included."""
        return self.in_flight == 0

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
            await json(send, answer.status, answer.body, request_id=request_id)
        except Exception:
            log.exception("request %s failed", request_id)
            body = {"error": "the runner failed; its log says why", "code": "internal"}
            await json(send, 500, {**body, "request_id": request_id}, request_id=request_id)

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
                    running=self.in_flight,
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
            content_hash, call = read_execute(body, request_id=rid)
        except BadPayload as error:
            raise Answer(400, str(error), code="bad_request") from error
        rid = call.flow.request or rid
        if self.in_flight >= self._slots:
            raise Answer(503, "all execution slots are busy", code="busy", request_id=rid)
        try:
            response = await self._run(content_hash, call)
        except NotFound as error:
            raise Answer(404, str(error), code="component_not_found", request_id=rid) from error
        except ComponentError as error:
            raise Answer(422, str(error), code="component_broken", request_id=rid) from error
        except ExecutionFailed as error:
            status = 504 if error.failure is Failure.TIMEOUT else 502
            code = error.failure.value
            raise Answer(status, str(error), code=code, request_id=rid) from error
        await json(send, 200, write_response(response), request_id=echo(rid))

    async def _run(self, content_hash: str, call: Call) -> HttpResponse:
        limit = min(call.limits.timeout or self._timeout, self._timeout)
        loop = asyncio.get_running_loop()
        # Compiling a new component may take seconds and is not the guest's time.
        self.in_flight += 1  # before any await: the check for a free slot has just been made
        try:
            loaded = await loop.run_in_executor(None, self._host.components.get, content_hash)
        except BaseException:
            self.in_flight -= 1
            raise
        work = loop.run_in_executor(self._pool, self._host.execute, loaded, call)
        work.add_done_callback(self._done)
        try:
            return await asyncio.wait_for(asyncio.shield(work), limit + GRACE)
        except TimeoutError:
            raise ExecutionFailed(
                Failure.TIMEOUT,
                f"no answer after {limit:g} s, the time limit of this request; the guest waits "
                "inside a host call and is stopped when that returns",
            ) from None

    def _done(self, work: asyncio.Future[HttpResponse]) -> None:
        self.in_flight -= 1
        if not work.cancelled():
            work.exception()  # its caller may be gone; the flow has been told

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
        except msgspec.DecodeError as error:
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
        except msgspec.DecodeError as error:
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

    def close(self) -> None:
        self.sessions.close()
        self._pool.shutdown(wait=False, cancel_futures=True)


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
    uvicorn.run(
        application,
        host=config.server.host,
        port=config.server.port,
        log_level="info",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(config.host.timeout + 2),
    )
    application.close()
    publisher.close()
    if not application.idle:
        os._exit(0)  # a guest sleeps in a host call; the engine must not outlive the interpreter
    return 0
