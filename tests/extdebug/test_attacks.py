"""The attack list, as far as it concerns sockets, sessions and streams.

Each row is refused, bounded or made harmless, and none leaves a traceback in the server's log.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.utils import timezone
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from extdebug.demo.sample import Cast
from extdebug.models import DebugSession
from policies.models import Ticket
from tests.faults.stage import Stage
from tests.fixtures.console import Console
from tests.fixtures.redis import RedisServer

TARGET: Final[dict[str, Any]] = {"tenant": "acme", "extension": "invoice-sync"}
NOWHERE: Final[dict[str, Any]] = {"tenant": "nowhere", "extension": "nothing"}
BAD_IDS: Final = [
    "*", "?", "[a-z]", "a]", "\\", "{1}", "a:b", "/", "..", "a/../b", "%2e%2e", "a b", "a\x00b",
    "\u0000", "ünïcode", "\u212aelvin", "\u202eacme", "a\r\nX: y", "-", "--", ".a", "a" * 65, "",
    "' OR 1=1 --", "${jndi:x}", "<script>",
]  # fmt: skip
BAD_CURSORS: Final = [
    "$", "+", "-", "*", ">", "0", "1", "-1-0", "1--1", "1-1-1", " 1-1", "1-1 ", "+1-1", "01-1",
    "1-1.", "1-1.-1", "1-1.x", "1-1.1.1", "18446744073709551616-0", "0-18446744073709551616",
    "1-1.18446744073709551616", "1e3-0", "0x1-0", "\u0661-0", "1-1\n", "1" * 65, "1-1~x",
]  # fmt: skip


@pytest_asyncio.fixture
async def stage(live_console: Callable[..., Console], cast: Cast) -> AsyncIterator[Stage]:
    one = Stage(live_console, cast)
    yield one
    await one.close()


@pytest_asyncio.fixture
async def console(stage: Stage, redis_server: RedisServer) -> AsyncIterator[Console]:
    one = await stage.console(redis_server.url)
    yield one
    assert "Traceback" not in one.log, one.log[-4000:]


@contextlib.asynccontextmanager
async def dial(stage: Stage, console: Console, user: Any) -> AsyncIterator[ClientConnection]:
    door = await stage.door(console, user)
    headers = {"Cookie": door.cookie} if user is not None else {}
    origin = Origin(door.origin)
    async with connect(
        door.url, origin=origin, additional_headers=headers, max_queue=None
    ) as socket:
        yield socket


async def answer(socket: ClientConnection, *, within: float = 10) -> tuple[list[str], int | None]:
    """Every frame up to the close, and its code; or up to what a session that stands says."""
    frames: list[str] = []
    try:
        async with asyncio.timeout(within):
            while True:
                text = str(await socket.recv())
                frames.append(text)
                if json.loads(text)["type"] == "ready":
                    return frames, None
    except ConnectionClosed as closed:
        return frames, closed.rcvd.code if closed.rcvd else None


async def subscribe(
    stage: Stage, console: Console, user: Any, **frame: Any
) -> tuple[list[str], int | None]:
    async with dial(stage, console, user) as socket:
        await socket.send(json.dumps({"type": "subscribe", "target": TARGET, **frame}))
        return await answer(socket)


# --- who may open a socket at all ----------------------------------------------------------------


async def test_a_foreign_missing_or_doubled_origin_never_gets_a_socket(
    stage: Stage, console: Console
) -> None:
    door = await stage.door(console, stage.cast.dan)
    port = console.port
    for origins in (
        ["https://evil.example"], ["null"], [], [f"https://127.0.0.1:{port}"],
        [f"http://127.0.0.1:{port + 1}"], ["http://127.0.0.1"], [f"http://localhost:{port}"],
        [door.origin, door.origin], [door.origin, "https://evil.example"],
        [f"{door.origin}.evil.example"], [f"{door.origin}/"], ["file://"], ["*"],
    ):  # fmt: skip
        headers = [("Cookie", door.cookie), *(("Origin", origin) for origin in origins)]
        with pytest.raises(InvalidStatus) as refused:
            async with connect(door.url, additional_headers=headers):
                pass
        assert refused.value.response.status_code in (400, 403), origins


async def test_a_poll_with_a_cookie_needs_a_token_or_the_consoles_own_origin(
    stage: Stage, console: Console
) -> None:
    door = await stage.door(console, stage.cast.dan)
    port = console.port
    body = {"extensionId": "invoice-sync", "tenantId": "acme", "lastId": "0"}
    async with httpx.AsyncClient(base_url=console.url) as http:

        async def post(path: str, *headers: tuple[str, str]) -> httpx.Response:
            return await http.post(path, json=body, headers=[("Cookie", door.cookie), *headers])

        for origins in (
            [], ["null"], ["https://evil.example"], [f"https://127.0.0.1:{port}"],
            [f"http://127.0.0.1:{port + 1}"], ["http://127.0.0.1"], [f"http://localhost:{port}"],
            [door.origin, door.origin], [door.origin, "https://evil.example"],
            [f"{door.origin}.evil.example"], [f"{door.origin}/"], ["file://"], ["*"],
        ):  # fmt: skip
            got = await post("/api/ext-debug/stream", *(("Origin", one) for one in origins))
            assert (got.status_code, got.json()["code"]) == (403, "csrf"), origins
        ours = ("Origin", door.origin)
        for site in ("cross-site", "same-site"):
            got = await post("/api/ext-debug/stream", ours, ("Sec-Fetch-Site", site))
            assert (got.status_code, got.json()["code"]) == (403, "cross_site")
        got = await post("/api/ext-debug/stream", ours, ("Host", f"localhost:{port}"))
        assert got.status_code == 403, "another name for us is another origin"
        for path in ("ticket", "grants", "saved"):
            got = await post(f"/api/ext-debug/{path}", ours)
            assert (got.status_code, got.json()["code"]) == (403, "csrf"), "what writes needs more"
        assert await DebugSession.objects.acount() == 0
        got = await post("/api/ext-debug/stream", ours, ("Sec-Fetch-Site", "same-origin"))
        assert got.status_code == 200, got.text
        assert await DebugSession.objects.acount() == 1


async def test_a_ticket_opens_one_socket_on_its_own_target_within_its_time(
    stage: Stage, console: Console
) -> None:
    headers = await sync_to_async(console.headers)(stage.cast.dan)

    async def issue() -> str:
        async with httpx.AsyncClient(base_url=console.url, headers=headers) as http:
            token = (await http.get("/extensions/")).cookies["csrftoken"]
            cookie = f"{headers['Cookie']}; csrftoken={token}"
            answer = await http.post(
                "/api/ext-debug/ticket", json=TARGET,
                headers={"Cookie": cookie, "X-CSRFToken": token},
            )  # fmt: skip
            assert answer.status_code == 200, answer.text
            return str(answer.json()["ticket"])

    async def use(ticket: str, target: dict[str, str] = TARGET, user: Any = None) -> int | None:
        async with dial(stage, console, user) as socket:
            frame = {"type": "subscribe", "target": target, "ticket": ticket}
            await socket.send(json.dumps(frame))
            return (await answer(socket))[1]

    ticket = await issue()
    assert await use(ticket) is None
    assert await use(ticket) == 4401, "a second use"
    assert await use(await issue(), {"tenant": "globex", "extension": "invoice-sync"}) == 4401
    late = await issue()
    await sync_to_async(Ticket.objects.filter(used_at=None).update)(expires_at=timezone.now())
    assert await use(late) == 4401, "too late"
    assert await use("x" * 43) == 4401
    borrowed = await issue()
    assert await use(borrowed, user=stage.cast.mallory) is None
    row = await DebugSession.objects.order_by("-opened_at").afirst()
    assert row is not None
    assert row.username == "dan", "a ticket is its person's, whoever's cookie comes along"
    assert ticket not in console.log


async def test_nobody_without_a_sign_in_gets_further_than_the_first_frame(
    stage: Stage, console: Console
) -> None:
    frames, code = await subscribe(stage, console, None)
    assert code == 4401
    assert [json.loads(frame)["type"] for frame in frames] == ["closing"]


# --- other people's things -----------------------------------------------------------------------


async def test_other_tenants_ids_answer_like_ids_that_do_not_exist(
    stage: Stage, console: Console
) -> None:
    """The same bytes, over every verb and transport; the truth is in the audit only."""
    cast = stage.cast
    pairs: list[tuple[Any, dict[str, Any], dict[str, Any]]] = [
        (cast.mallory, TARGET, NOWHERE),
        (cast.alice, {"tenant": "globex", "extension": "report-maker"}, NOWHERE),
        (cast.dora, {"tenant": "globex", "extension": "invoice-sync"},
         {"tenant": "nowhere", "extension": "invoice-sync"}),
        (cast.mallory, {"tenant": None, "extension": "invoice-sync"},
         {"tenant": None, "extension": "nothing"}),
    ]  # fmt: skip
    for user, real, unreal in pairs:
        there, missing = [
            await subscribe(stage, console, user, target=target) for target in (real, unreal)
        ]
        assert there == missing
        assert there[1] == 4404
        headers = await sync_to_async(console.headers)(user)
        async with httpx.AsyncClient(base_url=console.url, headers=headers) as http:
            token = (await http.get("/extensions/")).cookies["csrftoken"]
            http.cookies.clear()
            http.headers["Cookie"] = f"{headers['Cookie']}; csrftoken={token}"
            http.headers["X-CSRFToken"] = token
            answers: list[list[tuple[int, bytes, dict[str, str]]]] = []
            for target in (real, unreal):
                given = {f"{name}Id": value for name, value in target.items() if value}
                replies = [
                    await http.get("/api/ext-debug/stream", params=given),
                    await http.post("/api/ext-debug/stream", json=given),
                ]
                if target["tenant"]:
                    asked = {**target, "reason": "let me in", "minutes": 10}
                    replies.append(await http.post("/api/ext-debug/grants", json=asked))
                answers.append([(r.status_code, r.content, _headers(r)) for r in replies])
            assert answers[0] == answers[1]
            assert {status for status, _, _ in answers[0]} <= {403, 404}
            pages = [
                await http.get(f"/extensions/{target['extension']}/debug")
                for target in (real, unreal)
            ]
            if user is cast.mallory:
                assert pages[0].status_code == pages[1].status_code == 404
                assert _unsigned(pages[0]) == _unsigned(pages[1])


def _headers(response: httpx.Response) -> dict[str, str]:
    """What a header may tell; dates and nonces differ anyway."""
    varying = ("date", "set-cookie", "content-security-policy", "x-request-id")
    return {name: value for name, value in response.headers.items() if name not in varying}


def _unsigned(response: httpx.Response) -> str:
    """A page without what is random in every one: the CSRF token and the nonce."""
    return re.sub(r'(value|nonce|content)="[A-Za-z0-9_/+=-]{20,}"', "", response.text)


async def test_somebody_elses_session_cannot_be_gone_on_with(
    stage: Stage, console: Console
) -> None:
    theirs = await stage.watcher(console, user=stage.cast.alice)
    frames, code = await subscribe(stage, console, stage.cast.dan, resume=theirs.session)
    missing, _ = await subscribe(stage, console, stage.cast.dan, resume="0" * 8)
    ready, other = json.loads(frames[0]), json.loads(missing[0])
    assert code is None
    assert ready["session"] != theirs.session
    assert not ready["resumed"]
    assert not other["resumed"]
    await theirs.pong()


async def test_a_session_past_its_time_is_a_new_opening(stage: Stage, console: Console) -> None:
    watcher = await stage.watcher(console)
    session = watcher.session
    await sync_to_async(DebugSession.objects.filter(pk=str(session)).update)(
        expires_at=timezone.now()
    )
    frames, _ = await subscribe(stage, console, stage.cast.dan, resume=session)
    ready = json.loads(frames[0])
    assert ready["session"] != session
    assert not ready["resumed"]


# --- what may not reach a key, a pattern or a header ---------------------------------------------


async def test_no_id_reaches_a_pattern_a_path_or_a_header(stage: Stage, console: Console) -> None:
    headers = await sync_to_async(console.headers)(stage.cast.olivia)
    async with httpx.AsyncClient(base_url=console.url, headers=headers) as http:
        for bad in BAD_IDS:
            for target in ({"tenant": bad, "extension": "invoice-sync"},
                           {"tenant": "acme", "extension": bad}):  # fmt: skip
                if target["tenant"] in ("", "-"):
                    continue  # infer it, and the one-part key: both are meant
                async with dial(stage, console, stage.cast.olivia) as socket:
                    await socket.send(json.dumps({"type": "subscribe", "target": target}))
                    frames, code = await answer(socket)
                assert code in (4400, 4404), (bad, frames)
                got = await http.get(
                    "/api/ext-debug/stream",
                    params={"tenantId": target["tenant"], "extensionId": target["extension"]},
                )
                assert got.status_code in (400, 404), (bad, got.status_code)
                assert "x" not in {name.lower() for name in got.headers}
    assert await DebugSession.objects.acount() == 0


async def test_no_cursor_but_a_cursor_is_taken(stage: Stage, console: Console) -> None:
    headers = await sync_to_async(console.headers)(stage.cast.dan)
    async with httpx.AsyncClient(base_url=console.url, headers=headers) as http:
        for bad in BAD_CURSORS:
            frames, code = await subscribe(
                stage, console, stage.cast.dan, **{"from": {"cursor": bad}}
            )
            assert code == 4400, (bad, frames)
            given = {"extensionId": "invoice-sync", "tenantId": "acme", "lastEventId": bad}
            if bad == "1-1~x":
                continue  # over HTTP that is a cursor with the name of a session
            got = await http.get("/api/ext-debug/stream", params=given)
            assert got.status_code == 400, (bad, got.status_code)
    assert await DebugSession.objects.acount() == 0


async def test_a_forged_cursor_costs_its_owner_a_notice_and_nobody_anything(
    stage: Stage, console: Console, redis_server: RedisServer
) -> None:
    writer = stage.writer(redis_server.port)
    await asyncio.to_thread(writer.write, 20)
    top = "18446744073709551615-18446744073709551615"
    for place in (top, f"{top}.18446744073709551615", f"{top}.3", "5-5.18446744073709551615"):
        async with dial(stage, console, stage.cast.dan) as socket:
            start = {"type": "subscribe", "target": TARGET, "from": {"cursor": place}}
            await socket.send(json.dumps(start))
            await answer(socket)
            kinds: list[str] = []
            shown = 0
            async with asyncio.timeout(10):
                while shown < 20:
                    frame = json.loads(await socket.recv())
                    kinds.append(frame.get("reason", frame["type"]))
                    shown += len(frame.get("events", ()))
            assert "reset" in kinds, place
    quiet = await stage.watcher(console, user=stage.cast.alice)
    await asyncio.to_thread(writer.write, 5)
    await stage.settle(quiet, writer=writer)
    assert quiet.gaps == []


# --- a runner gone bad ---------------------------------------------------------------------------


async def test_a_wiped_stream_is_an_exact_gap(
    stage: Stage, console: Console, redis_server: RedisServer
) -> None:
    watcher = await stage.watcher(console)
    writer = stage.writer(redis_server.port)
    await asyncio.to_thread(writer.write, 30)
    await stage.settle(writer=writer)
    writer.maxlen = 0
    with redis_server.client() as client:
        client.xadd(writer.key, writer.entry(0) | {"n": "", "src": ""}, maxlen=0, approximate=False)
    writer.maxlen = 1000
    await watcher.until(lambda: watcher.gaps or len(watcher.shown) > 30, what="told")
    await asyncio.to_thread(writer.write, 3)
    await stage.settle(writer=writer)
    assert sum(gap.missed or 0 for gap in watcher.gaps) <= 1
    assert len([item for item in watcher.shown if item.n]) == 33


async def test_an_id_of_the_year_2100_stops_its_own_stream_only_until_it_is_deleted(
    stage: Stage, console: Console, redis_server: RedisServer
) -> None:
    watcher = await stage.watcher(console)
    other = await stage.watcher(console, user=stage.cast.greta, target=("globex", "invoice-sync"))
    writer = stage.writer(redis_server.port)
    theirs = stage.writer(redis_server.port, src="g", tenant="globex", install="inst-globex")
    await asyncio.to_thread(writer.write, 3)
    await stage.settle(watcher, writer=writer)
    await asyncio.to_thread(writer.write, 1, ids=["4102444800000-0"])
    await watcher.until(lambda: watcher.state == "degraded", what="quarantined")
    assert "future" in watcher.message
    await asyncio.to_thread(theirs.write, 3)
    await stage.settle(other, writer=theirs)
    with redis_server.client() as client:
        client.delete(writer.key)
    await asyncio.to_thread(writer.write, 3)
    await stage.settle(watcher, writer=writer, within=20)
    assert any(gap.reason == "reset" for gap in watcher.gaps)


# --- too much, too slow --------------------------------------------------------------------------


async def test_a_flood_of_frames_ends_its_own_session_only(stage: Stage, console: Console) -> None:
    other = await stage.watcher(console, user=stage.cast.alice)
    for flood in ('{"type":"ping"}', "{", "x" * 20_000, '{"type":"ack","seq":999}'):
        async with dial(stage, console, stage.cast.dan) as socket:
            await socket.send(json.dumps({"type": "subscribe", "target": TARGET}))
            await answer(socket)
            with contextlib.suppress(ConnectionClosed):
                for _ in range(400):
                    await socket.send(flood)
            frames, code = await answer(socket)
            assert code == 4400, (flood[:20], code, frames[-1:])
            assert json.loads(frames[-1])["reason"] in ("too_fast", "broken_client")
        await other.pong()
    async with dial(stage, console, stage.cast.dan) as socket:
        await socket.send("x" * 100_000)
        assert (await answer(socket))[1] in (1009, 1006, None, 4400)
    await other.pong()


async def test_frames_in_fragments_are_read(stage: Stage, console: Console) -> None:
    async with dial(stage, console, stage.cast.dan) as socket:
        text = json.dumps({"type": "subscribe", "target": TARGET})
        await socket.send(character for character in text)
        frames, code = await answer(socket)
        assert code is None
        assert json.loads(frames[0])["type"] == "ready"


async def test_who_says_nothing_for_five_seconds_is_sent_away(
    stage: Stage, console: Console
) -> None:
    async with (
        dial(stage, console, stage.cast.dan) as silent,
        dial(stage, console, stage.cast.dan) as wrong,
    ):
        began = time.monotonic()
        await wrong.send('{"type":"ping"}')
        assert (await answer(wrong))[1] == 4400
        assert time.monotonic() - began < 4
        frames, code = await answer(silent)
        assert code == 4400
        assert json.loads(frames[-1])["type"] == "closing"
        assert 4 < time.monotonic() - began < 12


async def test_one_person_cannot_take_every_place(stage: Stage, console: Console) -> None:
    async with contextlib.AsyncExitStack() as lease:
        for _ in range(5):
            socket = await lease.enter_async_context(dial(stage, console, stage.cast.dan))
            await socket.send(json.dumps({"type": "subscribe", "target": TARGET}))
            assert (await answer(socket))[1] is None
        frames, code = await subscribe(stage, console, stage.cast.dan)
        closing = json.loads(frames[-1])
        assert code == 4429
        assert closing["retry"] > 0
        assert not closing["final"]
        assert (await subscribe(stage, console, stage.cast.alice))[1] is None, "others still may"
        codes = [(await subscribe(stage, console, stage.cast.dan))[1] for _ in range(25)]
        assert set(codes) == {4429}, "nor knock without end"


async def test_a_token_has_no_place_in_an_address(stage: Stage, console: Console) -> None:
    headers = await sync_to_async(console.headers)(stage.cast.dan)
    async with httpx.AsyncClient(base_url=console.url, headers=headers) as http:
        for name in ("token", "access_token", "authorization"):
            given = {"extensionId": "invoice-sync", "tenantId": "acme", name: "secret-in-a-url"}
            answer = await http.get("/api/ext-debug/stream", params=given)
            assert answer.status_code == 400
            assert "secret-in-a-url" not in answer.text
    assert "secret-in-a-url" not in console.log
