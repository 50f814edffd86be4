"""Sessions of the internal stream: their buffers' bounds, tokens, and how many may be open."""

import time
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from extdebug.runner.config import RunnerConfig
from extdebug.runner.http import stream_sessions
from extdebug.runner.http.stream_sessions import Busy, Narrow, Session, Subscriptions
from extdebug.wire.stream_tokens import BadToken, sign
from tests.fixtures.runner import SHARED, Bench

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
