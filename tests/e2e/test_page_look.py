"""The look of the page: readable in both themes, usable at 400 px and by keyboard, strict CSP."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.e2e.conftest import ConsoleTab
from tests.e2e.protocol_server import ROOT, Fake

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

STATIC = ROOT / "extdebug" / "static" / "extdebug"
TOKENS = (STATIC / "tokens.css").read_text()
# ink -> the grounds it stands on, as the style sheets use them
PAIRS = {
    "ink": [
        "ground",
        "panel",
        "sunken",
        "hover",
        "current",
        "warn-wash",
        "error-wash",
        "accent-wash",
    ],
    "muted": ["ground", "panel", "sunken", "hover", "current", "warn-wash", "error-wash"],
    "accent": ["ground", "panel", "accent-wash", "hover", "warn-wash", "error-wash", "current"],
    "accent-ink": ["accent"],
    "good": ["panel", "good-wash", "ground"],
    "info": ["panel", "ground", "hover", "current"],
    "debug": ["panel", "hover", "current"],
    "trace": ["panel", "hover"],
    "warn": ["panel", "warn-wash", "hover"],
    "error": ["panel", "error-wash", "hover", "ground"],
    "stderr": ["panel", "error-wash", "hover", "current"],
    "production-ink": ["production"],
    "break-glass-ink": ["break-glass", "break-glass-2"],
    "mark-ink": ["mark-1", "mark-2", "mark-3", "mark-4", "mark-5", "found"],
    **{f"sgr-{n}": ["panel", "hover", "error-wash"] for n in range(8)},
    **{f"flow-{n}": ["panel", "hover", "warn-wash", "error-wash"] for n in range(1, 9)},
}
LEAST = 4.5


def palette(theme: int) -> dict[str, str]:
    """The colours of one theme: 0 light, 1 dark."""
    found = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", TOKENS)
    return {name: both[theme] for name, *both in found}


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
async def test_every_text_colour_has_enough_contrast(theme: int) -> None:
    colours = palette(theme)
    poor = []
    for ink, grounds in PAIRS.items():
        for ground in grounds:
            a, b = luminance(colours[ink]), luminance(colours[ground])
            ratio = (max(a, b) + 0.05) / (min(a, b) + 0.05)
            if ratio < LEAST:
                poor.append(f"{ink} on {ground}: {ratio:.2f}")
    assert poor == []


async def test_no_module_writes_markup_or_evaluates_text() -> None:
    """Text enters the page as text: no sink for markup or code in any module or template."""
    sinks = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|"
        r"createContextualFragment|srcdoc|setHTML|DOMParser"
    )
    for path in STATIC.glob("*.js"):
        assert not sinks.search(path.read_text()), path.name
    inline = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:")
    for path in (ROOT / "templates").rglob("*.html"):
        if "admin" not in path.parts:
            assert not inline.search(path.read_text()), path.name


async def test_the_theme_follows_the_system_and_the_button_overrides_and_is_kept(
    chromium: Any, fake: Fake
) -> None:
    context = await chromium.new_context(color_scheme="dark")
    tab = await ConsoleTab(await context.new_page(), fake).open()
    ground = "() => getComputedStyle(document.body).backgroundColor"
    dark = await tab.script(ground)
    await tab.page.click("#theme")
    light = await tab.script(ground)
    assert light != dark
    await tab.page.reload()
    assert await tab.script(ground) == light
    await tab.page.click("#theme")
    assert await tab.page.get_attribute("#theme", "aria-label") == "Theme: dark"
    await tab.page.emulate_media(color_scheme="light")
    assert await tab.script(ground) == dark  # chosen by name, whatever the system is now
    await tab.page.emulate_media(color_scheme="dark")
    await tab.page.click("#theme")
    assert await tab.page.get_attribute("#theme", "aria-label") == "Theme: as the system"
    await tab.page.reload()
    assert await tab.script(ground) == dark
    await tab.page.emulate_media(color_scheme="light")
    assert await tab.script(ground) == light
    assert tab.errors == []
    await context.close()


@pytest.mark.parametrize("width", [400, 768, 1400])
async def test_nothing_overflows_sideways(chromium: Any, fake: Fake, width: int) -> None:
    context = await chromium.new_context(viewport={"width": width, "height": 800})
    tab = await ConsoleTab(await context.new_page(), fake).open()
    await fake.events(
        fake.event("x" * 3000, fields={"k" * 60: "v" * 200}),
        fake.event("words " * 200, stream="stderr", requestId="r" * 128),
    )
    await fake.gap("producer", 3, detail="d" * 300)
    await tab.sees("lost at the runner")
    assert await tab.script("() => document.documentElement.scrollWidth") <= width
    sideways = (
        "() => { const n = document.querySelector('#lines'); return n.scrollWidth - n.clientWidth }"
    )
    assert await tab.script(sideways) <= 0
    await tab.page.evaluate("() => document.querySelector('.line').click()")
    await tab.page.wait_for_selector(".detail")
    assert await tab.script(sideways) <= 0
    await context.close()


async def test_every_control_has_a_name_and_text_fields_have_labels(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.events(fake.event())
    await fake.gap("not_consumed", 3, after="1-0", before="2-0")
    await tab.sees("3 lines skipped")
    nameless = await tab.script(
        """() => [...document.querySelectorAll('button, a, input, select, textarea, summary')]
        .filter(n => n.checkVisibility())
        .filter(n => !(n.textContent.trim() || n.getAttribute('aria-label') || n.labels?.length
          || n.getAttribute('aria-labelledby')))
        .map(n => n.outerHTML.slice(0, 120))"""
    )
    assert nameless == []


async def test_the_help_lists_what_the_keys_do_and_what_the_runner_needs(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await tab.page.keyboard.press("?")
    await tab.page.wait_for_selector("#help-dialog[open]")
    words = await tab.page.inner_text("#help-dialog")
    for part in (
        "getContext().requestId",
        "x-request-id",
        "logInfo(",
        "Never log secrets",
        "RUNNER_DEBUG_REDIS_URL",
        "RUNNER_DEBUG_REDIS_STREAM_PREFIX",
        "RUNNER_DEBUG_REDIS_MAXLEN",
        "RUNNER_DEBUG_MAX_EVENT_BYTES",
        "+xadd +xlen",
        "all runner replicas come together here",
        "pause and resume",
    ):
        assert part in words, part
    await tab.page.keyboard.press("Escape")
    await tab.page.wait_for_selector("#help-dialog[open]", state="detached")


async def test_times_read_as_local_utc_age_and_difference(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    first = fake.event("first", ms=1_795_000_000_123)
    await fake.events(first, fake.event("second", ms=1_795_000_000_373))
    await tab.sees("second")
    time = tab.page.locator(".line time").last
    shown = [await time.inner_text()]
    for _ in range(3):
        await tab.page.keyboard.press("t")
        await tab.page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        shown.append(await time.inner_text())
    assert shown[0] == shown[1].removesuffix("Z")  # the test's browser is in UTC
    assert shown[2].endswith("ago")
    assert shown[3] == "+250 ms"


async def test_templates_link_style_sheets_that_exist_and_all_of_them() -> None:
    named = {name for text in templates() for name in re.findall(r"'extdebug/([\w.-]+)'", text)}
    assert named - {path.name for path in STATIC.iterdir()} == set()
    assert {path.name for path in STATIC.glob("*.css")} - named == set()


def templates() -> list[str]:
    return [path.read_text() for path in (ROOT / "templates").rglob("*.html")]
