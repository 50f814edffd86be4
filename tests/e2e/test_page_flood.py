"""The page under a flood: what it draws, what it acknowledges. Work is counted, not timed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import ConsoleTab
from tests.e2e.protocol_server import Fake

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

# Rows of 22 px in a window of 220 px, drawn by hand; `built` counts the rows that were made.
ROWS = """
const { Buffer } = await import('/static/extdebug/buffer.js');
const { Rows } = await import('/static/extdebug/rows.js');
const scroller = document.createElement('div');
scroller.style.cssText = 'height: 220px; overflow: auto';
document.body.append(scroller);
const buffer = new Buffer({ keep: 100000, collapse: false });
let built = 0;
const build = (item) => {
  built += 1;
  const row = document.createElement('div');
  row.style.height = '22px';
  row.dataset.key = item.key;
  return row;
};
const rows = new Rows({ scroller, buffer, build, onFollow: () => {} });
let n = 0;
const come = (count) => {
  for (let i = 0; i < count; i += 1) {
    n += 1;
    buffer.event({ id: `${n}-0`, message: `line ${n}`, level: 'info', stream: 'log' });
  }
};
const made = () => {
  built = 0;
  rows.render();
  return built;
};
const frames = async (count) => {
  for (let i = 0; i < count; i += 1) await new Promise(requestAnimationFrame);
};
"""


async def run(tab: ConsoleTab, script: str) -> Any:
    if not tab.page.url.startswith("http"):
        await tab.open()
    return await tab.script(f"async () => {{ {script} }}")


async def test_while_no_row_stands_only_what_can_be_seen_is_drawn(tab: ConsoleTab) -> None:
    """400 px above the visible part are for scrolling up; they wait until rows stand again."""
    made = await run(
        tab,
        ROWS
        + """const told = {};
        come(1000); told.first = made();
        come(500); told.flood = made();
        come(500); told.flooded = made();
        come(500); told.still = made();
        come(3); told.few = made();
        return told""",
    )
    assert made["first"] == 10  # the first drawing costs most
    assert made["flood"] > 25  # nobody can know before it
    assert made["flooded"] == made["still"] == 10
    assert made["few"] == 3


async def test_what_is_around_the_visible_part_comes_back_by_itself(tab: ConsoleTab) -> None:
    drawn = await run(
        tab,
        ROWS
        + """await frames(3);
        come(1000); made(); come(500); made();
        const sizes = [];
        const render = () => { Rows.prototype.render.call(rows); sizes.push(rows.live.size); };
        rows.render = render;
        come(500); rows.draw();
        while (sizes.length < 2) await frames(1);
        return sizes""",
    )
    assert drawn == [10, 29]


async def test_what_is_around_the_first_drawing_follows_it_and_an_empty_page_is_left_alone(
    tab: ConsoleTab,
) -> None:
    drawn = await run(
        tab,
        ROWS
        + """let drawings = 0;
        const render = () => { drawings += 1; Rows.prototype.render.call(rows); };
        rows.render = render;
        rows.draw(); await frames(30);
        const empty = drawings;
        come(1000); rows.draw();
        while (rows.live.size < 10) await frames(1);
        const first = rows.live.size;
        while (rows.live.size === first) await frames(1);
        return [empty <= 2, first, rows.live.size]""",
    )
    assert drawn == [True, 10, 29]


async def test_who_scrolls_up_in_a_flood_waits_for_no_pause(tab: ConsoleTab) -> None:
    drawn = await run(
        tab,
        ROWS
        + """await frames(3);
        come(1000); rows.draw(); await frames(3);
        come(500); rows.draw();
        while (!rows.flooded) await frames(1);
        rows.follow(false);
        return [rows.pause, rows.flooded]""",
    )
    assert drawn == [0, True]


async def test_rows_under_something_else_are_not_drawn_until_it_is_gone(tab: ConsoleTab) -> None:
    made = await run(
        tab,
        ROWS
        + """await frames(2); rows.cover(true);
        built = 0; come(300); rows.draw(); await frames(3);
        const covered = built;
        rows.cover(false); await frames(3);
        return [covered, built >= 10, rows.live.has(buffer.items.at(-1))]""",
    )
    assert made == [0, True, True]


async def test_by_request_no_line_is_drawn_and_all_are_there_afterwards(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open("?view=requests")
    await fake.lines(300)
    await tab.says("#kept", "300 lines")
    await tab.says("#requests-summary", "1 request")
    assert await tab.page.locator("#lines .line").count() == 0
    await tab.page.keyboard.press("v")
    await tab.sees("line 299")


# A connection on a socket of the test's own; the clock stands still unless the test moves it.
CONNECTION = """
const { Connection } = await import('/static/extdebug/connection.js');
let clock = 1000;
const real = performance.now;
performance.now = () => clock;
const acks = [];
const early = [];
const socket = { readyState: WebSocket.OPEN, close() {},
  send: (text) => { if (text.includes('"ack"')) acks.push(JSON.parse(text).seq); } };
const connection = new Connection({ url: 'ws://x/', socket: () => socket,
  begin: () => ({ filter: {} }), onChange: () => {},
  onFrame: (frame) => { if (frame.seq && acks.at(-1) >= frame.seq) early.push(frame.seq); } });
connection.dial();
const say = (frame) => socket.onmessage({ data: JSON.stringify(frame) });
const events = (seq) =>
  say({ type: 'events', seq, rev: 1, cursor: '1-0', events: [], pad: 'x'.repeat(10000) });
const done = () => { connection.disconnect(); performance.now = real; return { acks, early }; };
"""


async def test_acknowledged_is_what_was_taken_after_a_quarter_of_the_window(
    tab: ConsoleTab,
) -> None:
    told = await run(
        tab,
        CONNECTION
        + """say({ type: 'ready', session: 's', limits: { window: 262144 } });
        for (let seq = 1; seq <= 22; seq += 1) events(seq);
        return done()""",
    )
    assert told == {"acks": [1, 8, 15, 22], "early": []}


async def test_a_smaller_window_is_acknowledged_sooner(tab: ConsoleTab) -> None:
    told = await run(
        tab,
        CONNECTION
        + """say({ type: 'ready', session: 's', limits: { window: 80000 } });
        for (let seq = 1; seq <= 7; seq += 1) events(seq);
        return done()""",
    )
    assert told["acks"] == [1, 3, 5, 7]


async def test_by_the_clock_too_where_timers_come_late(tab: ConsoleTab) -> None:
    told = await run(
        tab,
        CONNECTION
        + """say({ type: 'ready', session: 's', limits: { window: 1e9 } });
        for (let seq = 1; seq <= 9; seq += 1) { events(seq); clock += 20; }
        return done()""",
    )
    assert told["acks"] == [1, 4, 7]


async def test_a_frame_that_could_not_be_shown_is_acknowledged_all_the_same(
    tab: ConsoleTab,
) -> None:
    """Else one fault of the page would hold up the stream for good."""
    told = await run(
        tab,
        CONNECTION
        + """say({ type: 'ready', session: 's', limits: { window: 262144 } });
        connection.onFrame = () => { throw new Error('a fault') };
        let thrown = 0;
        try { events(1) } catch { thrown += 1 }
        return { thrown, ...done() }""",
    )
    assert told == {"thrown": 1, "acks": [1], "early": []}
