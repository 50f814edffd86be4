"""The time line on a running console: what the page asks for is what the server gives."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from extdebug.demo.sample import Cast
from tests.extdebug.test_live import KEY, entry
from tests.fixtures.console import Console, session_key
from tests.fixtures.redis import RedisServer

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

LINES = 600  # one a second
KEPT = "wanted => document.querySelector('#kept').textContent.startsWith(wanted)"
KEPT_LESS = "() => parseInt(document.querySelector('#kept').textContent) < 200"


async def test_a_range_is_brushed_played_read_on_and_left(
    live_console: Callable[..., Console], redis_server: RedisServer, cast: Cast, browser: Any
) -> None:
    console = await sync_to_async(live_console)(redis_url=redis_server.url)
    began = int(time.time() * 1000) - (LINES + 5) * 1000
    with redis_server.client() as client:
        for n in range(LINES):
            at = began + n * 1000
            client.xadd(KEY, entry(f"line {n:03}", ts=str(at)), id=f"{at}-0")
        context = await browser.new_context(viewport={"width": 1400, "height": 900})
        key = await sync_to_async(session_key)(cast.dan)
        await context.add_cookies([{"name": "sessionid", "value": key, "url": console.url}])
        page = await context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: said.type == "error" and errors.append(said.text))
        await page.goto(f"{console.url}/extensions/invoice-sync/debug?tenant=acme")

        async def state(name: str) -> None:
            await page.wait_for_selector(f"#state[data-state={name}]", timeout=30_000)

        async def shown() -> list[str]:
            texts: list[str] = await page.locator("#lines .msg").all_inner_texts()
            return texts

        await state("live")
        await page.wait_for_function(
            "() => document.querySelector('#time-bars').ariaLabel.includes('600 lines')",
            timeout=30_000,
        )
        box = await page.locator("#time-track").bounding_box()
        await page.mouse.move(box["x"] + box["width"] * 0.30, box["y"] + 10)
        await page.mouse.down()
        await page.mouse.move(box["x"] + box["width"] * 0.36, box["y"] + 10, steps=3)
        await page.mouse.up()
        await state("end_of_range")
        await page.wait_for_selector("#lines .line")
        first = (await shown())[0]
        assert "line 150" < first < "line 210"
        await page.wait_for_function(KEPT_LESS)
        kept = await page.inner_text("#kept")
        await page.select_option("#speed", "16")
        await page.click("#play")
        await state("playing")
        await state("end_of_range")
        await page.wait_for_function(KEPT, arg=kept)  # what is played is what the range holds
        await page.click("#read-on")
        await state("live")
        # What was played is followed, and what comes after it too: clicking Follow would end that.
        await page.wait_for_function(
            "() => document.querySelector('#lines').textContent.includes('line 599')"
        )
        assert await page.get_attribute("#follow", "aria-pressed") == "true"
        left = LINES - int(first.removeprefix("line "))
        await page.wait_for_function(KEPT, arg=f"{left} lines")
        await page.click("#to-live")
        client.xadd(KEY, entry("fresh"))
        await page.wait_for_function(
            "() => document.querySelector('#lines').textContent.includes('fresh')"
        )
        await context.close()
    assert errors == []
