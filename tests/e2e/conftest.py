"""Fixtures of the page's tests: `fake` (a server to drive), `tab` (the page open on it)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest_asyncio

from tests.e2e.protocol_server import Fake


@pytest_asyncio.fixture(loop_scope="session")
async def fake() -> AsyncIterator[Fake]:
    """A fake server of this test's own."""
    server = Fake()
    await server.start()
    yield server
    await server.stop()


class ConsoleTab:
    """The console page in a browser tab. `errors`: what the browser complained of."""

    def __init__(self, page: Any, fake: Fake) -> None:
        self.page = page
        self.fake = fake
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: said.type == "error" and self.errors.append(said.text))

    async def open(self, query: str = "", *, state: str | None = "live") -> ConsoleTab:
        await self.page.goto(self.fake.url(query))
        if state:
            await self.state(state)
        return self

    async def state(self, name: str, timeout: float = 10_000) -> None:
        await self.page.wait_for_selector(f"#state[data-state={name}]", timeout=timeout)

    async def sees(self, text: str) -> None:
        await self.page.wait_for_function(
            "text => document.querySelector('#lines').textContent.includes(text)", arg=text
        )

    async def messages(self) -> list[str]:
        texts: list[str] = await self.page.locator("#lines .msg").all_inner_texts()
        return texts

    async def says(self, selector: str, text: str) -> None:
        """Wait until what is visible at `selector` contains `text`."""
        await self.page.wait_for_function(
            "([s, t]) => [...document.querySelectorAll(s)].some("
            "n => n.checkVisibility() && n.textContent.includes(t))",
            arg=[selector, text],
        )

    async def rests(self, selector: str = "#lines") -> None:
        """Wait until what scrolls there stands still: wheel and keys move it over many frames."""
        await self.page.wait_for_function(
            """selector => {
            const { scrollTop } = document.querySelector(selector);
            const stood = window.stood?.selector === selector && window.stood.at === scrollTop;
            window.stood = { selector, at: scrollTop, frames: stood ? window.stood.frames + 1 : 0 };
            return window.stood.frames >= 10;
            }""",
            arg=selector,
            polling="raf",
        )

    async def script(self, source: str, argument: Any = None) -> Any:
        return await self.page.evaluate(source, argument)


@pytest_asyncio.fixture(loop_scope="session")
async def tab(chromium: Any, fake: Fake) -> AsyncIterator[ConsoleTab]:
    """A page that is not opened yet. It must not have complained when the test ends."""
    context = await chromium.new_context(viewport={"width": 1400, "height": 900}, timezone_id="UTC")
    made = ConsoleTab(await context.new_page(), fake)
    yield made
    errors = [error for error in made.errors if "ERR_CONNECTION_REFUSED" not in error]
    await context.close()
    assert errors == []


async def until(condition: Callable[[], Any], *, seconds: float = 10, what: str = "") -> Any:
    """Poll until `condition()` is true, and return it."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (value := condition()):
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {seconds} s: {what or condition}")
        await asyncio.sleep(0.01)
    return value
