"""Reads the JSON of POST /v1/execute and writes its answer; unknown members are ignored."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from extdebug.runner.context import RequestFlow
from extdebug.runner.wasm.execution import Call, CallLimits, HttpRequest, HttpResponse
from extdebug.wire.events import BadId


class BadPayload(ValueError):
    """The body is not what /v1/execute takes; the message says what was expected where."""


class _Context(msgspec.Struct, frozen=True):
    tenant_id: str
    extension_id: str
    content_hash: str
    request_id: str | None = None
    install_id: str | None = None
    version_id: str | None = None


class _Http(msgspec.Struct, frozen=True):
    """`url` or `path` and `query`, headers as an object or as pairs."""

    method: str = "GET"
    url: str | None = None
    path: str = "/"
    query: dict[str, str] = {}
    headers: dict[str, str] | list[tuple[str, str]] = {}
    body_b64: str | None = None


class _Limits(msgspec.Struct, frozen=True):
    timeout_ms: int | None = None
    memory_mb: int | None = None
    fuel: int | None = None


class _Execute(msgspec.Struct, frozen=True):
    """Members that only the platform's own runner uses (config, providers, ...) are ignored."""

    context: _Context
    http: _Http = _Http()
    limits: _Limits = _Limits()


_decoder: Final = msgspec.json.Decoder(_Execute)


def read_execute(body: bytes, *, request_id: str) -> tuple[str, Call]:
    """The content hash asked for and the call; `request_id` counts when the body names none."""
    try:
        asked = _decoder.decode(body)
    except msgspec.DecodeError as error:
        raise BadPayload(str(error)) from error
    context, http, limits = asked.context, asked.http, asked.limits
    try:
        flow = RequestFlow.of(
            context.tenant_id,
            extension=context.extension_id,
            install=context.install_id,
            request=context.request_id or request_id,
            version=context.version_id,
            content_hash=context.content_hash,
        )
    except BadId as error:
        raise BadPayload(f"context: {error}") from error
    try:
        data = None if http.body_b64 is None else base64.b64decode(http.body_b64, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadPayload("http.body_b64: expected base64") from error
    if any(
        number is not None and number <= 0
        for number in (limits.timeout_ms, limits.memory_mb, limits.fuel)
    ):
        raise BadPayload("limits: expected positive numbers")
    url = http.url if http.url is not None else http.path
    if http.query:
        url += ("&" if "?" in url else "?") + urlencode(http.query)
    pairs = http.headers.items() if isinstance(http.headers, dict) else http.headers
    return context.content_hash, Call(
        flow=flow,
        http=HttpRequest(method=http.method, url=url, headers=tuple(pairs), body=data),
        limits=CallLimits(
            timeout=None if limits.timeout_ms is None else limits.timeout_ms / 1000,
            memory_bytes=None if limits.memory_mb is None else limits.memory_mb << 20,
            fuel=limits.fuel,
        ),
    )


def write_response(response: HttpResponse) -> dict[str, Any]:
    """`{status, headers, body_b64}`; a header that comes twice is joined by a comma."""
    headers: dict[str, str] = {}
    for name, value in response.headers:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return {
        "status": response.status,
        "headers": headers,
        "body_b64": base64.b64encode(response.body or b"").decode(),
    }
