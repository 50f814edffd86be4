"""A line among all lines around it: over the results, which come back as they were."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.e2e.conftest import ConsoleTab, until
from tests.e2e.protocol_server import Fake

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

Json = dict[str, Any]


def order(id: str | None, missing: tuple[float, int]) -> tuple[float, int]:
    if not id:
        return missing
    ms, seq = id.split("-")
    return int(ms), int(seq)


def answering(fake: Fake, stream: list[Json]) -> Callable[[Json], Awaitable[None] | None]:
    """Answers `fetch` from `stream` as the console does: by its own filter, or with all lines."""

    def answer(frame: Json) -> Awaitable[None] | None:
        if frame["type"] != "fetch":
            return None
        after = order(frame["after"], (-1, 0))
        before = order(frame["before"], (float("inf"), 0))
        level = frame.get("filter", {}).get("level", "error")
        found = [
            event
            for event in stream
            if after < order(event["id"], (0, 0)) < before and level in (None, event["level"])
        ]
        page, rest = found[: frame["limit"]], found[frame["limit"] :]
        cursor = page[-1]["id"] if page else frame["after"]
        return fake.send(
            {"type": "page", "id": frame["id"], "cursor": cursor, "done": not rest, "events": page}
        )

    return answer


async def errors_only(fake: Fake, tab: ConsoleTab) -> list[Json]:
    """A page that shows the errors among 300 lines: lines 100 and 200."""
    await tab.open("?level=error")
    stream = [
        fake.event(f"line {n}", level="error" if n in (100, 200) else "info") for n in range(300)
    ]
    fake.on_message = answering(fake, stream)
    await fake.events(*[event for event in stream if event["level"] == "error"])
    await tab.sees("line 200")
    return stream


async def test_what_stood_around_an_error_and_back_to_the_results(
    fake: Fake, tab: ConsoleTab
) -> None:
    await errors_only(fake, tab)
    await tab.page.click("#lines .line >> nth=0")
    await tab.page.click("[data-act=context]")
    await tab.page.wait_for_selector("#context-lines .line.linked:has-text('line 100')")
    await among(tab, "line 99", "line 101")
    port = await tab.page.locator("#context-lines").bounding_box()
    line = await tab.page.locator("#context-lines .line.linked").bounding_box()
    assert port["y"] + port["height"] * 0.2 < line["y"] < port["y"] + port["height"] * 0.8
    await fake.events(fake.event("line 300", level="error"))  # the results go on below
    await tab.page.keyboard.press("Escape")
    await tab.page.wait_for_selector("#context", state="hidden")
    await tab.sees("line 300")
    assert await tab.messages() == ["line 100", "line 200", "line 300"]
    assert "level=error" in tab.page.url
    focused = await tab.script("document.activeElement.querySelector('.msg').textContent")
    assert focused == "line 100"


async def among(tab: ConsoleTab, *texts: str) -> None:
    for text in texts:
        await tab.page.wait_for_selector(f"#context-lines .msg:text-is('{text}')")


async def test_older_and_newer_lines_until_there_are_no_more(fake: Fake, tab: ConsoleTab) -> None:
    await errors_only(fake, tab)
    await tab.page.click("#lines .line >> nth=1")
    await tab.page.keyboard.press("o")
    await among(tab, "line 199", "line 201")
    await tab.page.click("#context-older:enabled")
    await tab.says("#context-older", "No older lines")
    await tab.page.keyboard.press("g")
    await among(tab, "line 0")
    await tab.page.keyboard.press("G")
    await among(tab, "line 299")


async def test_a_known_loss_stands_between_the_lines(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open("?level=error")
    stream = [
        fake.event(f"line {n}", level="error" if n in (10, 20) else "info") for n in range(30)
    ]
    lost = stream[12:15]
    fake.on_message = answering(fake, [event for event in stream if event not in lost])
    await fake.events(stream[10])
    await fake.gap("producer", 3, after=stream[11]["id"], before=stream[15]["id"])
    await fake.events(stream[20])
    await tab.sees("line 20")
    await tab.page.click("#lines .line >> nth=1")
    await tab.page.keyboard.press("o")
    await among(tab, "line 11", "line 15")
    rows = await tab.page.locator("#context-lines .row").all_inner_texts()
    at = next(n for n, text in enumerate(rows) if "3 lines lost at the runner" in text)
    assert "line 11" in rows[at - 1]
    assert "line 15" in rows[at + 1]


async def test_without_a_connection_it_says_so(fake: Fake, tab: ConsoleTab) -> None:
    await errors_only(fake, tab)
    await tab.page.click("#connect")
    await tab.state("idle")
    await tab.page.click("#lines .line >> nth=1")
    await tab.page.keyboard.press("o")
    await tab.says("#toast", "Not connected")
    assert await tab.page.is_hidden("#context")
    assert await tab.messages() == ["line 100", "line 200"]


async def test_another_filter_closes_it(fake: Fake, tab: ConsoleTab) -> None:
    await errors_only(fake, tab)
    await tab.page.click("#lines .line >> nth=1")
    await tab.page.keyboard.press("o")
    await among(tab, "line 199")
    await tab.page.click("#context-lines .line.linked")
    await tab.page.click("#context-lines [data-act=request]")
    await tab.page.wait_for_selector("#context", state="hidden")
    frame = (await until(lambda: fake.of("filter")))[-1]
    assert frame["filter"]["request"] == "req-1"
