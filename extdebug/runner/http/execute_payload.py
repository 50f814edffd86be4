"""Reads the JSON of POST /v1/execute and writes its answer; unknown members are ignored."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Final
from urllib.parse import urlencode

import msgspec

from extdebug.runner.context import RequestFlow
from extdebug.runner.http.responses import NOT_AS_ASKED
from extdebug.runner.wasm.execution import Call, CallLimits, HttpRequest, HttpResponse
from extdebug.wire.events import BadId, clean_opaque, encode_json

MOST_PAIRS: Final = 1_000  # headers of a request, and names in its query
MOST_URL: Final = 64 * 1024  # characters
SET_COOKIE: Final = "set-cookie"


class BadPayload(ValueError):
    """The body is not what /v1/execute takes; the message says what was expected where.

    `request_id`: the one that the body names, where it can be read.
    """

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        super().__init__(message)
        self.request_id = request_id


class _Context(msgspec.Struct, frozen=True):
    tenant_id: str
    extension_id: str
    content_hash: str
    request_id: str | None = None
    install_id: str | None = None
    version_id: str | None = None


class _Http(msgspec.Struct, frozen=True):
    """`url` or `path` and `query`, headers as an object or as pairs; not more of them than are
    turned into values of a guest in milliseconds."""

    method: str = "GET"
    url: str | None = None
    path: str = "/"
    query: Annotated[dict[str, str], msgspec.Meta(max_length=MOST_PAIRS)] = {}
    headers: (
        Annotated[dict[str, str], msgspec.Meta(max_length=MOST_PAIRS)]
        | Annotated[list[tuple[str, str]], msgspec.Meta(max_length=MOST_PAIRS)]
    ) = {}
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
    """The content hash asked for and the call; `request_id` counts when the body names none.

    BadPayload says what is wrong.
    """
    try:
        asked = _decoder.decode(body)
    except NOT_AS_ASKED as error:
        raise BadPayload(str(error)) from error
    try:
        return asked.context.content_hash, _call(asked, request_id=request_id)
    except BadPayload as error:
        raise BadPayload(str(error), request_id=_named(asked.context)) from error


def _named(context: _Context) -> str | None:
    try:
        return clean_opaque(context.request_id, what="request") if context.request_id else None
    except BadId:
        return None


def _call(asked: _Execute, *, request_id: str) -> Call:
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
    if len(url) > MOST_URL:
        raise BadPayload(f"http: expected a url of at most {MOST_URL} characters with its query")
    pairs = http.headers.items() if isinstance(http.headers, dict) else http.headers
    return Call(
        flow=flow,
        http=HttpRequest(method=http.method, url=url, headers=tuple(pairs), body=data),
        limits=CallLimits(
            timeout=None if limits.timeout_ms is None else limits.timeout_ms / 1000,
            memory_bytes=None if limits.memory_mb is None else limits.memory_mb << 20,
            fuel=limits.fuel,
        ),
    )


def write_response(response: HttpResponse) -> bytes:
    """The JSON `{status, headers, body_b64}` of a checked answer.

    A header that comes twice, in any case of its name, is one value with commas; Set-Cookie, whose
    values hold commas themselves, is a list then.
    """
    values: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for name, value in response.headers:
        values.setdefault(names.setdefault(name.lower(), name), []).append(value)
    headers = {
        name: several if len(several) > 1 and name.lower() == SET_COOKIE else ", ".join(several)
        for name, several in values.items()
    }
    body = base64.b64encode(response.body or b"").decode()
    return encode_json({"status": response.status, "headers": headers, "body_b64": body})
