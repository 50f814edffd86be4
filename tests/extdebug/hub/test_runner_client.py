"""One runner's stream as the console reads it: from a real runner, and from ones that misbehave."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from extdebug.hub.runner_client import (
    MAX_EVENT_BYTES,
    RunnerClient,
    RunnerEntry,
    RunnerLoss,
    StreamRefused,
    StreamUnavailable,
    watch,
)
from extdebug.runner.wasm.components import LoadedComponent
from extdebug.wire.entries import from_entry
from extdebug.wire.positions import EntryId
from tests.fixtures.programs import free_port
from tests.fixtures.runner import SHARED, execute_body

SECRET = SHARED["RUNNER_DEBUG_STREAM_SECRET"].encode()
Write = Callable[[bytes], Awaitable[None]]
Item = RunnerEntry | RunnerLoss


def client_of(url: str) -> RunnerClient:
    return RunnerClient(url=url, secret=SECRET, auth=SHARED["RUNNER_AUTH_TOKEN"])


async def collect(
    runner: RunnerClient,
    most: int = 1000,
    *,
    silence: float = 10.0,
) -> list[Item]:
    """At most so many items of acme's invoice-sync, or all until the runner ends its stream."""
    items: list[Item] = []
    stream = watch(runner, tenant="acme", extension="invoice-sync", silence=silence)
    async with aclosing(stream):
        async for item in stream:
            items.append(item)
            if len(items) == most:
                break
    return items


# --- a real runner --------------------------------------------------------------------------


async def when_watching(runner_http: httpx.AsyncClient, sessions: int) -> None:
    async def watching() -> bool:
        text = (await runner_http.get("/metrics")).text
        return f"runner_debug_stream_sessions {sessions:.1f}\n" in text

    async with asyncio.timeout(5):
        while not await watching():  # noqa: ASYNC110 - another process counts
            await asyncio.sleep(0.01)


async def test_the_stream_carries_the_entries_that_redis_would(
    runner_server: str, runner_http: httpx.AsyncClient, edges: LoadedComponent
) -> None:
    task = asyncio.create_task(collect(client_of(runner_server), 4))
    await when_watching(runner_http, 1)
    for context in ({"tenant_id": "globex"}, {"request_id": "r-w"}, {}):
        await runner_http.post("/v1/execute", json=execute_body(edges, "/who", context=context))
    items = await asyncio.wait_for(task, 10)
    await when_watching(runner_http, 0)
    entries = [item for item in items if isinstance(item, RunnerEntry)]
    assert len(entries) == 4
    read = [
        from_entry(entry.raw, id=EntryId(1, 1), tenant="acme", extension="invoice-sync")
        for entry in entries
    ]
    assert read[1][0].message == "acme invoice-sync inst-acme r-w None"
    numbers = [origin.n or 0 for _, origin in read]
    assert numbers == list(range(numbers[0], numbers[0] + 4))


async def test_a_watch_that_is_cancelled_ends_its_session_at_the_runner(
    runner_server: str, runner_http: httpx.AsyncClient
) -> None:
    task = asyncio.create_task(collect(client_of(runner_server)))
    await when_watching(runner_http, 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await when_watching(runner_http, 0)


@pytest.mark.parametrize("change", [{"secret": b"x" * 32}, {"auth": "wrong"}, {"auth": "é"}])
async def test_bad_secrets_are_refused_for_good(runner_server: str, change: dict[str, str]) -> None:
    with pytest.raises(StreamRefused):
        await collect(replace(client_of(runner_server), **change))  # type: ignore[arg-type]


async def test_a_runner_that_is_not_there_is_unavailable_and_no_secret_is_told() -> None:
    runner = client_of(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(StreamUnavailable) as caught:
        await collect(runner)
    assert not isinstance(caught.value, StreamRefused)
    for secret in SHARED.values():
        assert secret not in f"{caught.value} {caught.value.__cause__!r} {runner!r}"


# --- runners that misbehave -----------------------------------------------------------------

SESSION = b'{"debug_session_id": "s"}'
ENTRY = b'data: ["message","one"]\n\n'
EVENTS = "content-type: text/event-stream\r\n"


def head(headers: str = EVENTS, *, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nconnection: close\r\n{headers}\r\n".encode()


class FakeRunner:
    """Answers a subscription with `session`, a stream as `stream` writes it; counts both."""

    def __init__(self, stream: Callable[[Write], Awaitable[None]], session: bytes) -> None:
        self._stream = stream
        self._session = session
        self.asked: list[str] = []
        self.written = 0
        self.hung_up = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def write(data: bytes) -> None:
            writer.write(data)
            await writer.drain()
            self.written += len(data)

        try:
            asked = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(asked)
            if asked.startswith("POST"):
                await write(self._session)
            else:
                await self._stream(write)
                if not await reader.read():
                    self.hung_up.set()
        except ConnectionError:
            self.hung_up.set()
        finally:
            writer.close()


@asynccontextmanager
async def runner_that(
    stream: Callable[[Write], Awaitable[None]], *, session: bytes = head() + SESSION
) -> AsyncIterator[tuple[RunnerClient, FakeRunner]]:
    fake = FakeRunner(stream, session)
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    try:
        yield client_of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"), fake
    finally:
        server.close()


def writes(*parts: bytes) -> Callable[[Write], Awaitable[None]]:
    async def stream(write: Write) -> None:
        for part in parts:
            await write(part)

    return stream


@pytest.mark.parametrize("line", [b"data: ", b"data: x\n", b": a comment\n", b"x\r\n", b"x\r"])
async def test_an_event_without_end_is_given_up_and_not_kept(line: bytes) -> None:
    async def stream(write: Write) -> None:
        await write(head())
        filler = line * (4096 // len(line)) if line[-1:] in b"\r\n" else line + b"x" * 4096
        for _ in range(64 * MAX_EVENT_BYTES // len(filler)):
            await write(filler)

    async with runner_that(stream) as (runner, fake):
        with pytest.raises(StreamUnavailable, match=f"an event of over {MAX_EVENT_BYTES} bytes"):
            await collect(runner)
        async with asyncio.timeout(10):
            await fake.hung_up.wait()
    assert fake.written < 32 * MAX_EVENT_BYTES, "what the sockets hold, and no more"


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r"])
async def test_the_bound_is_of_one_event_not_of_the_stream(end: bytes) -> None:
    event = b'data: ["message","' + b"m" * (MAX_EVENT_BYTES // 4) + b'"]' + end
    pieces = [event[at : at + 1000] for at in range(0, len(event), 1000)] * 8
    # Daring a blank line to fall between two chunks.
    pieces += [b'data: ["message","x"]' + end[:1], end[1:], b": end" + end]
    async with runner_that(writes(head(), *pieces, b"")) as (runner, _):
        items = await collect(runner, 9)
    assert len(items) == 9


async def test_a_runner_that_falls_silent_is_gone() -> None:
    async with runner_that(writes(head(), b": here\n\n")) as (runner, fake):
        with pytest.raises(StreamUnavailable, match=r"said nothing for 0\.2 s"):
            await collect(runner, silence=0.2)
        async with asyncio.timeout(5):
            await fake.hung_up.wait()


async def test_heartbeats_and_unknown_events_are_no_items() -> None:
    events = (
        b'id: s/1\ndata: ["src","s","n","1"]\n\n', b": still here\n\n",
        b"event: later\ndata: {}\n\n",
        b'event: lost\ndata: {"missed":7}\n\n', b"\n\n",
    )  # fmt: skip
    async with runner_that(writes(head(), *events, ENTRY)) as (runner, _):
        items = await collect(runner, 3)
    assert items == [
        RunnerEntry(raw=[b"src", b"s", b"n", b"1"]),
        RunnerLoss(missed=7),
        RunnerEntry(raw=[b"message", b"one"]),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        head("content-type: text/html\r\n") + ENTRY,
        head(EVENTS + "content-encoding: gzip\r\n") + gzip.compress(ENTRY),
        head() + b"data: {}\n\n",
        head() + b"data: not JSON\n\n",
        head() + b"event: lost\ndata: []\n\n",
        b"not HTTP at all\r\n\r\n",
        head(status="500 Internal Server Error") + b"x" * 100_000,
        head("content-length: 0\r\nlocation: /elsewhere\r\n", status="302 Found"),
    ],
)
async def test_what_is_no_stream_of_ours_is_unavailable(answer: bytes) -> None:
    async with runner_that(writes(answer)) as (runner, fake):
        with pytest.raises(StreamUnavailable) as caught:
            await collect(runner)
        assert len(fake.asked) == 2, "no redirect is followed"
    assert not isinstance(caught.value, StreamRefused)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("session", [head() + b"{}", head() + b"\xff" * 100_000, b""])
async def test_a_subscription_that_is_not_what_was_agreed_is_unavailable(session: bytes) -> None:
    async with runner_that(writes(), session=session) as (runner, _):
        with pytest.raises(StreamUnavailable):
            await collect(runner)


async def test_a_proxy_of_the_environment_does_not_see_the_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    async with runner_that(writes(head(), ENTRY)) as (runner, fake):
        assert len(await collect(runner, 1)) == 1
    assert "accept-encoding: identity" in fake.asked[1].lower()
