"""The page's account of requests, without its drawing: outcomes, repeated ids, gaps, bounds."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import ConsoleTab

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

# Makes `model` and the short ways to feed it; a test's own script goes on from there.
PRELUDE = """
const { Requests, missingLines, rank } = await import('/static/extdebug/requests.js');
const { outcomeOf, stateWords, took, offset } = await import('/static/extdebug/request-outcome.js');
const model = new Requests();
let ms = 1795000000000;
const line = (requestId, more = {}) => ({ id: `${ms += 10}-0`, ts: new Date(ms).toISOString(),
  level: 'info', stream: 'log', message: 'm', requestId, ...more });
const start = (id, more) =>
  line(id, { execution: { phase: 'start' }, message: 'GET / started', ...more });
const end = (id, outcome, durationMs = 5) =>
  line(id, { execution: { phase: 'end', outcome, durationMs } });
const feed = (...events) => { for (const ev of events) model.add(ev); return events; };
const rows = (moment = { now: ms }) => model.list('failing', moment);
const row = (id, moment) => rows(moment).find(({ request }) => request.id === id);
const label = (id, moment) => stateWords(row(id, moment).state).label;
"""


async def run(tab: ConsoleTab, script: str) -> Any:
    """What a script says that goes on from PRELUDE."""
    if not tab.page.url.startswith("http"):
        await tab.open()
    return await tab.script(f"async () => {{ {PRELUDE} {script} }}")


async def test_outcomes_durations_and_offsets_in_words(tab: ConsoleTab) -> None:
    outcomes = await run(
        tab,
        """const said = ['200', '404', '500', 'ok', 'exit_0', 'exit_3', 'signal_9', 'trap',
          'out_of_memory', 'something_new'].map(outcomeOf);
        return said.map(({ text, failed, tone }) => [text, failed, tone])""",
    )
    assert outcomes == [
        ["200", False, "good"],
        ["404", False, "warn"],
        ["500", True, "bad"],
        ["ok", False, "good"],
        ["exit 0", False, "good"],
        ["exit 3", True, "bad"],
        ["signal 9", True, "bad"],
        ["trap", True, "bad"],
        ["out of memory", True, "bad"],
        ["something new", True, "bad"],
    ]
    words = "return [0.42, 9.96, 812.4, 999.6, 1284, 59999, 125000].map(took)"
    assert await run(tab, words) == [
        "0.4 ms", "10.0 ms", "812 ms", "1.00 s", "1.28 s", "1 min 0 s", "2 min 5 s",
    ]  # fmt: skip
    assert await run(tab, "return [0, 412, 125120, -3].map(offset)") == [
        "+0.000 s", "+0.412 s", "+2:05.120", "−0.003 s",
    ]  # fmt: skip


async def test_an_id_that_is_used_again_tells_both_outcomes_and_a_failure_stays_one(
    tab: ConsoleTab,
) -> None:
    again = """feed(start('r'), end('r', '500'), start('r'));
      const between = label('r');
      feed(end('r', '200'));
      return [between, label('r'), rank(row('r'))]"""
    assert await run(tab, again) == ["running", "500 → 200", 0]
    # Two at once: it runs until both have ended.
    at_once = """feed(start('r'), start('r'), end('r', '200'));
      const one = label('r'); feed(end('r', '200')); return [one, label('r')]"""
    assert await run(tab, at_once) == ["running", "200 → 200"]


async def test_the_same_id_at_two_installs_is_two_requests(tab: ConsoleTab) -> None:
    script = """feed(line('r', { installId: 'a' }), line('r', { installId: 'b' }), line(null));
      return rows().map(({ request }) => [request.install, request.lines])"""
    assert await run(tab, script) == [["b", 1], ["a", 1]]


async def test_lines_told_again_count_once_and_ends_stay_known(tab: ConsoleTab) -> None:
    script = """const all = feed(start('r'), line('r', { level: 'error' }), end('r', '500'));
      model.restart();
      const hidden = rows().length;
      feed(all[1]);
      const told = (moment) => [label('r', moment), row('r').request.lines, row('r').request.whole];
      const under = told({ now: ms, hidesEnds: true });
      model.restart();
      feed(...all);
      return [hidden, under, told(), row('r').state.ends]"""
    assert await run(tab, script) == [0, ["500", 1, False], ["500", 3, True], ["500"]]


async def test_silence_makes_a_request_unknown_and_a_gap_may_hold_its_end(tab: ConsoleTab) -> None:
    script = """feed(line('foreign'), start('open'));
      const soon = [label('foreign', { now: ms + 9000 }), label('open', { now: ms + 60000 })];
      model.gap({ reason: 'producer', missed: 3, after: `${ms}-0`, before: `${ms + 5}-0` });
      return [soon, label('foreign', { now: ms + 60000 }), label('open', { now: ms + 60000 }),
        label('open', { now: ms + 1000 }), row('open').request.lines]"""
    assert await run(tab, script) == [["active", "running"], "unknown", "unknown", "running", 1]


async def test_a_gap_is_of_the_requests_under_way_alone(tab: ConsoleTab) -> None:
    script = """feed(start('ended'), end('ended', '200'), start('open'));
      const after = `${ms}-0`; ms += 50; const before = `${ms + 10}-0`;
      const gap = { reason: 'producer', missed: 3, after, before };
      model.gap(gap);
      feed(start('later'), line('open'), end('open', '200'), start('new'));
      const of = () => rows().filter(({ request }) => model.gapsOf(request).length)
        .map(({ request }) => request.id);
      const first = of();
      model.filled(gap);
      return [first, of()]"""
    assert await run(tab, script) == [["open"], []]


async def test_fetched_lines_count_once_and_in_their_place(tab: ConsoleTab) -> None:
    script = """const s = start('r'), a = line('r');
      const b = line('r', { level: 'error', message: 'early' });
      const c = line('r', { level: 'error', message: 'late' });
      feed(a, c);
      model.fetched([s, b, a]); model.fetched([b]);
      const { request } = row('r');
      return [request.kept.map(({ id }) => id).join() === [s, a, b, c].map(({ id }) => id).join(),
        request.lines, request.counts.error, request.firstError.message, request.whole]"""
    assert await run(tab, script) == [True, 4, 2, "early", True]


async def test_lines_and_requests_are_bounded_and_the_counts_stay_exact(tab: ConsoleTab) -> None:
    script = """feed(start('long'));
      for (let n = 0; n < 2999; n += 1) feed(line('long', { message: `${n}` }));
      const { request } = row('long');
      const long = [request.lines, request.kept.length, missingLines(request), request.cut,
        request.kept[1].message, request.kept.at(-1).message];
      feed(start('bad'), line('bad', { level: 'error' }), end('bad', 'trap'));
      for (let n = 0; n < 3000; n += 1) feed(start(`r${n}`), line(`r${n}`), end(`r${n}`, '200'));
      const held = [...model.byId.values()].reduce((sum, each) => sum + each.kept.length, 0);
      return [long, held === model.held, held <= 5000, model.byId.size <= 1000,
        model.byId.size + model.left, row('bad').request.kept.length,
        rows().every((each) => each.request.lines >= each.request.kept.length)]"""
    long, *rest = await run(tab, script)
    assert long == [3000, 500, 2500, 100, "0", "2998"]
    assert rest == [True, True, True, 3002, 3, True]


async def test_events_without_a_place_are_counted_by_their_time(tab: ConsoleTab) -> None:
    script = """feed(start('r', { id: '' }), line('r', { id: '' }));
      const running = [label('r', { now: ms + 2000 }), row('r', { now: ms + 2000 }).state.ms];
      const last = end('r', '200'); last.id = ''; feed(last);
      return [running, label('r'), row('r').request.lines]"""
    assert await run(tab, script) == [["running", 2010], "200", 3]
