"""The page on the real console: sign in, open, see a line, and lose sight of it when signed out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from extdebug.demo.sample import Cast
from tests.e2e.conftest import ConsoleTab
from tests.e2e.protocol_server import Fake
from tests.fixtures.cast import PASSWORD
from tests.fixtures.console import Console
from tests.fixtures.redis import RedisServer

pytestmark = [
    pytest.mark.chromium,
    pytest.mark.redis,
    pytest.mark.asyncio(loop_scope="session"),
]


class Visit(ConsoleTab):
    """A person's browser on the real console."""

    async def sign_in(self, console: Console, name: str, path: str) -> None:
        await self.page.goto(console.url + path)
        await self.page.fill("input[name=username]", name)
        await self.page.fill("input[name=password]", PASSWORD)
        await self.page.click("form.stack button")
        await self.page.wait_for_load_state()


def append(redis: RedisServer, message: str, *, level: str = "info") -> None:
    """One event on the stream of acme's invoice-sync, as a runner writes it."""
    event = {
        "ts": str(int(time.time() * 1000)),
        "level": level,
        "stream": "log",
        "tenant": "acme",
        "extension": "invoice-sync",
        "install": "inst-acme",
        "request": "req-1",
        "message": message,
    }
    with redis.client() as client:
        client.xadd("ext-debug:acme:invoice-sync", dict(event))


async def test_from_the_sign_in_to_a_line_and_out(
    chromium: Any,
    live_console: Callable[..., Console],
    redis_server: RedisServer,
    cast: Cast,
) -> None:
    console = await sync_to_async(live_console)(redis_url=redis_server.url)
    await sync_to_async(append)(redis_server, "printed before the page was opened")
    context = await chromium.new_context()
    visit = Visit(await context.new_page(), Fake())
    await visit.sign_in(console, "dan", "/extensions/")
    await visit.page.click("li:has-text('acme') >> text=Debug console")
    await visit.state("live")
    await visit.sees("printed before the page was opened")
    await sync_to_async(append)(redis_server, "printed while it was open")
    await visit.sees("printed while it was open")
    await visit.says("#ledger", "2 shown")

    await visit.page.fill("#q", "level>=error")
    await visit.page.wait_for_function("() => document.querySelectorAll('.line').length === 0")
    await sync_to_async(append)(redis_server, "of no interest now")
    await sync_to_async(append)(redis_server, "an error", level="error")
    await visit.sees("an error")
    assert await visit.messages() == ["an error"]
    await visit.says("#hidden-lines", "1 line matches; the filter hides")
    await visit.page.click("#hidden-lines button")
    await visit.says("#hidden-lines .msg", "of no interest now")
    await visit.says("#hidden-lines .hidden-by", "level>=error")
    await visit.page.click("#hidden-lines [data-does=close]")
    await visit.page.click("#lines .line .msg")
    await visit.page.click("[data-act=context]")  # what stood before the error, whatever is hidden
    await visit.says("#context-lines", "of no interest now")
    await visit.says("#context-lines .line.linked", "an error")
    await visit.page.click("#context-close")
    await visit.page.wait_for_selector("#context", state="hidden")
    await visit.sees("an error")
    assert await visit.messages() == ["an error"]
    await visit.page.fill("#q", "level>=")
    await visit.page.press("#q", "Enter")  # by itself the page sends no half of a term
    await visit.page.wait_for_selector("#q-error:not([hidden])")
    await visit.page.fill("#q", "")
    await visit.sees("of no interest now")

    other = await context.new_page()
    await other.goto(f"{console.url}/extensions/")
    await other.click("text=Sign out")
    await visit.state("closed")
    await visit.says("#closed-card", "Sign in")
    assert visit.errors == []
    await context.close()


async def test_a_link_to_a_line_stands_on_it_and_says_when_it_is_gone(
    chromium: Any,
    live_console: Callable[..., Console],
    redis_server: RedisServer,
    cast: Cast,
) -> None:
    console = await sync_to_async(live_console)(redis_url=redis_server.url)
    for n in range(400):
        await sync_to_async(append)(redis_server, f"line {n:03}")
    key = "ext-debug:acme:invoice-sync"
    with redis_server.client() as client:
        linked = client.xrange(key)[200][0].decode()
    context = await chromium.new_context()
    visit = Visit(await context.new_page(), Fake())
    await visit.sign_in(console, "dan", "/extensions/")
    page = f"{console.url}/extensions/invoice-sync/debug?tenant=acme"
    await visit.page.goto(f"{page}#{linked}")
    await visit.page.wait_for_selector(".line.linked:has-text('line 200')")
    await visit.sees("line 190")
    for n in range(60):
        await sync_to_async(append)(redis_server, f"later {n}")
    await visit.says("#to-end", "new line")
    await visit.page.wait_for_function(
        """() => { const port = document.querySelector('#lines').getBoundingClientRect();
        const box = document.querySelector('.line.linked').getBoundingClientRect();
        return box.top >= port.top + 100 && box.bottom <= port.bottom - 100 }"""
    )
    with redis_server.client() as client:
        client.xtrim(key, minid=f"{int(linked.split('-')[0]) + 1}-0", approximate=False)
    await visit.page.goto("about:blank")
    await visit.page.goto(f"{page}#{linked}")
    await visit.sees("has left the stream")
    assert visit.errors == []
    await context.close()


async def test_an_outsider_finds_neither_the_list_entry_nor_the_page(
    chromium: Any,
    live_console: Callable[..., Console],
    redis_server: RedisServer,
    cast: Cast,
) -> None:
    console = await sync_to_async(live_console)(redis_url=redis_server.url)
    context = await chromium.new_context()
    visit = Visit(await context.new_page(), Fake())
    await visit.sign_in(console, "mallory", "/extensions/")
    await visit.says(".nothing", "Nothing to debug yet")
    answer = await visit.page.goto(f"{console.url}/extensions/invoice-sync/debug")
    unknown = await visit.page.goto(f"{console.url}/extensions/no-such-thing/debug")
    assert (answer.status, unknown.status) == (404, 404)
    await context.close()


async def test_production_explains_itself_and_takes_a_request(
    chromium: Any,
    live_console: Callable[..., Console],
    redis_server: RedisServer,
    cast: Cast,
) -> None:
    console = await sync_to_async(live_console)(
        redis_url=redis_server.url,
        EXT_DEBUG_ENVIRONMENT="production",
        EXT_DEBUG_UI_ENABLED="1",
        HTTPS_ONLY="0",
    )
    context = await chromium.new_context()
    visit = Visit(await context.new_page(), Fake())
    await visit.sign_in(console, "dan", "/extensions/invoice-sync/debug?tenant=acme")
    await visit.state("denied")
    await visit.page.wait_for_selector(".checks .no")
    await visit.page.fill("textarea[name=reason]", "Invoices stuck since noon")
    await visit.page.fill("input[name=ticket]", "SUP-7")
    await visit.page.click("form.request-access button")
    await visit.says(".own-request", "can answer it")
    assert visit.errors == []
    await context.close()
