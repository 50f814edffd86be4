"""The time line shows what is kept, and the page stands, plays and goes on where one points."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.e2e.conftest import ConsoleTab, until
from tests.e2e.protocol_server import START_MS, Fake, iso

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

SINCE = START_MS // 60_000 * 60_000
MINUTES = 15
END = SINCE + MINUTES * 60_000


def overview(frame: dict[str, Any]) -> dict[str, Any]:
    """A quarter of an hour in minutes: n lines in minute n, an error in every third, one loss."""
    buckets = [
        {"n": n, "levels": [0, 0, n, 0, int(n % 3 == 0)], "lost": 7 if n == 4 else 0}
        for n in range(MINUTES)
    ]
    return {
        "bucket": 60, "since": iso(SINCE), "until": iso(END), "countedSince": iso(SINCE),
        "countedUntil": iso(END), "oldest": iso(SINCE), "trimmed": 3, "done": True,
        "buckets": buckets,
    }  # fmt: skip


async def opened(fake: Fake, tab: ConsoleTab, query: str = "") -> None:
    fake.overview = overview
    await tab.open(query)
    await until(lambda: fake.of("overview"), what="the page asks what is kept")
    await tab.page.wait_for_function(
        "() => document.querySelector('#time-labels').children.length > 1"
    )


async def place(tab: ConsoleTab, minute: float) -> tuple[float, float]:
    """Where this minute lies on the track."""
    box = await tab.page.locator("#time-track").bounding_box()
    return box["x"] + box["width"] * minute / MINUTES, box["y"] + 12


async def address(tab: ConsoleTab) -> dict[str, list[str]]:
    search: str = await tab.script("() => location.search.slice(1)")
    return parse_qs(search)


def ms(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp() * 1000


async def then(fake: Fake, prefix: str, count: int, *, at: int) -> None:
    """Lines of so many milliseconds after the bar begins, each of its own."""
    await fake.events(*[fake.event(f"{prefix} {n}", ms=SINCE + at + n) for n in range(count)])


async def test_bars_say_in_words_what_they_show(fake: Fake, tab: ConsoleTab) -> None:
    await opened(fake, tab)
    label = await tab.page.get_attribute("#time-bars", "aria-label")
    assert "110 lines, 5 errors, 7 lost" in label
    await fake.events(fake.event("new", ms=END + 1000, level="error"))
    await tab.page.wait_for_function(
        "() => document.querySelector('#time-bars').ariaLabel.includes('111 lines, 6 errors')"
    )


async def test_what_is_not_counted_yet_is_said_and_asked_for(fake: Fake, tab: ConsoleTab) -> None:
    await opened(fake, tab)
    fake.overview = lambda frame: {
        **overview(frame), "done": False, "countedSince": iso(SINCE + 300_000)
    }  # fmt: skip
    asked = len(fake.of("overview"))
    await tab.page.fill("#q", "x")
    await until(lambda: len(fake.of("overview")) >= asked + 3, what="it goes on until it is done")
    assert "Not all counted yet" in await tab.page.get_attribute("#time-bars", "aria-label")


async def test_a_dragged_range_is_read_and_in_the_address(fake: Fake, tab: ConsoleTab) -> None:
    await opened(fake, tab)
    await fake.lines(30, prefix="live")
    await tab.sees("live 29")
    await tab.page.mouse.move(*await place(tab, 3))
    await tab.page.mouse.down()
    await tab.page.mouse.move(*await place(tab, 6), steps=4)
    await tab.page.mouse.up()
    asked = await until(lambda: fake.of("filter"), what="the page asks for the range")
    start, end = ms(asked[-1]["from"]["time"]), ms(asked[-1]["until"])
    assert abs(start - SINCE - 180_000) < 5000
    assert abs(end - SINCE - 360_000) < 5000
    link = await address(tab)
    assert (link["from"], link["until"]) == ([asked[-1]["from"]["time"]], [asked[-1]["until"]])
    await then(fake, "then", 80, at=200_000)
    await fake.status("end_of_range", "End of the range; your place is kept.")
    await tab.state("end_of_range")
    await tab.sees("then 0")  # rows are drawn on a frame of their own, after the state
    assert (await tab.messages())[0] == "then 0", "it stands where the range begins"
    # Reading on keeps what is there and goes on from the last line.
    await tab.page.click("#read-on")
    await until(lambda: len(fake.of("filter")) == 2)
    assert not {"from", "until", "speed"} & fake.of("filter")[1].keys()
    assert fake.of("filter")[1]["filter"]["rev"] == asked[-1]["filter"]["rev"]
    assert "until" not in await address(tab)
    await then(fake, "after", 300, at=400_000)
    await fake.status("live")
    await tab.says("#kept", "380 lines")
    await tab.rests()
    assert (await tab.messages())[0] == "then 0", "what was read is not moved by what comes after"
    assert await tab.page.get_attribute("#follow", "aria-pressed") == "false"
    await tab.page.click("#follow")
    await tab.sees("after 299")
    await tab.page.click("#to-live")
    await until(lambda: len(fake.of("filter")) == 3)
    assert fake.of("filter")[2]["from"] == {"tail": 200}
    assert await tab.page.get_attribute("#follow", "aria-pressed") == "true"
    await tab.page.go_back()
    await until(lambda: len(fake.of("subscribe")) == 2, what="Back reads the range again")
    assert fake.of("subscribe")[-1]["from"] == {"time": asked[-1]["from"]["time"]}


@pytest.mark.parametrize(
    ("typed", "ago"), [("5 minutes ago", 300), ("90s", 90), ("an hour ago", 3600)]
)
async def test_a_typed_time_is_read(fake: Fake, tab: ConsoleTab, typed: str, ago: int) -> None:
    await opened(fake, tab)
    await tab.page.fill("#time-at", typed)
    await tab.page.press("#time-at", "Enter")
    asked = await until(lambda: fake.of("filter"))
    now = await tab.script("() => Date.now()")
    assert abs(now - ms(asked[-1]["from"]["time"]) - ago * 1000) < 20_000
    assert "until" not in asked[-1]


async def test_now_is_back_to_live(fake: Fake, tab: ConsoleTab) -> None:
    await opened(fake, tab)
    for typed in ("5 minutes ago", "now"):
        await tab.page.fill("#time-at", typed)
        await tab.page.press("#time-at", "Enter")
    asked = await until(lambda: len(fake.of("filter")) == 2 and fake.of("filter"))
    assert asked[-1]["from"] == {"tail": 200}
    assert await tab.page.get_attribute("#follow", "aria-pressed") == "true"
    assert await tab.page.input_value("#time-at") == ""


async def test_who_reads_in_utc_has_every_clock_in_utc_and_types_it(
    chromium: Any, fake: Fake
) -> None:
    context = await chromium.new_context(
        viewport={"width": 1400, "height": 900}, timezone_id="Asia/Tokyo"
    )
    tab = ConsoleTab(await context.new_page(), fake)
    await opened(fake, tab)
    labels = tab.page.locator("#time-labels")
    local = dt.datetime.fromtimestamp(SINCE / 1000, dt.UTC) + dt.timedelta(hours=9)
    await tab.says("#time-labels", f"{local:%H:%M:%S}")
    await fake.events(*[fake.event("again", requestId="r", ms=END + n) for n in range(2)])
    await tab.sees("again")
    await tab.page.keyboard.press("t")
    await tab.says("#time-labels", f"{local - dt.timedelta(hours=9):%H:%M:%S}Z")
    assert (await labels.inner_text()).count("Z") == await labels.locator("span").count()
    await tab.page.wait_for_selector('#lines .times[title*=".001Z"]')
    then = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=20)
    await tab.page.fill("#time-at", f"{then:%H:%M:%S}")  # as the lines have it
    await tab.page.press("#time-at", "Enter")
    asked = await until(lambda: fake.of("filter"))
    assert asked[-1]["from"]["time"] == f"{then:%Y-%m-%dT%H:%M:%S}.000Z"
    assert (await tab.page.inner_text("#from-text")).endswith(f"{then:%H:%M:%S}Z")
    await tab.page.keyboard.press("t")  # relative: clocks are the reader's again
    await tab.page.evaluate("document.activeElement.blur()")
    await tab.page.keyboard.press("t")
    await tab.says("#from-text", f"{then + dt.timedelta(hours=9):%H:%M:%S}")
    await context.close()
    assert tab.errors == []


async def test_where_reading_starts_on_another_day_has_its_date(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open("?from=2026-01-31T09%3A00%3A00.000Z")
    assert await tab.page.inner_text("#from-text") == "01-31 09:00:00"


async def test_a_text_that_is_no_time_says_what_was_expected(fake: Fake, tab: ConsoleTab) -> None:
    await opened(fake, tab)
    await tab.page.fill("#time-at", "soon")
    await tab.page.press("#time-at", "Enter")
    await tab.says("#time-error", "expected a time such as 5 minutes ago, 14:03")
    assert await tab.page.get_attribute("#time-at", "aria-invalid") == "true"
    assert fake.of("filter") == []
    await tab.page.type("#time-at", "x")
    assert await tab.page.is_hidden("#time-error")


PARSED = """async (given) => {
  const { readRange } = await import(given.module);
  return given.texts.map((text) => readRange(text, given.now));
}"""


async def test_times_are_read_as_people_type_them(fake: Fake, tab: ConsoleTab) -> None:
    await opened(fake, tab)
    now = 1_795_000_000_000  # 2026-11-18 11:06:40 UTC
    day = 1_794_960_000_000
    hour = 3_600_000
    wanted: dict[str, tuple[int, int | None] | str] = {
        "10:03": (day + 10 * hour + 180_000, None),
        "10:03:07": (day + 10 * hour + 187_000, None),
        "14:03": (day - 10 * hour + 180_000, None),  # still to come today: yesterday's
        "yesterday 14:03": (day - 10 * hour + 180_000, None),
        "today 9:00": (day + 9 * hour, None),
        "2026-11-17": (day - 24 * hour, None),
        "2026-11-17 08:30": (day - 24 * hour + 8 * hour + 1_800_000, None),
        "2026-11-18T09:00:00Z": (day + 9 * hour, None),
        "2026-11-18T09:00:00+02:00": (day + 7 * hour, None),
        "2h": (now - 2 * hour, None),
        "1.5 hours ago": (now - hour * 3 // 2, None),
        "10:03 to 10:10": (day + 10 * hour + 180_000, day + 10 * hour + 600_000),
        "yesterday 9:00 - 9:30": (day - 15 * hour, day - 15 * hour + 1_800_000),
        "20m ago to 10m ago": (now - 1_200_000, now - 600_000),
        "10:03-10:10": (day + 10 * hour + 180_000, day + 10 * hour + 600_000),
        "2026-11-18T09:00:00-01:30": (day + 10 * hour + 1_800_000, None),
        "10:03Z": (day + 10 * hour + 180_000, None),
        "today 9:00Z to 9:30Z": (day + 9 * hour, day + 9 * hour + 1_800_000),
        "tomorrow": "expected a time",
        "25:00": "expected a time",
        "2026-02-30": "expected a time",
        "10:10 to 10:03": "ends before it begins",
        "2027-01-01": "still to come",
        "10:03 to 10:10 to 10:20": "expected a time",
    }
    given = {"module": "/static/extdebug/time-input.js", "texts": list(wanted), "now": now}
    for text, got in zip(wanted, await tab.script(PARSED, given), strict=True):
        expected = wanted[text]
        if isinstance(expected, str):
            assert expected in got["error"], text
        else:
            assert (got["from"], got["until"]) == expected, text


async def test_the_range_moves_by_keyboard(fake: Fake, tab: ConsoleTab) -> None:
    await opened(fake, tab)
    start, end = tab.page.locator(".time-handle.from"), tab.page.locator(".time-handle.until")
    await start.focus()
    for key in ("ArrowRight", "ArrowRight", "PageUp", "ArrowLeft"):
        await tab.page.keyboard.press(key)
    assert await start.get_attribute("aria-valuenow") == str((SINCE + 11 * 60_000) // 1000)
    assert "; Enter reads" in await start.get_attribute("aria-valuetext")
    await end.focus()
    await tab.page.keyboard.press("Home")
    assert await end.get_attribute("aria-valuenow") == str((SINCE + 60_000) // 1000), "at the start"
    await tab.page.keyboard.press("Enter")
    asked = await until(lambda: fake.of("filter"))
    assert ms(asked[-1]["until"]) == SINCE + 60_000
    assert await tab.page.locator("#time-line [role=slider]").count() == 2


async def test_playing_holds_goes_on_and_changes_speed(fake: Fake, tab: ConsoleTab) -> None:
    await opened(fake, tab, f"?from={iso(SINCE)}")
    await tab.page.select_option("#speed", "4")
    await tab.page.click("#play")
    asked = await until(lambda: fake.of("filter"))
    assert (asked[-1]["speed"], asked[-1]["from"]) == (4, {"time": iso(SINCE)})
    assert (await address(tab))["speed"] == ["4"]
    await fake.status("playing", "Playing at 4x: a silence of 60 s is shortened to 5 s.")
    await tab.says("#playing-text", "shortened to 5 s")
    await then(fake, "line", 100, at=1000)
    await tab.sees("line 99")
    assert await tab.page.get_attribute("#follow", "aria-pressed") == "true"
    await tab.page.click("#play")
    await until(lambda: fake.of("pause"))
    await fake.status("paused")
    await tab.says("#play", "Go on")
    await tab.page.click("#play")
    await until(lambda: fake.of("resume"))
    await fake.status("playing", "Playing at 4x; a silence takes 5 s at the most.")
    await tab.says("#play", "Hold")
    await tab.page.select_option("#speed", "16")
    await until(lambda: len(fake.of("filter")) == 2)
    again = fake.of("filter")[1]
    assert (again["speed"], "from" in again) == (16, False)
    assert len(await tab.messages()) > 0, "what was played stays"
    await fake.status("playing", "Playing at 16x; a silence takes 5 s at the most.")
    await fake.status("live")
    await tab.page.wait_for_function(
        "() => !location.search.includes('speed')"
    )  # a link is to a live view


COMMANDS = """async (query) => {
  const { readView } = await import("/static/extdebug/view.js");
  const { curlCommand, replayCommand } = await import("/static/extdebug/export.js");
  const [config, view] = [{ extension: "invoice-sync", user: "dan" }, readView(query, "")];
  return { curl: curlCommand(config, view), replay: replayCommand(config, view) };
}"""


async def test_the_address_opens_a_range(fake: Fake, tab: ConsoleTab) -> None:
    query = f"?from={iso(SINCE)}&until={iso(SINCE + 60_000)}&speed=2"
    await opened(fake, tab, query)
    first = fake.of("subscribe")[0]
    assert (first["from"], first["until"], first["speed"]) == (
        {"time": iso(SINCE)}, iso(SINCE + 60_000), 2,
    )  # fmt: skip
    commands = await tab.script(COMMANDS, query)
    assert f"until={iso(SINCE + 60_000).replace(':', '%3A')}&speed=2" in commands["curl"]
    assert f"--until '{iso(SINCE + 60_000)}' --speed 2" in commands["replay"]
    assert "--follow" not in commands["replay"], "it ends where the range ends"
    await tab.page.fill("#q", "timeout")
    asked = await until(lambda: fake.of("filter"))
    assert (asked[-1]["until"], asked[-1]["speed"]) == (iso(SINCE + 60_000), 2), "a filter keeps it"


async def test_an_empty_range_says_so_and_leads_on(fake: Fake, tab: ConsoleTab) -> None:
    await tab.page.set_viewport_size({"width": 390, "height": 844})
    await opened(fake, tab, f"?from={iso(SINCE)}&until={iso(SINCE + 60_000)}")
    await fake.status("end_of_range", "End of the range; your place is kept.")
    await tab.says("#empty", "No lines in this range")
    await tab.page.click("#empty .primary")
    asked = await until(lambda: fake.of("filter"))
    assert asked[-1]["from"] == {"tail": 200}
    assert "until" not in asked[-1]


async def test_lines_of_another_day_begin_under_its_date(fake: Fake, tab: ConsoleTab) -> None:
    await opened(fake, tab)
    midnight = START_MS // 86_400_000 * 86_400_000
    for n in range(-2, 2):
        await fake.events(fake.event(f"line {n}", ms=midnight + n * 60_000))
    await tab.sees("line 1")
    days = await tab.page.locator(".line[data-day]").evaluate_all(
        "rows => rows.map(row => [row.dataset.day, row.querySelector('.msg').textContent])"
    )
    assert days == [["Wednesday, November 18, 2026", "line 0"]]


async def test_a_narrow_page_shows_it_on_request(fake: Fake, tab: ConsoleTab) -> None:
    await tab.page.set_viewport_size({"width": 390, "height": 844})
    fake.overview = overview
    await tab.open()
    assert await tab.page.is_hidden("#time-line")
    await asyncio.sleep(0.3)
    assert fake.of("overview") == [], "what is not seen is not counted"
    await tab.page.keyboard.press("a")
    await until(lambda: fake.of("overview"))
    assert await tab.script("() => document.activeElement.id") == "time-at"
    await tab.page.click("#time-fold")
    assert await tab.page.is_hidden("#time-line")
    await tab.page.click("#time-fold")
    assert await tab.page.is_visible("#time-bars")
    over = await tab.script("() => document.documentElement.scrollWidth > innerWidth")
    assert not over
