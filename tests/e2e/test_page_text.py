"""The text of a line as the page shows it: words asked for, dates, exact numbers, colours."""

from __future__ import annotations

import time

import pytest

from tests.e2e.conftest import ConsoleTab, until
from tests.e2e.protocol_server import Fake

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize(
    ("q", "words"),
    [
        ("timeout", ["timeout"]),
        ('"timed out" -retry', ["timed out"]),
        ("a OR (b c)", ["a", "b", "c"]),
        ("order NOT refused level>=warn", ["order"]),
        ('message:slow ms>=500 status:500 level=error request:"r 1"', ["slow", "level=error"]),
        (r'"say \"hi\"" /rx/i http://x/y?z=1', ['say "hi"', "http://x/y?z=1"]),
        ("-(x y) status!=5", ["x", "y"]),  # lines with x or y do not come: nothing to mark
        ("", []),
    ],
)
async def test_the_words_of_a_query(tab: ConsoleTab, q: str, words: list[str]) -> None:
    if not tab.page.url.startswith("http"):
        await tab.open()
    module = "async q => (await import('/static/extdebug/query-words.js')).queryWords(q)"
    assert await tab.script(module, q) == words


async def test_words_of_the_query_are_marked_in_rows(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open("?q=slow+%22ledger+api%22+-retry")
    await fake.events(fake.event("Slow again: the LEDGER API", fields={"why": "slow disk"}))
    await tab.page.wait_for_selector("mark.asked")
    marks = tab.page.locator("mark.asked")
    assert await marks.all_inner_texts() == ["Slow", "LEDGER API", "slow"]
    await tab.page.fill("#q", "again")
    await until(lambda: fake.of("filter"))
    await fake.events(fake.event("Slower, again"))
    await tab.sees("Slower, again")  # no row from before the filter reads so
    assert await marks.all_inner_texts() == ["again"]


async def test_a_line_of_another_day_shows_its_date(fake: Fake, tab: ConsoleTab) -> None:
    today = int(time.time() * 1000)
    await tab.open()
    old = fake.event("old", ms=today - 3 * 86_400_000)
    await fake.events(old, fake.event("new", ms=today))
    await tab.sees("new")
    shown = await tab.page.locator(".line time").all_inner_texts()
    assert shown == [f"{old['ts'][5:10]} {old['ts'][11:23]}", shown[1]]
    assert len(shown[1]) == len("10:00:00.000")
    widths = await tab.page.locator(".line time").evaluate_all(
        "all => all.map(n => n.scrollWidth <= n.clientWidth)"
    )
    assert widths == [True, True]


async def test_long_integers_keep_their_digits(fake: Fake, tab: ConsoleTab) -> None:
    big, message = 9223372036854775807, '{"id":1234567890123456789,"hex":"12345678901234567890"}'
    await tab.open()
    await fake.events(
        fake.event("posted", fields={"order": big, "list": [big], "ms": 1.5}), fake.event(message)
    )
    await tab.sees(f"order={big}")
    await tab.page.click(".line .msg >> nth=0")
    await tab.says(".tree", f"order: {big}")
    await tab.page.click(".line .msg >> nth=1")
    await tab.says(".tree", "id: 1234567890123456789")
    values = await tab.page.locator(".v-number").all_inner_texts()
    assert str(big) in values


@pytest.mark.parametrize(
    ("message", "closed", "hidden"),
    [
        ("\nfirst", "first", None),
        ("\n \n\nfirst\nsecond\n\n", "first\nsecond", None),
        ("\nError: no\n  at a\n  at b\n  at c", "Error: no", "+3 lines"),
        ("\n\n", "(empty line)", None),
        ("a\nb\nc\n", "a\nb\nc", None),
    ],
)
async def test_a_closed_row_begins_with_something_to_read(
    fake: Fake, tab: ConsoleTab, message: str, closed: str, hidden: str | None
) -> None:
    await tab.open()
    await fake.events(fake.event(message))
    await tab.page.wait_for_selector(".line .msg")
    assert (await tab.messages())[0] == closed
    assert await tab.page.locator(".more").all_inner_texts() == ([hidden] if hidden else [])


def contrast(ink: list[float], ground: list[float]) -> float:
    def luminance(colour: list[float]) -> float:
        parts: list[float] = [
            p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in colour
        ]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    a, b = luminance(ink), luminance(ground)
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)


PAINTED = """() => { const pen = document.createElement('canvas').getContext('2d');
  const rgb = (colour, under) => { pen.clearRect(0, 0, 1, 1);
    for (const one of [under, colour]) { pen.fillStyle = one; pen.fillRect(0, 0, 1, 1); }
    return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3).map(n => n / 255); };
  const panel = getComputedStyle(document.querySelector('#lines')).backgroundColor;
  return [...document.querySelectorAll('.msg > span')].map(n => { const style = getComputedStyle(n);
    return [n.textContent, rgb(style.color, panel), rgb(style.backgroundColor, panel)]; }) }"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_terminal_colour_colours_and_stays_readable(
    fake: Fake, tab: ConsoleTab, scheme: str
) -> None:
    await tab.page.emulate_media(color_scheme=scheme)
    await tab.page.set_viewport_size({"width": 1400, "height": 3000})
    await tab.open()
    inks = [f"\x1b[38;5;{n}mi{n}\x1b[0m" for n in range(256)]
    grounds = [f"\x1b[48;5;{n}mg{n}\x1b[0m" for n in range(256)]
    others = ["\x1b[38;2;255;128;0mtrue\x1b[0m", "\x1b[41mred\x1b[49m", "\x1b[7mback\x1b[27m"]
    parts = inks + grounds + others
    rows = [fake.event(" ".join(parts[at : at + 16])) for at in range(0, len(parts), 16)]
    await fake.events(*rows)
    await tab.sees("back")
    painted = await tab.script(PAINTED)
    assert len(painted) == len(parts)
    poor = [text for text, ink, ground in painted if contrast(ink, ground) < 4.5]
    assert poor == []
    assert len({tuple(ink) for text, ink, _ in painted if text.startswith("i")}) > 150
    assert len({tuple(ground) for text, _, ground in painted if text.startswith("g")}) > 150


async def test_addresses_in_a_line_are_links_and_nothing_else_is(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open("?q=erp")
    await fake.events(
        fake.event("see https://erp.example/v1?a=b&c=(d), then (http://x.example/y)."),
        fake.event("javascript://erp/%0aalert(1) data:text/html,erp ftp://erp https://"),
        fake.event("https://erp.exam\u202eple/x", fields={"url": "https://erp.example/f"}),
    )
    await tab.page.wait_for_selector(".line >> nth=2")
    links = await tab.page.locator("#lines a").evaluate_all(
        "all => all.map(n => [n.getAttribute('href'), n.rel, n.target, n.textContent])"
    )
    kept = ["noopener noreferrer", "_blank"]
    found = [
        "https://erp.example/v1?a=b&c=(d",
        "http://x.example/y",
        "https://erp.exam",
        "https://erp.example/f",
    ]
    assert links == [[href, *kept, href] for href in found]
    await tab.page.locator("#lines a").first.dispatch_event("click")
    assert await tab.page.locator(".detail").count() == 0  # a link does not open its row


@pytest.mark.parametrize(
    ("codes", "style"),
    [
        ("38:2::255:128:0", {"ink": "#ff8000"}),
        ("38:2:255:128:0", {"ink": "#ff8000"}),
        ("48:2:1:255:128:0;1", {"ground": "#ff8000", "bold": True}),
        ("38:5:208;3", {"ink": "#ff8700", "italic": True}),
        ("4:3", {"underline": True}),
        ("1;4;4:0", {"bold": True}),
        ("58:2::1:3:4;31", {"ink": 1}),
        ("58;5;1;31", {"ink": 1}),
        ("58;2;1;3;4;31", {"ink": 1}),
        ("38;2;255;128;0;48;5;2;7", {"ink": "#ff8000", "ground": 2, "reverse": True}),
        ("38;5", {}),
        ("38:2:1", {}),
        ("38;2;1:2", {}),
    ],
)
async def test_colours_in_each_form_are_read(
    tab: ConsoleTab, codes: str, style: dict[str, object]
) -> None:
    if not tab.page.url.startswith("http"):
        await tab.open()
    module = """async codes => {
      const { plainStyle, restyle } = await import('/static/extdebug/terminal-colours.js');
      const style = Object.entries(restyle(plainStyle(), codes));
      return Object.fromEntries(style.filter(([, value]) => value !== null && value !== false));
    }"""
    assert await tab.script(module, codes) == style


async def test_what_grep_and_gcc_write_behind_a_colour_does_not_part_the_text(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    line = "\x1b[01;31m\x1b[Kerror: \x1b[m\x1b[Kexpected ';' \x1b[2Kgone"
    await fake.events(fake.event(line))
    await tab.sees("error: expected ';' <ESC>[2Kgone")
    module = "async line => (await import('/static/extdebug/safe-text.js')).uncoloured(line)"
    assert await tab.script(module, line) == "error: expected ';' \x1b[2Kgone"
