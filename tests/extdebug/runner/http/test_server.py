import asyncio
import base64
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import httpx
import pytest
import uvicorn

from extdebug.hub.runner_client import (
    RunnerClient,
    RunnerEntry,
    RunnerLoss,
    StreamRefused,
    StreamUnavailable,
    watch,
)
from extdebug.runner.config import ConfigError, ServerConfig, load
from extdebug.runner.http.server import RunnerServer
from extdebug.wire.entries import from_entry
from extdebug.wire.positions import EntryId
from extdebug.wire.stream_tokens import sign
from tests.fixtures.programs import free_port, wait_until
from tests.fixtures.runner import Bench

AUTH = "a" * 32
SECRET = b"s" * 32
HEADERS = {"x-runner-auth": AUTH}


@pytest.fixture(scope="module")
def config(shared_bench: Bench, edges, tmp_path_factory) -> Any:
    folder = tmp_path_factory.mktemp("components")
    from extdebug.runner.wasm.build import build_guest
    from tests.fixtures.runner import GUESTS

    data = build_guest(GUESTS / "edges.py.txt").read_bytes()
    (folder / f"{edges.content_hash}.wasm").write_bytes(data)
    (folder / f"{'0' * 64}.wasm").write_bytes(b"not what its name says")
    shared_bench.host.components._folder = folder
    settings = load({})
    server = ServerConfig(
        auth=AUTH, max_body_bytes=64 * 1024, stream_enabled=True, stream_secret=SECRET,
        stream_sessions=2, stream_bytes=64 * 1024,
    )  # fmt: skip
    return replace(settings, server=server, host=replace(settings.host, timeout=1.0, concurrency=2))


@pytest.fixture(scope="module")
def url(shared_bench: Bench, config: Any) -> Iterator[str]:
    application = RunnerServer(config, shared_bench.host, shared_bench.publisher)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=lambda: server.run(sockets=[listener]), daemon=True)
    thread.start()
    wait_until(lambda: server.started, what="the server")
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    application.close()
    server.should_exit = True
    thread.join(10)


@pytest.fixture
async def client(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, headers=HEADERS, timeout=20) as client:
        yield client


def body(edges: Any, path: str = "/", **more: Any) -> dict[str, Any]:
    context = {
        "tenant_id": "acme", "extension_id": "invoice-sync", "install_id": "inst-acme",
        "content_hash": edges.content_hash,
    }  # fmt: skip
    context |= more.pop("context", {})
    limits = {"timeout_ms": 1000}
    return {"context": context, "limits": limits, "http": {"method": "POST", "path": path, **more}}


async def test_execute_answers_with_status_headers_and_body(client, edges):
    asked = body(
        edges, headers={"x-a": "1"}, query={"q": "ü"},
        body_b64=base64.b64encode(b"\x00\xff").decode(),
    )  # fmt: skip
    answer = await client.post("/v1/execute", json=asked, headers={"x-request-id": "req-7"})
    assert answer.status_code == 200
    assert answer.json() == {
        "status": 200,
        "headers": {"x-a": "1"},
        "body_b64": base64.b64encode(b"\x00\xff|POST").decode(),
    }
    assert answer.headers["x-request-id"] == "req-7"


async def test_the_request_id_is_the_flows_and_made_when_missing(client, edges, bench):
    answer = await client.post("/v1/execute", json=body(edges, "/who"))
    made = answer.headers["x-request-id"]
    named = body(edges, "/who", context={"request_id": "from-body"})
    other = await client.post("/v1/execute", json=named, headers={"x-request-id": "from-header"})
    assert other.headers["x-request-id"] == "from-body"
    assert {event.request_id for event in bench.events()} == {made, "from-body"}
    odd = await client.post("/v1/execute", json=body(edges), headers={"x-request-id": "a b"})
    assert odd.headers["x-request-id"].startswith("req-")


@pytest.mark.parametrize("headers", [{}, {"x-runner-auth": "b" * 32}, {"x-runner-auth": "é"}])
@pytest.mark.parametrize("path", ["/v1/execute", "/metrics", "/internal/ext-debug/stream", "/no"])
async def test_nothing_without_the_shared_secret(url, headers, path):
    raw = {name: value.encode() for name, value in headers.items()}
    async with httpx.AsyncClient(base_url=url, headers=raw) as client:
        assert (await client.post(path)).status_code == 401
        assert (await client.get("/healthz")).status_code == 200


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
async def test_a_wrong_request_is_told_what_is_wrong(client, edges, change, status, code):
    answer = await client.post("/v1/execute", json=body(edges, **change))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("path", "status", "code"), [("/trap", 502, "trap"), ("/spin", 504, "timeout")]
)
async def test_a_guest_that_fails_is_named_with_its_request(client, edges, path, status, code):
    asked = body(edges, path, context={"request_id": "r-fails"})
    answer = await client.post("/v1/execute", json=asked)
    assert answer.status_code == status
    assert answer.json() | {"error": ""} == {"code": code, "request_id": "r-fails", "error": ""}


async def test_a_guest_asleep_in_a_host_call_does_not_hold_its_caller(client, edges):
    started = time.monotonic()
    answer = await client.post("/v1/execute", json=body(edges, "/sleep"))
    assert (answer.status_code, answer.json()["code"]) == (504, "timeout")
    assert time.monotonic() - started < 2.5
    async with asyncio.timeout(10):  # its slot is free when it wakes
        while "runner_executions_running 0\n" not in (await client.get("/metrics")).text:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_body_too_large_is_refused_however_it_comes(client):
    big = b"x" * 100_000
    assert (await client.post("/v1/execute", content=big)).status_code == 413

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * 10_000

    assert (await client.post("/v1/execute", content=chunks())).status_code == 413


async def test_more_requests_than_slots_are_told_to_come_again(client, edges):
    answers = await asyncio.gather(
        *(client.post("/v1/execute", json=body(edges, "/spin")) for _ in range(5))
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [503, 503, 503, 504, 504]


async def test_metrics_speak_prometheus(client, edges):
    await client.post("/v1/execute", json=body(edges))
    text = (await client.get("/metrics")).text
    for name in ("emitted_total", "lost_total", "queued", "streams"):
        assert f"runner_debug_{name}" in text
    for line in text.splitlines():
        assert line.startswith("#") or float(line.rpartition(" ")[2]) >= 0


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_every_server_needs_the_secret(shared_bench, host: str):
    settings = load({"RUNNER_HOST": host})
    with pytest.raises(ConfigError, match="RUNNER_AUTH_TOKEN"):
        RunnerServer(settings, shared_bench.host, shared_bench.publisher)


# --- the internal stream ------------------------------------------------------------------


def runner(url: str, **change: Any) -> RunnerClient:
    return RunnerClient(**{"url": url, "secret": SECRET, "auth": AUTH, **change})


async def collect(url: str, count: int, **options: Any) -> list[RunnerEntry | RunnerLoss]:
    options = {"tenant": "acme", "extension": "invoice-sync", "installs": None, **options}
    items: list[RunnerEntry | RunnerLoss] = []
    async with aclosing(watch(runner(url), **options)) as entries:
        async for item in entries:
            items.append(item)
            if len(items) == count:
                break
    return items


async def when_watching(client: httpx.AsyncClient, sessions: int) -> None:
    async def watching() -> bool:
        text = (await client.get("/metrics")).text
        return f"runner_debug_stream_sessions {sessions}\n" in text

    async with asyncio.timeout(5):
        while not await watching():  # noqa: ASYNC110 - another process counts
            await asyncio.sleep(0.01)


async def test_the_stream_carries_the_entries_that_redis_would(url, client, edges):
    task = asyncio.create_task(collect(url, 4))
    await when_watching(client, 1)
    await client.post("/v1/execute", json=body(edges, "/who", context={"tenant_id": "globex"}))
    await client.post("/v1/execute", json=body(edges, "/who", context={"request_id": "r-w"}))
    await client.post("/v1/execute", json=body(edges, "/who"))
    items = await asyncio.wait_for(task, 10)
    await when_watching(client, 0)
    entries = [item for item in items if isinstance(item, RunnerEntry)]
    assert len(entries) == 4
    numbers = [entry.n or 0 for entry in entries]
    assert numbers == list(range(numbers[0], numbers[0] + 4))
    event, origin = from_entry(
        entries[1].raw, id=EntryId(1, 1), tenant="acme", extension="invoice-sync"
    )
    assert event.message == "acme invoice-sync inst-acme r-w None"
    assert (origin.src, origin.n) == (entries[1].src, entries[1].n)


async def test_a_token_for_some_installs_shows_only_those(url, client, edges):
    task = asyncio.create_task(collect(url, 3, installs=frozenset({"inst-b"}), request_id="r-b"))
    await when_watching(client, 1)
    for install, request in (("inst-a", "r-b"), ("inst-b", "r-a"), ("inst-b", "r-b")):
        context = {"install_id": install, "request_id": request}
        await client.post("/v1/execute", json=body(edges, "/who", context=context))
    items = await asyncio.wait_for(task, 10)
    for item in items:
        assert isinstance(item, RunnerEntry)
        named = dict(zip(item.raw[::2], item.raw[1::2], strict=True))
        assert (named[b"install"], named[b"request"]) == (b"inst-b", b"r-b")
    await when_watching(client, 0)


async def test_a_reader_that_stalls_is_told_how_much_it_missed(shared_bench, config):
    from extdebug.runner.http.stream_sessions import Narrow, Subscriptions

    sessions = Subscriptions(config.server, shared_bench.publisher)
    token = sign(SECRET, tenant="acme", extension="x", installs=None, now=time.time())
    session = sessions.open(token, narrow=Narrow(), now=time.time())
    for number in range(2000):
        session.offer(["src", "s", "n", str(number), "message", "m" * 100])
    chunks = session.chunks()
    await anext(chunks)
    text = await anext(chunks)
    kept = text.count(b"id: s/")
    assert text.startswith(b'event: lost\ndata: {"missed":%d}\n\n' % (2000 - kept))
    assert len(text) < config.server.stream_bytes + 200
    await chunks.aclose()
    sessions.close()


async def test_bad_secrets_are_refused_for_good(url):
    for change in ({"secret": b"x" * 32}, {"auth": "wrong"}):
        with pytest.raises(StreamRefused):
            async with aclosing(
                watch(runner(url, **change), tenant="acme", extension="x", installs=None)
            ) as entries:
                await anext(entries)


async def test_a_token_works_once(client):
    token = sign(SECRET, tenant="acme", extension="x", installs=None, now=time.time())
    path = "/internal/runner/debug/subscribe"
    first = await client.post(path, json={"token": token})
    second = await client.post(path, json={"token": token})
    assert (first.status_code, second.status_code) == (200, 403)
    assert "used before" in second.json()["error"]


async def test_a_runner_that_is_not_there_is_unavailable_not_refused():
    with pytest.raises(StreamUnavailable) as caught:
        async with aclosing(
            watch(
                runner(f"http://127.0.0.1:{free_port()}"), tenant="a", extension="x", installs=None
            )
        ) as entries:
            await anext(entries)
    assert not isinstance(caught.value, StreamRefused)
    assert "ssssss" not in str(caught.value)
