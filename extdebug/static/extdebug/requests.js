// Keeps the requests of the page, as their events tell them: outcome, counts, first error, lines, and
// the gaps within their time. Bounded; no DOM here.

import { isBefore, position } from "./buffer.js";
import { outcomeOf } from "./request-outcome.js";

const MOST_REQUESTS = 1000;
const MOST_LINES = 5000; // lines kept of all requests, for those that are opened
const FIRST_LINES = 100; // of one request so many of its first lines are kept,
const LINES = 500; // and with its last ones so many
const MOST_MARKS = 16; // beginnings and ends remembered of one request
const MOST_GAPS = 200;
const SPARE = 0.05; // of a bound is made free at once, so that it is not sorted for each event
const QUIET = 10_000; // ms after the last line in which a request without an end may go on

const LEVELS = ["error", "warn", "info", "debug", "trace"];
const NEVER = [Infinity, 0];

const nameOf = (ev) => `${ev.tenantId ?? ""}\n${ev.installId ?? ""}\n${ev.requestId}`;

/** Where an event stands: by its id, or by its time when it came straight from a runner and has no place. */
function placeOf(ev) {
  const at = position(ev.id);
  return Number.isFinite(at[0]) ? at : [Date.parse(ev.ts) || 0, 0];
}

/**
 * What the page knows of one request.
 * @typedef {object} Request
 * @property {number} key unique on the page
 * @property {string} id
 * @property {string|undefined} install
 * @property {object[]} marks its executions' beginnings and ends, in stream order: {id, at, ms, phase, outcome, durationMs}
 * @property {string} title what its runner said when it began
 * @property {Object<string, number>} counts lines by level
 * @property {number} lines how many lines were counted
 * @property {boolean} whole whether the count begins with the request itself
 * @property {object[]} kept events, in stream order; some are missing at index `cut`
 * @property {number} cut
 * @property {object|null} firstError the first event of level error
 * @property {number[]|null} first position of the first event counted
 * @property {number[]|null} last position of the last one
 * @property {number} startMs when it was first heard of, by its runner's clock
 * @property {number} version grows with each change
 */

export class Requests {
  constructor() {
    this.byId = new Map(); // tenant, install and id -> Request
    this.gaps = []; // {gap, after, before, filled}
    this.held = 0; // events in `kept` of all requests
    this.left = 0; // requests that were dropped beyond the bound
    this.newest = null; // position of the newest event
    this.pinned = null; // the Request that is open: its lines stay
    this.nextKey = 0;
  }

  /** Count an event that was received. */
  add(ev) {
    const at = placeOf(ev);
    if (!this.newest || isBefore(this.newest, at)) this.newest = at;
    if (!ev.requestId) return;
    const request = this.of(ev);
    if (ev.execution) mark(request, ev, at);
    if (!request.lines) request.whole = ev.execution?.phase === "start";
    count(request, ev, at);
    this.keep(request, ev);
  }

  /** Count events that were fetched from before the newest: those already counted are passed over. */
  fetched(events) {
    for (const ev of events) {
      if (!ev.requestId) continue;
      const request = this.of(ev);
      if (request.kept.some(({ id }) => id === ev.id)) continue;
      const at = placeOf(ev);
      if (ev.execution) mark(request, ev, at);
      if (ev.execution?.phase === "start" && (!request.first || isBefore(at, request.first))) request.whole = true;
      count(request, ev, at);
      this.keep(request, ev, request.kept.findIndex((each) => isBefore(at, placeOf(each))));
    }
  }

  /** Events of which only what they say of an execution is taken: the filter hides them. */
  learn(events) {
    for (const ev of events) {
      const request = ev.execution && this.find(ev);
      if (!request) continue;
      mark(request, ev, placeOf(ev));
      request.version += 1;
    }
  }

  /** A gap frame: whatever request was under way then may have lines in it. */
  gap(gap) {
    const after = gap.after ? position(gap.after) : gap.since ? [Date.parse(gap.since), 0] : (this.newest ?? [0, 0]);
    const before = gap.before ? position(gap.before) : NEVER;
    this.gaps.push({ gap, after, before, filled: false });
    if (this.gaps.length > MOST_GAPS) this.gaps.shift();
  }

  /** All lines of a gap were fetched. */
  filled(gap) {
    for (const each of this.gaps) if (each.gap === gap) each.filled = true;
  }

  /** The lines come anew, or are cleared: count from zero. How a request ended stays known. */
  restart() {
    for (const [name, request] of this.byId) {
      if (!request.marks.length) this.byId.delete(name);
      else Object.assign(request, uncounted(), { version: request.version + 1 });
    }
    this.gaps = [];
    this.held = this.left = 0;
    this.newest = null;
  }

  /** The request of an event, if it is known. */
  find(ev) {
    return this.byId.get(nameOf(ev));
  }

  of(ev) {
    const name = nameOf(ev);
    let request = this.byId.get(name);
    if (request) return request;
    if (this.byId.size >= MOST_REQUESTS) this.evict();
    request = { key: (this.nextKey += 1), name, id: ev.requestId, install: ev.installId, marks: [], title: "", version: 0, ...uncounted() };
    this.byId.set(name, request);
    return request;
  }

  keep(request, ev, before = -1) {
    const { kept } = request;
    if (before < 0) kept.push(ev);
    else {
      kept.splice(before, 0, ev);
      if (request.cut > before) request.cut += 1;
    }
    this.held += 1;
    if (kept.length > LINES) {
      // A request whose first lines are gone loses its oldest, any other what lies between.
      if (request.cut === null) request.cut = FIRST_LINES;
      kept.splice(request.cut, 1);
      this.held -= 1;
    }
    if (this.held > MOST_LINES) this.shed();
  }

  /** Let the lines of requests go that nobody is likely to open: long silent, and well. */
  shed() {
    for (const request of this.leastWanted()) {
      if (this.held <= MOST_LINES * (1 - SPARE)) return;
      this.held -= request.kept.length;
      request.kept = [];
      request.cut = 0;
      request.version += 1;
    }
  }

  evict() {
    let most = MOST_REQUESTS * SPARE;
    for (const request of this.leastWanted()) {
      if ((most -= 1) < 0) return;
      this.byId.delete(request.name);
      this.held -= request.kept.length;
      if (request.lines) this.left += 1;
    }
  }

  leastWanted() {
    const wanted = (request) => (!request.lines ? 0 : request.failed || request.firstError ? 2 : 1);
    return [...this.byId.values()]
      .filter((request) => request !== this.pinned)
      .sort((a, b) => wanted(a) - wanted(b) || (isBefore(a.last ?? NEVER, b.last ?? NEVER) ? -1 : 1));
  }

  /** The gaps that lie within the request's time, and of which some lines are still missing. */
  gapsOf(request) {
    if (!request.first) return [];
    const { open, ends } = executions(request);
    const end = open ? NEVER : ends.length ? request.last : [request.last[0] + QUIET, 0];
    return this.gaps.filter(({ after, before, filled }) => !filled && isBefore(request.first, before) && isBefore(after, end));
  }

  /**
   * How a request stands at `now` (epoch ms): {kind, outcome, failed, ms, quiet, runs}. `hidesEnds`: the
   * filter may leave ends out. Kinds: ended; running (it began, no end yet); active (lines come, and its
   * beginning is not here); unknown (it fell silent, and its end was not seen); hidden (by the filter).
   */
  state(request, { now, hidesEnds = false }) {
    const { open, ends, since } = executions(request);
    const last = request.last?.[0] ?? now;
    const quiet = Math.max(0, now - last);
    const runs = { ends: ends.map(({ outcome }) => outcome), failed: request.failed };
    if (!open && ends.length) {
      const { outcome, durationMs } = ends.at(-1);
      return { kind: "ended", outcome, ms: durationMs ?? null, quiet, ...runs };
    }
    if (hidesEnds) return { kind: "hidden", ms: null, quiet, ...runs };
    const silent = quiet >= QUIET;
    if (!open) return { kind: silent ? "unknown" : "active", ms: null, quiet, ...runs };
    if (silent && this.gapsOf(request).length) return { kind: "unknown", ms: null, quiet, ...runs };
    return { kind: "running", ms: Math.max(0, now - since), quiet, ...runs };
  }

  /** The requests with lines, in one of the ORDERS. */
  list(order, moment) {
    const rows = [];
    for (const request of this.byId.values()) if (request.lines) rows.push({ request, state: this.state(request, moment) });
    const newest = (a, b) => (isBefore(a.request.first, b.request.first) ? 1 : -1);
    const by = {
      failing: (a, b) => rank(a) - rank(b) || newest(a, b),
      newest,
      slowest: (a, b) => (b.state.ms ?? -1) - (a.state.ms ?? -1) || newest(a, b),
    };
    return rows.sort(by[order]);
  }
}

export const ORDERS = { failing: "Failing first", newest: "Newest first", slowest: "Slowest first" };

/** 0 for a request that failed, then those that logged an error, are under way, of unknown end, and well. */
export function rank({ request, state }) {
  if (state.failed) return 0;
  if (request.counts.error) return 1;
  if (state.kind === "running" || state.kind === "active") return 2;
  return state.kind === "ended" ? 4 : 3;
}

/** How many lines are not kept, at index `cut` of those that are. */
export const missingLines = (request) => request.lines - request.kept.length;

/** When the request began, as far as is known, by its runner's clock. */
export const beganAt = (request) => request.marks.find(({ phase }) => phase === "start")?.ms ?? request.startMs;

/** Its ends, how many executions are open, and when the one began that is. */
function executions(request) {
  let open = 0;
  let since = null;
  const ends = [];
  for (const each of request.marks) {
    if (each.phase === "start") {
      open += 1;
      since ??= each.at[0];
    } else {
      ends.push(each);
      open = Math.max(0, open - 1);
      if (!open) since = null;
    }
  }
  return { open, ends, since };
}

function mark(request, ev, at) {
  const { phase, outcome, durationMs } = ev.execution;
  if (ev.id && request.marks.some(({ id }) => id === ev.id)) return; // it is told again under another filter
  const ms = Date.parse(ev.ts);
  const after = request.marks.findIndex((each) => isBefore(at, each.at));
  request.marks.splice(after < 0 ? request.marks.length : after, 0, { id: ev.id, at, ms, phase, outcome, durationMs });
  if (request.marks.length > MOST_MARKS) request.marks.shift();
  if (phase === "start") request.title ||= ev.message.replace(/ started$/, "").slice(0, 200);
  if (phase === "end" && outcomeOf(outcome).failed) request.failed = true;
}

function count(request, ev, at) {
  request.lines += 1;
  request.counts[LEVELS.includes(ev.level) ? ev.level : "info"] += 1;
  request.version += 1;
  if (!request.first || isBefore(at, request.first)) {
    request.first = at;
    request.startMs = Date.parse(ev.ts);
  }
  if (!request.last || isBefore(request.last, at)) request.last = at;
  if (ev.level === "error" && (!request.firstError || isBefore(at, placeOf(request.firstError)))) request.firstError = ev;
}

function uncounted() {
  return { counts: Object.fromEntries(LEVELS.map((level) => [level, 0])), lines: 0, whole: false, kept: [], cut: null, firstError: null, first: null, last: null, startMs: NaN };
}
