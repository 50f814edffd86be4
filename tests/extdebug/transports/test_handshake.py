"""Before a session: who connects, and how many may wait without a word."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from extdebug.demo.sample import Cast
from extdebug.protocol import client_frames
from extdebug.sessions.close_reasons import UNAUTHENTICATED, OpeningRefused
from extdebug.transports.handshake import Lobby, client_ip, find_viewer, session_key_of
from policies import access
from tests.fixtures.console import session_key


@pytest.mark.parametrize(
    ("cookies", "key"),
    [
        ([], ""),
        ([b"sessionid=x"], "x"),
        ([b"a=b; sessionid=x; c"], "x"),
        ([b"a=b", b"sessionid=x"], "x"),
        ([b"other=x"], ""),
        ([b"\xff=1; sessionid=x"], "x"),
    ],
)
def test_the_sign_in_is_found_in_the_cookies(cookies: list[bytes], key: str):
    headers = [(b"host", b"h"), *((b"Cookie", cookie) for cookie in cookies)]

    assert session_key_of({"headers": headers}) == key


@pytest.mark.parametrize(
    ("scope", "ip"),
    [
        ({}, ""),
        ({"client": None}, ""),
        ({"client": ("::1", 5)}, "::1"),
        ({"client": ("x" * 99, 5)}, "x" * 45),
    ],
)
def test_an_address_is_short_or_empty(scope: dict[str, Any], ip: str):
    assert client_ip(scope) == ip


def subscribe(*, tenant: str | None = "acme", ticket: str | None = None) -> client_frames.Subscribe:
    target = client_frames.TargetSpec(extension="invoice-sync", tenant=tenant)
    return client_frames.Subscribe(target=target, ticket=ticket)


def signed_in(key: str, query: bytes = b"") -> dict[str, Any]:
    headers = [(b"cookie", b"sessionid=" + key.encode())]
    return {"headers": headers, "query_string": query, "client": ("127.0.0.1", 1)}


@pytest.mark.django_db(transaction=True)
async def test_a_cookie_says_who_it_is(cast: Cast):
    key = await sync_to_async(session_key)(cast.dan)
    viewer = await find_viewer(signed_in(key), subscribe())

    assert (viewer.username, viewer.transport, viewer.ip) == ("dan", "ws", "127.0.0.1")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("key", ["", "no-such-session"])
async def test_nobody_is_refused(cast: Cast, key: str):
    with pytest.raises(OpeningRefused) as caught:
        await find_viewer(signed_in(key), subscribe())
    assert caught.value.end is UNAUTHENTICATED


@pytest.mark.django_db(transaction=True)
async def test_a_ticket_is_good_once_and_for_its_target(cast: Cast):
    def issue() -> str:
        viewer = access.viewer_of(cast.dan, transport="ws")
        return access.issue_ticket(viewer, tenant="acme", extension="invoice-sync")

    in_frame, in_query, elsewhere = [await sync_to_async(issue)() for _ in range(3)]
    found = await find_viewer({}, subscribe(ticket=in_frame))
    assert found.username == "dan"
    found = await find_viewer({"query_string": b"ticket=" + in_query.encode()}, subscribe())
    assert found.username == "dan"
    for message in (
        subscribe(ticket=in_frame),
        subscribe(ticket=elsewhere, tenant="globex"),
        subscribe(ticket="made-up"),
    ):
        with pytest.raises(OpeningRefused):
            await find_viewer({}, message)


async def test_the_connection_that_waits_longest_goes_when_too_many_wait():
    lobby = Lobby(most=5, most_each=2)
    gone: list[str] = []

    async def wait(name: str, address: str) -> None:
        try:
            async with asyncio.timeout(30) as patience:
                with lobby.waiting(address, patience):
                    await asyncio.Event().wait()
        except TimeoutError:
            gone.append(name)

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        tasks = []
        for number in range(4):
            tasks.append(group.create_task(wait(f"a{number}", "a")))
            await asyncio.sleep(0)
        for number in range(4):
            tasks.append(group.create_task(wait(f"other{number}", f"o{number}")))
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        assert gone == ["a0", "a1", "a2"], "two of their own, then the oldest of all"
        assert len(lobby) == 5
        for task in tasks:
            task.cancel()
    assert len(lobby) == 0
