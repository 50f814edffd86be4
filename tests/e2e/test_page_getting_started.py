"""A stream without a line shows how to print one, in snippets that are true and can be copied."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import pytest_asyncio

from extdebug.runner.__main__ import _parser
from tests.e2e.conftest import ConsoleTab
from tests.e2e.protocol_server import ROOT, Fake, page_config, tenant

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

PAGE = (ROOT / "docs" / "extension-authors.md").read_text()  # test_authors_page.py runs its blocks


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def clipboard(tab: ConsoleTab) -> None:
    await tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])


async def copied(tab: ConsoleTab, key: str) -> str:
    """The snippet as its own button copies it; it is the text that is shown."""
    await tab.page.click(f"#start-{key}-tab")
    await tab.page.click(f"#start-{key} button:has-text('Copy')")
    await tab.says("#toast", "Copied.")
    text: str = await tab.script("navigator.clipboard.readText()")
    assert await tab.page.inner_text(f"#start-{key} code") == text
    return text


def guest(language: str) -> list[str]:
    """The lines of the handler that the authors' page shows in this language."""
    block = re.search(rf"^```{language}\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
    assert block
    return [line.strip() for line in block[1].splitlines()]


@pytest.mark.parametrize(("key", "language"), [("python", "python"), ("javascript", "js")])
async def test_each_line_of_a_snippet_is_one_of_the_authors_page(
    tab: ConsoleTab, key: str, language: str
) -> None:
    await tab.open()
    await tab.says("#empty", "Listening")
    lines = [line for line in (await copied(tab, key)).splitlines() if line]
    assert len(lines) >= 5
    assert [line for line in guest(language) if line in lines] == lines, "in their order"


async def test_the_wrap_command_is_for_this_stream_and_as_documented(
    fake: Fake, tab: ConsoleTab
) -> None:
    fake.config = page_config(tenants=[tenant("globex", "inst-globex")])
    await tab.open()
    text = await copied(tab, "wrap")
    documented = "    python -m extdebug.runner wrap --tenant acme --extension importer "
    assert documented + text.split(" invoice-sync ")[1] in PAGE.splitlines()
    python, dash, module, *arguments = shlex.split(text)
    assert [python, dash, module] == ["python", "-m", "extdebug.runner"]
    options = _parser().parse_args(arguments)
    assert (options.tenant, options.extension) == ("globex", "invoice-sync")
    assert options.request_id == "job-7"


async def test_curl_is_the_command_of_the_export_menu(tab: ConsoleTab) -> None:
    await tab.open("?tenant=acme&from=now")
    text = await copied(tab, "curl")
    await tab.page.click("#export summary")
    await tab.page.click("[data-export=curl]")
    await tab.says("#toast", "EXT_DEBUG_TOKEN")
    assert await tab.script("navigator.clipboard.readText()") == text
    assert "tenantId=acme" in text


async def test_no_setting_is_blamed_and_what_the_runner_needs_is_one_click_away(
    tab: ConsoleTab,
) -> None:
    await tab.open()
    await tab.says("#empty", "Listening")
    assert "RUNNER_DEBUG" not in await tab.page.inner_text("#empty")
    await tab.page.click("#empty button:has-text('What the runner needs')")
    await tab.page.wait_for_function(
        """() => { const at = document.querySelector('#help-runner').getBoundingClientRect();
        const open = document.querySelector("#help-dialog").open;
        return open && at.top >= 0 && at.top < innerHeight }"""
    )


async def test_tabs_go_by_key_and_the_chosen_one_is_remembered(tab: ConsoleTab) -> None:
    await tab.open()
    await tab.page.focus("#start-python-tab")
    await tab.page.keyboard.press("ArrowRight")
    await tab.says("#start-javascript", "console.log")
    assert await tab.page.is_hidden("#start-python")
    await tab.page.keyboard.press("End")
    await tab.says("#start-curl", "curl -N")
    await tab.open()
    await tab.says("#start-curl", "curl -N")


@pytest.mark.parametrize("size", [(1440, 900), (768, 1024), (390, 844), (720, 450), (320, 640)])
async def test_heading_and_every_control_can_be_reached(
    tab: ConsoleTab, size: tuple[int, int]
) -> None:
    await tab.page.set_viewport_size({"width": size[0], "height": size[1]})
    await tab.open()
    await tab.says("#empty", "Listening")
    wrong: Any = await tab.script(
        """() => [...document.querySelectorAll('#empty h2, #empty button, #empty pre')]
        .filter(n => n.checkVisibility()).filter(n => {
          n.scrollIntoView({ block: 'nearest' });
          const box = n.getBoundingClientRect();
          const hit = document.elementFromPoint(box.left + box.width / 2, box.top + 8);
          return box.left < 0 || box.right > innerWidth || !hit || !n.contains(hit);
        }).map(n => n.textContent)"""
    )
    assert wrong == []
