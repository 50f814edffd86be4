"""Fields of log calls as columns: chosen, moved, removed, kept, in the address and in CSV."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import ConsoleTab
from tests.e2e.protocol_server import Fake
from tests.e2e.test_page_export import saved_csv

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

FIELDS = {"ms": 812, "user": {"id": "u-7", "name": "Bo"}, "retry": True}


async def lines(fake: Fake, tab: ConsoleTab, query: str = "") -> None:
    await tab.open(query)
    await fake.events(
        fake.event("slow page", fields=FIELDS),
        fake.event("plain", requestId="req-2"),
        fake.event("flat", fields={"user.id": "u-8", "ms": "<b>"}, requestId="req-3"),
    )
    await tab.sees("flat")


async def add(tab: ConsoleTab, name: str) -> None:
    await tab.page.click(f".detail [data-act=column][data-name='{name}']")


async def names(tab: ConsoleTab) -> list[str]:
    said: list[str] = await tab.page.locator("#columns-names summary").all_inner_texts()
    return [text.strip() for text in said]


async def has_cells(tab: ConsoleTab, *rows: list[str]) -> None:
    """Wait until these are the cells of the rows: they are drawn on the next frame."""
    await tab.page.wait_for_function(
        """rows => JSON.stringify(rows) === JSON.stringify(
        [...document.querySelectorAll('#lines .line')].map(
        row => [...row.querySelectorAll('.cell')].map(cell => cell.textContent)))""",
        arg=list(rows),
    )


async def act(tab: ConsoleTab, name: str, does: str) -> None:
    await tab.page.click(f"#columns-names summary:has-text('{name}')")
    await tab.page.click(f"#columns-names [data-does={does}][data-name='{name}']")


async def test_fields_become_columns_that_move_and_go(fake: Fake, tab: ConsoleTab) -> None:
    await lines(fake, tab)
    assert await tab.page.is_hidden("#columns-head")
    await tab.page.click(".line .msg >> nth=0")
    await add(tab, "ms")
    await add(tab, "user.id")
    assert await names(tab) == ["ms", "user.id"]
    await has_cells(tab, ["812", "u-7"], ["", ""], ["<b>", "u-8"])
    assert "cols=ms%2Cuser.id" in tab.page.url
    assert await tab.page.locator(".line .fields >> nth=-1").inner_text() == ""
    await tab.page.keyboard.press("Escape")
    left = await tab.page.locator("#lines .line:first-child .fields").inner_text()
    assert left.split() == ['user={"name":"Bo"}', "retry=true"], "a column is not said twice"
    await act(tab, "user.id", "left")
    assert await names(tab) == ["user.id", "ms"]
    await has_cells(tab, ["u-7", "812"], ["", ""], ["u-8", "<b>"])
    assert await tab.script("document.activeElement.textContent.trim()") == "user.id"
    await act(tab, "user.id", "remove")
    await tab.page.click(".line .msg >> nth=0")
    await add(tab, "ms")  # pressed: it takes the column away again
    await tab.page.wait_for_selector("#columns-head", state="hidden")
    await has_cells(tab, [], [], [])
    assert "cols" not in tab.page.url


async def drag(tab: ConsoleTab, name: str, onto: str, *, behind: bool) -> None:
    """Drag the heading of a column onto the left or the right half of another."""
    heading = "#columns-names [data-column='{}']"
    box = await tab.page.locator(heading.format(onto)).bounding_box()
    at = {"x": box["width"] * (0.8 if behind else 0.2), "y": box["height"] / 2}
    await tab.page.drag_and_drop(heading.format(name), heading.format(onto), target_position=at)


@pytest.mark.parametrize(
    ("name", "onto", "behind", "order"),
    [
        ("ms", "retry", True, "user.id,retry,ms"),
        ("ms", "retry", False, "user.id,ms,retry"),
        ("retry", "ms", False, "retry,ms,user.id"),
        ("retry", "ms", True, "ms,retry,user.id"),
        ("user.id", "user.id", True, "ms,user.id,retry"),
    ],
)
async def test_a_column_is_dragged_to_another_place(
    fake: Fake, tab: ConsoleTab, name: str, onto: str, behind: bool, order: str
) -> None:
    await lines(fake, tab, "?cols=ms,user.id,retry")
    await drag(tab, name, onto, behind=behind)
    assert await names(tab) == order.split(",")
    assert f"cols={order.replace(',', '%2C')}" in tab.page.url
    assert await tab.page.locator("#columns-names [data-drop]").count() == 0
    if name != onto:
        assert await tab.script("document.activeElement.textContent.trim()") == name
        wanted = {"ms": "812", "user.id": "u-7", "retry": "true"}
        cells = tab.page.locator("#lines .line:first-child .cell")
        assert await cells.all_inner_texts() == [wanted[each] for each in order.split(",")]


async def test_columns_are_remembered_for_this_extension_and_an_address_has_its_own(
    fake: Fake, tab: ConsoleTab
) -> None:
    await lines(fake, tab, "?cols=ms,user.id")
    assert await names(tab) == ["ms", "user.id"]
    await act(tab, "ms", "right")
    await tab.open("?tenant=acme")
    assert await names(tab) == ["user.id", "ms"]
    assert "cols=user.id%2Cms" in tab.page.url
    await tab.open("?tenant=acme&cols=retry,not%20a%20name,retry")
    assert await names(tab) == ["retry"]
    await tab.page.go_back()
    await tab.state("live")
    assert await names(tab) == ["user.id", "ms"]
    fake.config["extension"] = "other"
    await tab.open("?tenant=acme")
    assert await names(tab) == []


@pytest.mark.parametrize("stored", ['"x y"', "7", "[null, {}]", "{", '["a b", "<i>"]'])
async def test_what_a_browser_kept_wrongly_is_passed_over(tab: ConsoleTab, stored: str) -> None:
    await tab.page.add_init_script(
        f"localStorage.setItem('ext-debug.columns.invoice-sync', {stored!r});"
        f"localStorage.setItem('ext-debug.views.invoice-sync', {stored!r});"
        f"localStorage.setItem('ext-debug.density', {stored!r});"
        f"localStorage.setItem('ext-debug.kept', {stored!r})"
    )
    await tab.open()
    assert await names(tab) == []
    assert await tab.script("document.querySelector('#view-kept').value") == "5000"
    assert await tab.script("document.querySelector('#view-density').value") == "comfortable"


async def test_no_more_than_eight_columns(fake: Fake, tab: ConsoleTab) -> None:
    await lines(fake, tab, "?cols=" + ",".join(f"c{n}" for n in range(12)))
    assert await names(tab) == [f"c{n}" for n in range(8)]
    await tab.page.click(".line .msg >> nth=0")
    await add(tab, "ms")
    await tab.says("#toast", "8 columns are shown already")


async def test_csv_has_a_column_for_each(fake: Fake, tab: ConsoleTab) -> None:
    await lines(fake, tab, "?cols=ms,user.id,level")
    await fake.gap("producer", 37)
    await tab.page.wait_for_selector(".gap")
    rows = await saved_csv(tab)
    assert [(row["ms"], row["user.id"], row["field.level"]) for row in rows] == [
        ("812", "u-7", ""), ("", "", ""), ("<b>", "u-8", ""), ("", "", ""),
    ]  # fmt: skip
    assert rows[0]["level"] == "info"
    assert rows[0]["message"] == "slow page"
    assert "37 lines lost" in rows[3]["message"]


async def test_names_stand_over_their_columns(fake: Fake, tab: ConsoleTab) -> None:
    await lines(fake, tab, "?cols=ms,user.id")
    for width in (1440, 1024, 901):
        await tab.page.set_viewport_size({"width": width, "height": 800})
        offsets: Any = await tab.script(
            """() => { const left = (within) => [...document.querySelectorAll(within)]
              .map(n => n.getBoundingClientRect().left);
            const heads = left('#columns-names > *');
            const row = document.querySelector('#lines .line');
            return left('#lines .line:first-child .cell').map((x, n) => Math.abs(x - heads[n])) }"""
        )
        assert max(offsets) <= 2, (width, offsets)


@pytest.mark.parametrize("width", [320, 390, 640, 900])
async def test_on_a_narrow_screen_cells_say_their_names_and_nothing_is_cut_off(
    fake: Fake, tab: ConsoleTab, width: int
) -> None:
    await tab.page.set_viewport_size({"width": width, "height": 800})
    await lines(fake, tab, "?cols=ms,user.id,retry,user.name")
    row = tab.page.locator("#lines .line >> nth=0")
    before = "n => getComputedStyle(n, '::before').content"
    assert await row.locator(".cell >> nth=0").evaluate(before) == '"ms="'
    boxes: Any = await tab.script(
        """() => [...document.querySelectorAll('#lines .cell, #columns-names summary')]
        .map(n => n.getBoundingClientRect()).filter(box => box.right > innerWidth).length"""
    )
    assert boxes == 0
    await tab.page.click("#columns-names summary >> nth=-1")
    menu = await tab.page.locator("#columns-names [open] .menu-body").bounding_box()
    assert menu["x"] >= 0
    assert menu["x"] + menu["width"] <= width
