"""The runner over HTTP: executions and their failures, limits, and who may ask."""

import asyncio
import base64
from collections.abc import AsyncIterator

import httpx
import pytest

from extdebug.runner.config import ConfigError, load
from extdebug.runner.http.server import RunnerServer
from tests.fixtures.runner import execute_body


async def test_execute_answers_with_status_headers_and_body(runner_http, edges):
    asked = execute_body(
        edges, headers={"x-a": "1"}, query={"q": "ü"},
        body_b64=base64.b64encode(b"\x00\xff").decode(),
    )  # fmt: skip
    answer = await runner_http.post("/v1/execute", json=asked, headers={"x-request-id": "req-7"})
    assert answer.status_code == 200
    assert answer.json() == {
        "status": 200,
        "headers": {"x-a": "1"},
        "body_b64": base64.b64encode(b"\x00\xff|POST").decode(),
    }
    assert answer.headers["x-request-id"] == "req-7"


async def test_the_request_id_is_the_flows_and_made_when_missing(runner_http, edges, bench):
    answer = await runner_http.post("/v1/execute", json=execute_body(edges, "/who"))
    made = answer.headers["x-request-id"]
    named = execute_body(edges, "/who", context={"request_id": "from-body"})
    other = await runner_http.post(
        "/v1/execute", json=named, headers={"x-request-id": "from-header"}
    )
    assert other.headers["x-request-id"] == "from-body"
    assert {event.request_id for event in bench.events()} == {made, "from-body"}
    odd = await runner_http.post(
        "/v1/execute", json=execute_body(edges), headers={"x-request-id": "a b"}
    )
    assert odd.headers["x-request-id"].startswith("req-")


@pytest.mark.parametrize("headers", [{}, {"x-runner-auth": "b" * 32}, {"x-runner-auth": "é"}])
@pytest.mark.parametrize("path", ["/v1/execute", "/metrics", "/internal/ext-debug/stream", "/no"])
async def test_nothing_without_the_shared_secret(runner_server, headers, path):
    raw = {name: value.encode() for name, value in headers.items()}
    async with httpx.AsyncClient(base_url=runner_server, headers=raw) as runner_http:
        assert (await runner_http.post(path)).status_code == 401
        assert (await runner_http.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"context": {"content_hash": "f" * 64}}, 404, "component_not_found"),
        ({"context": {"content_hash": "../../etc/passwd"}}, 404, "component_not_found"),
        ({"context": {"content_hash": "http://x/y.wasm"}}, 404, "component_not_found"),
        ({"context": {"content_hash": "0" * 64}}, 422, "component_broken"),
        ({"context": {"tenant_id": "a:b"}}, 400, "bad_request"),
        ({"context": {"tenant_id": None}}, 400, "bad_request"),
        ({"body_b64": "%%"}, 400, "bad_request"),
    ],
)
async def test_a_wrong_request_is_told_what_is_wrong(runner_http, edges, change, status, code):
    answer = await runner_http.post("/v1/execute", json=execute_body(edges, **change))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("path", "status", "code"), [("/trap", 502, "trap"), ("/spin", 504, "timeout")]
)
async def test_a_guest_that_fails_is_named_with_its_request(runner_http, edges, path, status, code):
    asked = execute_body(edges, path, context={"request_id": "r-fails"})
    answer = await runner_http.post("/v1/execute", json=asked)
    assert answer.status_code == status
    assert answer.json() | {"error": ""} == {"code": code, "request_id": "r-fails", "error": ""}


async def test_a_body_too_large_is_refused_however_it_comes(runner_http):
    big = b"x" * 100_000
    assert (await runner_http.post("/v1/execute", content=big)).status_code == 413

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * 10_000

    assert (await runner_http.post("/v1/execute", content=chunks())).status_code == 413


async def test_more_requests_than_slots_are_told_to_come_again(runner_http, edges):
    answers = await asyncio.gather(
        *(runner_http.post("/v1/execute", json=execute_body(edges, "/spin")) for _ in range(5))
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [503, 503, 503, 504, 504]


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_every_server_needs_the_secret(shared_bench, host: str):
    settings = load({"RUNNER_HOST": host})
    with pytest.raises(ConfigError, match="RUNNER_AUTH_TOKEN"):
        RunnerServer(settings, shared_bench.host, shared_bench.publisher)
