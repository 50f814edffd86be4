"""ASGI answers: whole, never cached, and with a request id that is safe in a header."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from extdebug.runner.http import responses


class Exchange:
    """The two ends of an ASGI call: what is received, in order, and what was sent."""

    def __init__(self, *received: str) -> None:
        self._received = list(received)
        self.sent: list[Mapping[str, Any]] = []

    async def receive(self) -> Mapping[str, Any]:
        return {"type": self._received.pop(0)}

    async def send(self, message: Mapping[str, Any]) -> None:
        self.sent.append(message)


async def test_an_answer_has_its_length_and_is_never_cached():
    exchange = Exchange()
    await responses.json(exchange.send, 404, {"error": "ü"}, request_id="r-1")
    start, body = exchange.sent
    assert start["status"] == 404
    assert dict(start["headers"]) == {
        b"content-type": b"application/json", b"cache-control": b"no-store",
        b"x-request-id": b"r-1", b"content-length": str(len(body["body"])).encode(),
    }  # fmt: skip
    assert body["body"] == '{"error":"ü"}'.encode()


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("req-7", "req-7"), ("a b: 100%", "a b: 100%"), ("", ""), ("a\r\nb: c", "a%0D%0Ab:%20c"),
        (" a ", "%20a%20"), ("é", "%C3%A9"),
    ],
)  # fmt: skip
def test_a_request_id_that_no_header_can_carry_is_encoded(given: str, sent: str):
    assert responses.in_header(given) == sent


async def test_an_answer_may_say_when_to_come_again():
    exchange = Exchange()
    await responses.json(exchange.send, 503, b"{}", request_id="r-1", retry=7)
    start, body = exchange.sent
    assert dict(start["headers"])[b"retry-after"] == b"7"
    assert body["body"] == b"{}", "JSON already"


async def test_the_servers_start_and_stop_are_answered():
    exchange = Exchange("lifespan.startup", "lifespan.shutdown")
    await responses.lifespan(exchange.receive, exchange.send)
    assert [message["type"] for message in exchange.sent] == [
        "lifespan.startup.complete", "lifespan.shutdown.complete",
    ]  # fmt: skip


async def test_a_client_is_gone_when_the_server_says_so_and_not_before():
    exchange = Exchange("http.request", "http.request", "http.disconnect")
    async with asyncio.timeout(1):
        await responses.disconnected(exchange.receive)
    assert exchange._received == []


def test_an_answer_carries_what_the_caller_is_told():
    answer = responses.Answer(503, "busy", code="busy", request_id="r-1")
    assert answer.body == {"error": "busy", "code": "busy", "request_id": "r-1"}
    assert responses.Answer(404, "no such path", code="not_found").body == {
        "error": "no such path", "code": "not_found",
    }  # fmt: skip
