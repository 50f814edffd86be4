"""Traces of a running console, as a real receiver gets them from real sessions."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from websockets.asyncio.client import connect

from extdebug.demo.sample import Cast
from extdebug.models import DebugSession
from policies.identity import tokens
from policies.models import Extension
from tests.audit.tracing.test_otlp import CALLER, PARENT, TRACE
from tests.extdebug.test_live import KEY, SUBSCRIBE, entry, receive
from tests.fixtures.console import Console
from tests.fixtures.otlp import ReceivedSpan, Receiver
from tests.fixtures.programs import free_port, wait_until
from tests.fixtures.redis import RedisServer

OPENING = {"session.authenticate", "session.look_up", "session.record", "session.first_page"}
METRICS = {"Authorization": "Bearer token-of-the-tests-1234567890abcdef"}
ENDED = -signal.SIGTERM  # how uvicorn ends once all is done
Start = Callable[..., Console]


def started(live_console: Start, redis: RedisServer, url: str, **more: str) -> Console:
    token = METRICS["Authorization"].split()[1]
    return live_console(
        redis_url=redis.url, OTEL_EXPORTER_OTLP_ENDPOINT=url, METRICS_TOKEN=token, **more
    )


async def watch(console: Console, user: Any, *, lines: int, **headers: str) -> str:
    """A session that reads so many lines, acknowledges them and says goodbye; its id."""
    sent = {**await sync_to_async(console.headers)(user), **headers}
    async with connect(console.ws_url, additional_headers=sent) as socket:
        await socket.send(json.dumps({**SUBSCRIBE, "from": {"tail": 1000}}))
        session: str = (await receive(socket, "ready"))["session"]
        seen = 0
        while seen < lines:
            frame = await receive(socket, "events", within=15)
            seen += len(frame["events"])
            await socket.send(json.dumps({"type": "ack", "seq": frame["seq"]}))
    return session


def only(spans: list[ReceivedSpan]) -> ReceivedSpan:
    (span,) = spans
    return span


async def test_a_session_is_one_trace_under_its_callers_span_and_no_line_of_it_is_text(
    live_console: Start, redis_server: RedisServer, cast: Cast, otlp_receiver: Receiver
):
    console = await sync_to_async(started)(live_console, redis_server, otlp_receiver.url)
    texts = [secrets.token_hex(12) for _ in range(40)]
    with redis_server.client() as client:
        for text in texts:
            client.xadd(KEY, entry(text, request=f"req-{text}"))

    session = await watch(
        console, cast.dan, lines=len(texts), traceparent=PARENT, **{"x-request-id": "request-0001"}
    )
    row = await DebugSession.objects.aget(pk=session)
    await sync_to_async(otlp_receiver.wait_for)("session.deliver")
    assert await sync_to_async(console.stop)() == ENDED

    opening = only(otlp_receiver.named("session.open"))
    assert (opening.trace, opening.parent) == (TRACE, CALLER)
    assert opening.said("request") == "request-0001"
    assert (opening.said("session"), opening.said("transport")) == (session, "ws")
    assert (opening.said("tenant"), opening.said("extension")) == ("acme", "invoice-sync")
    assert opening.said("process") == row.process
    for span in otlp_receiver.spans:
        assert span.trace == TRACE
        assert span is opening or span.parent == opening.id
        assert not span.failed
    assert {span.name for span in otlp_receiver.spans} == {
        *OPENING, "session.open", "session.read_past", "session.decide", "session.deliver",
    }  # fmt: skip

    delivered = otlp_receiver.named("session.deliver")
    assert sum(span.said("events") for span in delivered) == len(texts)
    assert sum(span.said("bytes") for span in delivered) > len(texts) * 24
    assert {span.said("session") for span in delivered} == {session}
    first = only(otlp_receiver.named("session.first_page"))
    assert first.said("events") == len(texts)
    assert only(otlp_receiver.named("session.read_past")).said("whole")
    decided = otlp_receiver.named("session.decide")
    assert {(span.said("why"), span.said("allowed")) for span in decided} <= {
        ("opening", True), ("change", True)
    }  # fmt: skip
    assert len([span for span in decided if span.said("why") == "opening"]) == 1

    sent = b"".join(otlp_receiver.bodies)
    secret = [*texts, cast.dan.username, cast.dan.email]
    assert [text for text in secret if text and text.encode() in sent] == []


async def test_a_refusal_says_its_code_and_a_poll_is_traced_like_a_socket(
    live_console: Start, redis_server: RedisServer, cast: Cast, otlp_receiver: Receiver
):
    console = await sync_to_async(started)(live_console, redis_server, otlp_receiver.url)
    issued = await sync_to_async(tokens.issue)(
        cast.dan, name="script", extension=await Extension.objects.aget(key="invoice-sync")
    )
    raw = issued.raw
    async with httpx.AsyncClient(base_url=console.url, timeout=20) as http:
        bearer = {"Authorization": f"Bearer {raw}"}
        target = {"tenantId": "acme", "extensionId": "invoice-sync"}
        answer = await http.post("/api/ext-debug/stream", headers=bearer, json=target)
        assert answer.status_code == 200, answer.text
        unknown = await http.post(
            "/api/ext-debug/stream", headers=bearer, json={**target, "tenantId": "nobody"}
        )
        assert unknown.status_code == 404
    await sync_to_async(console.stop)()

    opened = {span.said("code"): span for span in otlp_receiver.named("session.open")}
    assert opened["not_found"].said("session") is None
    assert opened[None].said("session") == answer.json()["session"]
    assert opened[None].said("transport") == "poll"
    assert raw.encode() not in b"".join(otlp_receiver.bodies)


@pytest.mark.parametrize("away", [True, False])
async def test_a_receiver_that_is_away_or_never_answers_holds_up_no_session_and_no_end(
    live_console: Start, redis_server: RedisServer, cast: Cast, otlp_receiver: Receiver, away: bool
):
    otlp_receiver.going_on.clear()
    url = f"http://127.0.0.1:{free_port()}" if away else otlp_receiver.url
    console = await sync_to_async(started)(live_console, redis_server, url)
    with redis_server.client() as client:
        for number in range(20):
            client.xadd(KEY, entry(f"line {number}"))

    await watch(console, cast.dan, lines=20)
    if away:
        wanted = 'ext_debug_spans_dropped_total{reason="not_sent"}'

        def counted() -> bool:
            said = httpx.get(f"{console.url}/metrics", headers=METRICS, timeout=10).text
            values = [line.split()[-1] for line in said.splitlines() if line.startswith(wanted)]
            return bool(values) and float(values[0]) > 0

        await sync_to_async(wait_until)(counted, seconds=30, what="lost spans are counted")
        assert "the receiver of traces takes none" in console.log
        assert url not in console.log
    # Console.stop allows 20 s; the receiver would take for ever.
    assert await asyncio.to_thread(console.stop) == ENDED
    assert "Traceback" not in console.log
