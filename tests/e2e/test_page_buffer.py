"""The page's lines, without their drawing: each fast way does what the plain one does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import ConsoleTab

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

# Lines from a seed: repeats, traces that come line by line, several requests side by side.
LINES = """
const { Buffer, occurrences, position } = await import('/static/extdebug/buffer.js');
let seed = 1;
const random = (below) => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return Math.floor((seed / 4294967296) * below);
};
let ms = 1000;
const line = () => {
  const kind = random(6);
  const id = `${ms += 1 + random(3)}-${random(3)}`;
  const ev = { id, ts: new Date(ms).toISOString(), requestId: `r-${random(2)}`,
    level: ['info', 'error'][random(2)], stream: ['log', 'stderr'][random(2)], message: 'same' };
  if (kind === 1) ev.message = `TypeError: no ${ms}`;
  if (kind === 2) ev.message = '    at handler (index.js:21:5)';
  if (kind === 3) ev.fields = { ms: random(2) };
  if (kind === 4) ev.message = 'other';
  return ev;
};
const feed = (buffer, lines) => {
  for (const ev of lines) ev.gap ? buffer.gap(ev.gap) : buffer.event(ev);
};
const lines = (count) =>
  Array.from({ length: count }, () => (random(20) ? line() : { gap: { at: ms } }));
const idsOf = (item) => occurrences(item).map(({ id }) => id);
const seen = ({ items, events, held, levels }) => ({ events, held,
  levels: Object.entries(levels).filter(([, n]) => n).sort(),
  rows: items.map((item) => [item.kind, item.n ?? 0, item.ev?.message ?? '', idsOf(item)]) });
"""


async def run(tab: ConsoleTab, script: str) -> Any:
    if not tab.page.url.startswith("http"):
        await tab.open()
    return await tab.script(f"async () => {{ {LINES} {script} }}")


async def test_folding_what_is_kept_gives_the_rows_that_came_folded(tab: ConsoleTab) -> None:
    """Both ways, with what comes afterwards: a trace that is under way goes on."""
    differ = await run(
        tab,
        """const differ = [];
        for (let round = 1; round <= 300; round += 1) {
          seed = round;
          const [before, after] = [lines(40), lines(10)];
          for (const on of [true, false]) {
            const plain = new Buffer({ collapse: on });
            const changed = new Buffer({ collapse: !on });
            feed(plain, before); feed(changed, before);
            changed.recollapse(on);
            feed(plain, after); feed(changed, after);
            const [a, b] = [seen(plain), seen(changed)].map((each) => JSON.stringify(each));
            if (a !== b) differ.push([round, on, a, b]);
          }
        }
        return differ.slice(0, 1)""",
    )
    assert differ == []


async def test_a_trace_that_is_under_way_is_not_folded_away(tab: ConsoleTab) -> None:
    """Its next line would go to a row that is not on the page."""
    told = await run(
        tab,
        """const buffer = new Buffer({ collapse: false });
        const error = { message: 'TypeError: no', stream: 'stderr', level: 'error' };
        const frame = { ...error, message: '    at handler (index.js:21:5)' };
        feed(buffer, [{ id: '1000-0', ...error }, { id: '1001-0', ...error }]);
        buffer.recollapse(true);
        feed(buffer, [{ id: '1002-0', ...frame }]);
        return [buffer.events, buffer.items.map(idsOf)]""",
    )
    assert told == [3, [["1000-0"], ["1001-0", "1002-0"]]]


async def test_unfolding_says_how_many_repeats_were_only_counted(tab: ConsoleTab) -> None:
    told = await run(
        tab,
        """const buffer = new Buffer();
        const same = { message: 'same', requestId: 'r', level: 'info', stream: 'log' };
        for (let n = 0; n < 300; n += 1) buffer.event({ id: `${n}-0`, ...same });
        const told = () =>
          [buffer.events, buffer.left, buffer.held, buffer.levels.info, buffer.items.length];
        const before = told();
        buffer.recollapse(false);
        return [before, told()]""",
    )
    assert told == [[300, 0, 201, 300, 1], [201, 99, 201, 201, 201]]


async def test_fetched_lines_come_in_once_and_in_order(tab: ConsoleTab) -> None:
    """Also those that stand among a row's repeats, or within a stack trace."""
    wrong = await run(
        tab,
        """const wrong = [];
        for (let round = 1; round <= 100; round += 1) {
          seed = round;
          const all = Array.from({ length: 60 }, line);
          const buffer = new Buffer();
          feed(buffer, all.filter((_, at) => at % 7 !== 3));
          const page = all.slice(10, 50);
          const missing = page.filter((ev) => all.indexOf(ev) % 7 === 3).length;
          const added = buffer.insert(page);
          const again = buffer.insert(page);
          const ids = buffer.items.flatMap(idsOf);
          const told = [added, again, buffer.events, ids.length, new Set(ids).size];
          const whole = 60 - all.filter((ev, at) => at % 7 === 3 && !page.includes(ev)).length;
          if (String(told) !== String([missing, 0, whole, whole, whole])) wrong.push([round, told]);
        }
        return wrong.slice(0, 1)""",
    )
    assert wrong == []


async def test_a_position_is_what_the_plain_reading_says(tab: ConsoleTab) -> None:
    differ = await run(
        tab,
        """const plain = (id) => {
          const [ms, seq] = id.split('-');
          const at = [Number(ms || Infinity), Number(seq ?? 0)];
          return Number.isNaN(at[0]) || Number.isNaN(at[1]) ? [Infinity, 0] : at;
        };
        const sign = () => '0123456789.x'[random(random(9) ? 10 : 12)];
        const part = () => Array.from({ length: random(18) }, sign).join('');
        const made = () => (random(4) ? `${part()}-${part()}` : part());
        const ids = Array.from({ length: 2000 }, made);
        return ids.filter((id) => String(plain(id)) !== String(position(id)))""",
    )
    assert differ == []
