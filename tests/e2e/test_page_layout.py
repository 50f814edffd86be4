"""Every visible control is within reach at any width, and there is room for lines."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import ConsoleTab
from tests.e2e.protocol_server import START_MS, Fake, iso, page_config, tenant
from tests.e2e.real_filter import RealFilter

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

WIDTHS = [
    320,
    360,
    390,
    480,
    600,
    700,
    701,
    720,
    768,
    795,
    800,
    900,
    1024,
    1080,
    1081,
    1240,
    1241,
    1280,
    1600,
]

OUT_OF_REACH = """(within) => [...document.querySelectorAll(within)]
  .filter(n => n.checkVisibility() && !n.closest('#lines, .offscreen, .skip') && n.id !== 'lines')
  .map(n => {
    const box = n.getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    let out = box.left < 0 || box.top < 0;
    out ||= box.right > innerWidth + 1 || box.bottom > innerHeight + 1;
    // Something else over its middle, or an ancestor that clips it, hides it all the same.
    const hit = document.elementFromPoint(x, y);
    out ||= !hit || !(n.contains(hit) || hit.contains(n));
    return out ? `${n.id || n.className || n.textContent.slice(0, 20)} at ${x},${y}` : '';
  }).filter(Boolean)"""
CONTROLS = "button, a, input, select, textarea, summary"


async def busy(fake: Fake, tab: ConsoleTab) -> None:
    """The page with everything on it that can be: a grant, time to extend, tenants, filters."""
    fake.config = page_config(
        tenants=[
            tenant("a-tenant-with-a-long-name", "inst-one", "inst-two", environment="production"),
            tenant("globex", "inst-globex"),
        ]
    )
    until = iso(START_MS + 3_600_000)
    grant = {
        "id": 17, "label": "G-17", "until": until,
        "reason": "invoices stuck since noon", "breakGlass": False,
    }  # fmt: skip
    fake.ready_more = {"grant": grant, "environment": "production"}
    await tab.open(
        "?tenant=a-tenant-with-a-long-name&level=warn&q=timeout+-retry&request=" + "r" * 60
    )
    await fake.lines(200, requestId="0a1b2c3d-4e5f-6789-abcd-ef0123456789")
    await fake.status()
    await tab.sees("line 199")


@pytest.mark.parametrize("height", [900, 450])
async def test_every_visible_control_is_in_reach_at_any_width(
    fake: Fake, tab: ConsoleTab, height: int
) -> None:
    await tab.page.set_viewport_size({"width": 1600, "height": height})
    await busy(fake, tab)
    wrong: dict[Any, Any] = {}
    for width in WIDTHS:
        await tab.page.set_viewport_size({"width": width, "height": height})
        if found := await tab.script(OUT_OF_REACH, CONTROLS):
            wrong[width] = found
    assert wrong == {}


@pytest.mark.parametrize(
    "opened", ["#export", "#view-menu", "#from-menu", "#installs", "#find", "#highlight"]
)
async def test_what_is_opened_is_in_reach_too(fake: Fake, tab: ConsoleTab, opened: str) -> None:
    await tab.page.set_viewport_size({"width": 1600, "height": 640})
    await busy(fake, tab)
    wrong: dict[Any, Any] = {}
    for width in (320, 390, 600, 720, 1024, 1600):
        await tab.page.set_viewport_size({"width": width, "height": 640})
        fold = tab.page.locator("#filters-fold")
        if opened == "#installs" and await fold.is_visible():
            await fold.click()
        target = opened if opened in ("#find", "#highlight") else f"{opened} summary"
        await tab.page.click(target)
        inside = {"#find": "#find-bar *", "#highlight": "#highlight-bar *"}.get(
            opened, f"{opened} summary, {opened} .menu-body > *"
        )
        if found := await tab.script(OUT_OF_REACH, inside):
            wrong[width] = found
        await tab.page.keyboard.press("Escape")
        if opened == "#installs" and await fold.is_visible():
            await fold.click()
    assert wrong == {}


@pytest.mark.parametrize(("size", "least"), [((720, 450), 8), ((1024, 768), 20), ((390, 844), 8)])
async def test_there_is_room_for_lines(
    fake: Fake, tab: ConsoleTab, size: tuple[int, int], least: int
) -> None:
    await tab.page.set_viewport_size({"width": size[0], "height": size[1]})
    await busy(fake, tab)
    await tab.page.wait_for_function(
        """(least) => { const port = document.querySelector('#lines').getBoundingClientRect();
        const seen = [...document.querySelectorAll('.line')].map(n => n.getBoundingClientRect())
          .filter(box => box.top >= port.top - 1 && box.bottom <= port.bottom + 1);
        return seen.length >= least }""",
        arg=least,
        timeout=3000,
    )


CUT = """(within) => [...document.querySelectorAll(within)]
  .filter(n => n.checkVisibility() && n.scrollWidth > n.clientWidth)
  .map(n => `${n.textContent.trim()} in ${n.clientWidth} of ${n.scrollWidth} px`)"""


@pytest.mark.parametrize("width", WIDTHS)
async def test_who_where_and_which_request_can_be_read_at_any_width(
    fake: Fake, tab: ConsoleTab, width: int
) -> None:
    await tab.page.set_viewport_size({"width": width, "height": 800})
    await tab.open()
    ids = ["req-load-47571", "0192f0a1-7c4d-7e2a-9b48-0123456789ab"]
    await fake.events(*[fake.event(f"of {each}", requestId=each) for each in ids])
    await tab.sees(f"of {ids[1]}")
    assert await tab.script(CUT, ".who, .crumbs h1, #lines .flow") == []


@pytest.mark.parametrize("width", [320, 390, 720, 1440])
async def test_a_request_and_all_of_its_lines_can_be_read_at_any_width(
    fake: Fake, tab: ConsoleTab, width: int
) -> None:
    await tab.page.set_viewport_size({"width": width, "height": 800})
    await tab.open("?view=requests")
    names = ("event", "status", "duration_ms", "memory_kib", "fuel", "ledger", "tenant")
    fields = {name: n * 1000 for n, name in enumerate(names)} | {"path": "x" * 300}
    end = {"phase": "end", "outcome": "timeout", "durationMs": 30_000}
    await fake.events(
        fake.event("finished", requestId="req-1a2b3c4d", fields=fields, execution=end)
    )
    await tab.page.click(".request-head")
    await tab.page.wait_for_selector(".request-line")
    assert await tab.script(CUT, ".request-head .flow, .request-lines, .request-line") == []


async def test_ids_that_begin_with_the_time_are_told_apart(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    ids = [f"0192f0a1-7c4d-7e2a-9b48-0123456789a{n}" for n in range(2)]
    await fake.events(*[fake.event(f"of {each}", requestId=each) for each in ids])
    await tab.sees(f"of {ids[1]}")
    assert len(set(await tab.page.locator("#lines .flow").all_inner_texts())) == 2


@pytest.mark.parametrize("width", [320, 390, 720, 1024])
async def test_tenant_environment_and_grant_are_said_at_any_width(
    fake: Fake, tab: ConsoleTab, width: int
) -> None:
    await tab.page.set_viewport_size({"width": 1600, "height": 844})
    await busy(fake, tab)
    await tab.page.set_viewport_size({"width": width, "height": 844})
    await tab.says("#environment", "production")
    await tab.says("#grant", "G-17")
    assert await tab.script(OUT_OF_REACH, "#environment, #grant, #state, #ttl") == []


@pytest.mark.parametrize("height", [900, 450])
async def test_hidden_lines_and_proposals_are_in_reach_at_any_width(
    fake: Fake, tab: ConsoleTab, height: int
) -> None:
    real = RealFilter(fake)
    await tab.page.set_viewport_size({"width": 1600, "height": height})
    real.lines = [fake.event(f"hidden {n} " * 20) for n in range(30)]
    await tab.open('?q="a-condition-that-is-longer-than-a-telephone-is-wide-and-more"&level=warn')
    await tab.page.click("#empty button:has-text('Show the last 20')")
    await tab.page.wait_for_selector("#hidden-lines .hidden-by")
    fold = tab.page.locator("#filters-fold")
    wrong: dict[Any, Any] = {}
    for width in (320, 390, 600, 720, 1024, 1600):
        await tab.page.set_viewport_size({"width": width, "height": height})
        last = "#hidden-lines [data-does=close], #hidden-lines li:last-child .hidden-by"
        await tab.page.evaluate("document.querySelector('#hidden-lines ol').scrollTop = 1e6")
        found = await tab.script(OUT_OF_REACH, last)
        narrow = await fold.is_visible()
        if narrow:
            await fold.click()
        await tab.page.focus("#q")
        await tab.page.evaluate("document.querySelector('#q').select()")
        await tab.page.keyboard.press("ArrowDown")
        found += await tab.script(OUT_OF_REACH, "#q-list, #q-list [aria-selected=true]")
        await tab.page.keyboard.press("Escape")
        found += await tab.script(OUT_OF_REACH, "#query-chips button")
        await tab.page.keyboard.press("Escape")
        if narrow:
            await fold.click()
        if found:
            wrong[width] = found
    assert wrong == {}


@pytest.mark.parametrize("width", [320, 720, 1440])
async def test_production_cannot_be_mistaken(fake: Fake, tab: ConsoleTab, width: int) -> None:
    await tab.page.set_viewport_size({"width": width, "height": 800})
    await busy(fake, tab)
    await tab.says("#production", "Production")
    await tab.says("#production", "A-tenant-with-a-long-name")
    await tab.says("#production", "G-17 until")
    colour = "getComputedStyle(document.querySelector('#production')).backgroundColor"
    assert await tab.script(colour) == "rgb(166, 27, 19)"
    if width > 560:
        await tab.says("#production", "invoices stuck since noon")
    fake.ready_more["grant"]["breakGlass"] = True
    await tab.page.click("#connect")
    await tab.page.click("#connect")
    await tab.says("#production", "by break-glass")


async def test_the_band_says_how_long_a_grant_holds_and_none_once_the_session_ended(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.page.clock.install()
    now: float = await tab.script("Date.now()")
    until = iso(int(now) + 59 * 60_000 + 30_000)
    grant = {"id": 17, "label": "G-17", "until": until, "reason": "stuck", "breakGlass": False}
    times = {"expiresAt": iso(int(now) + 600_000), "ttl": 600}
    fake.ready_more = {"grant": grant, "environment": "production", **times}
    await tab.open()
    await tab.says("#grant", "(59 min left)")
    for _ in range(20):  # in steps: a server that says nothing for 8 s is left
        await tab.page.clock.run_for(3_000)
        await tab.page.wait_for_timeout(60)  # its answer to a ping comes meanwhile
    await tab.says("#grant", "(58 min left)")
    await fake.closing(4409, message="olivia revoked G-17")
    await tab.page.wait_for_selector("#grant", state="detached")
    await tab.says("#production", "Production")  # the lines stay, and are of production
    assert "G-17" not in await tab.page.inner_text("#production")


async def test_elsewhere_no_band_is_shown(tab: ConsoleTab) -> None:
    await tab.open()
    assert await tab.page.is_hidden("#production")
