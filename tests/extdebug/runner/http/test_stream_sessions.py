"""Sessions of the internal stream: their buffers' bounds, tokens, and how many may be open."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import pytest

from extdebug.runner.config import RunnerConfig
from extdebug.runner.http import stream_sessions
from extdebug.runner.http.stream_sessions import Busy, Narrow, Session, Subscriptions
from extdebug.runner.wasm.components import LoadedComponent
from extdebug.wire.stream_tokens import BadToken, sign
from tests.fixtures.redis import RedisServer
from tests.fixtures.runner import SHARED, Bench, execute_body

SECRET = SHARED["RUNNER_DEBUG_STREAM_SECRET"].encode()


def token(*, now: float | None = None, installs: tuple[str, ...] | None = None) -> str:
    return sign(
        SECRET, tenant="acme", extension="x", installs=installs, now=now or time.time()
    )  # fmt: skip


@pytest.fixture
def sessions(shared_bench: Bench, runner_settings: RunnerConfig) -> Iterator[Subscriptions]:
    made = Subscriptions(runner_settings.server, shared_bench.publisher)
    yield made
    made.close()


def opened(
    sessions: Subscriptions, *, installs: tuple[str, ...] | None = None, **narrow: str
) -> Session:
    asked = Narrow(request_id=narrow.get("request_id"), install_id=narrow.get("install_id"))
    return sessions.open(token(installs=installs), narrow=asked, now=time.time())


async def test_a_reader_that_stalls_is_told_how_much_it_missed(
    sessions: Subscriptions, runner_settings: RunnerConfig
):
    session = opened(sessions)
    for number in range(2000):
        session.offer(["src", "s", "n", str(number), "message", "m" * 100])
    chunks = session.chunks()
    await anext(chunks)
    text = await anext(chunks)
    kept = text.count(b"id: s/")
    assert text.startswith(b'event: lost\ndata: {"missed":%d}\n\n' % (2000 - kept))
    assert len(text) < runner_settings.server.stream_bytes + 200
    await chunks.aclose()


async def test_a_reader_is_let_go_behind_the_last_line(sessions: Subscriptions):
    session = opened(sessions)
    chunks = session.chunks()
    await anext(chunks)
    waiting = asyncio.ensure_future(anext(chunks))
    await asyncio.sleep(0)
    session.offer(ENTRY)
    sessions.finish()
    assert b"id: s/1" in await asyncio.wait_for(waiting, 2)
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(anext(chunks), 2)


def test_a_runner_that_is_told_to_stop_does_not_wait_for_readers(
    runner_process: Callable[..., str],
):
    url = runner_process("")
    auth = {"x-runner-auth": SHARED["RUNNER_AUTH_TOKEN"]}
    asked = httpx.post(
        f"{url}/internal/runner/debug/subscribe", json={"token": token()}, headers=auth
    )
    named = {"x-ext-debug-filter": asked.raise_for_status().text}
    with httpx.stream("GET", f"{url}/internal/ext-debug/stream", headers=auth | named) as stream:
        lines = stream.iter_lines()
        assert "stream of one runner" in next(lines)
        [process] = runner_process.processes  # type: ignore[attr-defined]
        process.terminate()
        assert not any(lines), "it ends, and is not broken off"
    assert process.wait(5) == 0


def test_what_waits_is_written_when_the_runner_is_stopped(
    runner_process: Callable[..., str], edges: LoadedComponent, redis_server: RedisServer
):
    """Redis takes nothing for a moment, just as the runner is told to stop."""
    url = runner_process(redis_server.url)
    auth = {"x-runner-auth": SHARED["RUNNER_AUTH_TOKEN"]}
    with redis_server.client() as client:
        client.execute_command("CLIENT", "PAUSE", 1500, "WRITE")
        body = execute_body(edges, "/", context={"tenant_id": "acme"})
        httpx.post(f"{url}/v1/execute", json=body, headers=auth, timeout=30).raise_for_status()
        [process] = runner_process.processes  # type: ignore[attr-defined]
        process.terminate()
        assert process.wait(15) == 0
        [key] = client.keys("ext-debug:acme:*")
        said = [fields.get(b"execution", b"") for _, fields in client.xrange(key)]
    assert said[0] == b"start"
    assert said[-1].startswith(b"end 200")


ENTRY: list[str | bytes] = ["src", "s", "n", "1", "request", "r-1"]


@pytest.mark.parametrize(
    ("stream", "install", "installs", "narrow", "wanted"),
    [
        (("acme", "x"), "a", None, {}, True),
        (("globex", "x"), "a", None, {}, False),
        (("acme", "y"), "a", None, {}, False),
        (("acme", "x"), "a", ("a", "b"), {}, True),
        (("acme", "x"), "c", ("a", "b"), {}, False),
        (("acme", "x"), None, ("a", "b"), {}, False),
        (("acme", "x"), "c", ("a", "b"), {"install_id": "c"}, False),
        (("acme", "x"), "a", None, {"install_id": "b"}, False),
        (("acme", "x"), "a", None, {"request_id": "r-1"}, True),
        (("acme", "x"), "a", None, {"request_id": "R-1"}, True),
        (("acme", "x"), "a", None, {"request_id": "r-2"}, False),
    ],
)
def test_a_session_gets_what_its_token_and_its_filter_both_allow(
    sessions: Subscriptions, stream, install, installs, narrow, wanted
):
    session: Session = opened(sessions, installs=installs, **narrow)
    assert session.wants(stream, install, ENTRY) is wanted


def test_no_more_sessions_than_allowed_and_a_place_is_free_again(sessions: Subscriptions):
    first = opened(sessions)
    opened(sessions)
    with pytest.raises(Busy):
        opened(sessions)
    sessions.end(first)
    opened(sessions)
    assert len(sessions) == 2


def test_a_session_has_one_reader(sessions: Subscriptions):
    session = opened(sessions)
    assert sessions.attach(session.id) is session
    assert sessions.attach(session.id) is None
    assert sessions.attach("unknown") is None


def test_a_session_that_nobody_reads_gives_up_its_place(sessions: Subscriptions):
    session = opened(sessions)
    session.opened -= stream_sessions.UNATTACHED_LIFE + 1
    assert sessions.attach(session.id) is None
    assert len(sessions) == 0


def test_a_token_works_once_and_only_where_a_secret_is_set(
    sessions: Subscriptions, shared_bench: Bench, runner_settings: RunnerConfig
):
    once = token()
    sessions.open(once, narrow=Narrow(), now=time.time())
    with pytest.raises(BadToken, match="used before"):
        sessions.open(once, narrow=Narrow(), now=time.time())
    bare = replace(runner_settings.server, stream_secret=None, stream_enabled=False)
    with pytest.raises(BadToken, match="RUNNER_DEBUG_STREAM_SECRET"):
        Subscriptions(bare, shared_bench.publisher).open(
            token(), narrow=Narrow(), now=time.time()
        )  # fmt: skip


async def test_a_used_token_is_refused_over_http(runner_http: httpx.AsyncClient):
    once, path = token(), "/internal/runner/debug/subscribe"
    first = await runner_http.post(path, json={"token": once})
    second = await runner_http.post(path, json={"token": once})
    assert (first.status_code, second.status_code) == (200, 403)
    assert "used before" in second.json()["error"]


async def test_no_guest_begins_an_event_of_its_own_in_the_stream(sessions: Subscriptions):
    session = opened(sessions)
    for end in ("\x85", "\N{LINE SEPARATOR}", "\N{PARAGRAPH SEPARATOR}", "\x0b", "\x1c", "\n"):
        session.offer(["src", "s", "n", "1", "message", f"{end}{end}event: lost{end}data: 1{end}"])
    chunks = session.chunks()
    await anext(chunks)
    lines = (await anext(chunks)).decode().splitlines()
    assert not any(line.startswith("event:") for line in lines)
    assert sum(line.startswith("data:") for line in lines) == 6
    await chunks.aclose()


@pytest.mark.parametrize(
    "body",
    [b'{"token":"\xff"}', b'{"x":' + b"[" * 20_000, b"[]"],
    ids=["bytes", "nesting", "shape"],
)
async def test_what_is_no_json_of_ours_is_a_bad_request(
    runner_http: httpx.AsyncClient, body: bytes
):
    answer = await runner_http.post("/internal/runner/debug/subscribe", content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    headers = {"x-ext-debug-filter": body.replace(b"\xff", b"").decode()}
    answer = await runner_http.get("/internal/ext-debug/stream", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
