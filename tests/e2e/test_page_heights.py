"""Where rows begin is known without adding up all of them, and is what adding up would say."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import ConsoleTab
from tests.e2e.protocol_server import Fake

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

# Rows come, go at the start, are measured, replaced, forgotten; after each step every answer is
# compared with plain addition. The steps are the same in each run.
AGAINST_ADDITION = """async () => {
  const { Heights } = await import('/static/extdebug/heights.js');
  let state = 7;
  const dice = (n) => (state = (state * 1103515245 + 12345) % 2147483648) % n;
  const heights = new Heights();
  let items = [];
  const wrong = [];
  const row = () => ({ h: dice(3) ? 20 + dice(60) : 0 });
  for (let step = 0; step < 400; step += 1) {
    const what = dice(10);
    if (what < 4) for (let n = dice(700); n; n -= 1) items.push(row());
    else if (what < 6) heights.drop(items.splice(0, dice(items.length + 1)));
    else if (what < 7) items = [...items.slice(0, 3), row(), ...items.slice(3)];
    else if (what < 8 && !dice(4)) heights.forget(items);
    else if (what < 9) {
      for (let n = dice(300); n; n -= 1) items.push(row()); // not counted yet when the oldest go
      heights.drop(items.splice(0, dice(400)));
    }
    heights.count(items);
    for (let n = 0; n < 5 && items.length; n += 1) {
      const at = dice(items.length);
      const was = heights.of(items[at]);
      items[at].h = 18 + dice(90);
      heights.change(at, items[at].h - was);
    }
    heights.learn(0, 9, 200 + dice(100));
    const tops = [0];
    for (const item of items) tops.push(tops.at(-1) + heights.of(item));
    const says = (name, got, expected) => {
      if (JSON.stringify(got) !== JSON.stringify(expected)) wrong.push([step, name, got, expected]);
    };
    says('total', heights.total, tops.at(-1));
    const at = dice(items.length + 1);
    says('top', heights.top(at), tops[at]);
    const top = dice(tops.at(-1) + 200) - 100;
    const bottom = top + 900;
    let from = items.findIndex((_, place) => tops[place + 1] >= top);
    if (from < 0) from = items.length;
    let to = from;
    while (to < items.length && tops[to] < bottom) to += 1;
    says('between', heights.between(top, bottom), [from, to, tops[from]]);
    const first = tops.findLastIndex((each) => each <= tops.at(-1) - 900);
    says('last', heights.last(900), [Math.max(0, first), items.length, tops[Math.max(0, first)]]);
  }
  return wrong.slice(0, 3);
}"""


async def test_every_answer_is_that_of_plain_addition(tab: ConsoleTab) -> None:
    await tab.open()
    assert await tab.script(AGAINST_ADDITION) == []


# How many rows are looked at for one drawing, at the end and in the middle.
LOOKED_AT = """async ([kept]) => {
  const { Heights } = await import('/static/extdebug/heights.js');
  const of = Heights.prototype.of;
  let looks = 0;
  Heights.prototype.of = function (item) { looks += 1; return of.call(this, item); };
  const drawn = async () => {
    looks = 0;
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    return looks;
  };
  const lines = document.querySelector('#lines');
  const seen = [];
  lines.dispatchEvent(new Event('scroll'));
  seen.push(await drawn());
  document.querySelector('#follow').click();
  let least = Infinity; // beside a drawing the page may look for something else
  for (const part of [2, 3, 4]) {
    looks = 0;
    lines.scrollTop = lines.scrollHeight / part;
    await new Promise((done) => setTimeout(done, 300)); // drawings are at most ten a second
    least = Math.min(least, looks);
  }
  seen.push(least);
  Heights.prototype.of = of;
  return seen;
}"""


async def test_a_drawing_does_not_look_at_all_rows(fake: Fake, tab: ConsoleTab) -> None:
    await tab.page.add_init_script("localStorage.setItem('ext-debug.kept', '50000')")
    await tab.open()
    await fake.lines(20_000)
    await tab.says("#kept", "20,000 lines in view")
    looked = await tab.script(LOOKED_AT, [20_000])
    assert 0 <= looked[0] < 4000, looked  # where it stands already there may be nothing to draw
    assert 0 < looked[1] < 4000, looked
    assert await tab.script("document.querySelectorAll('#lines .line').length") < 200
