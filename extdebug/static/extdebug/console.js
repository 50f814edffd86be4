// The console page: puts connection, rows, filters and look together. Every part has a file.

import { Buffer } from "./buffer.js";
import { Connection, refusesFilter } from "./connection.js";
import { byId, el, readJson } from "./dom.js";
import { hideEnding, showEnding, waitingWords } from "./ending.js";
import { explainEmpty } from "./empty.js";
import { Filters } from "./filters.js";
import { Find } from "./find.js";
import { Intake } from "./intake.js";
import { listen, setUpHelp } from "./keys.js";
import { rowOf } from "./line.js";
import { Look, TIME_NAMES, toggleTheme } from "./look.js";
import { actOn, LineKeys } from "./lineacts.js";
import { Pulse } from "./pulse.js";
import { Rows } from "./rows.js";
import { announce, Strip, toast } from "./strip.js";
import { take } from "./take.js";
import { plain } from "./text.js";
import { FROMS, fromWords, readView, startOf, writeView } from "./view.js";
import { count, plural } from "./words.js";

const config = readJson("console-config");
let view = readView(location.search, location.hash, config.selected ?? {});
let stopCountdown = () => {};
let ready = null;
let ledger = null;
let searching = false; // the server is still reading history
let fresh = true; // the next session starts at view.from, not where the last one stopped

const buffer = new Buffer();
const pulse = new Pulse(byId("pulse"));
const look = new Look((name) => {
  drawTools();
  if (name === "collapse") {
    buffer.recollapse(look.collapse);
    rows.reset();
    find.rescan();
  }
  rows.refreshAll({ measure: name !== "time" });
});
buffer.collapse = look.collapse;

const scene = {
  look,
  get marker() {
    return find.marker;
  },
  get marked() {
    return view.line;
  },
  get showInstall() {
    return (ready?.target.installs.length ?? 2) > 1;
  },
};
const rows = new Rows({
  scroller: byId("lines"),
  buffer,
  build: (item, previous) => rowOf(item, previous, scene),
  onFollow: (on) => {
    if (on) intake.caughtUp();
    drawTools();
    drawCounts();
  },
});
const strip = new Strip({ onExtend: extend, pulse });
const find = new Find({ buffer, rows, onMarks: marksChanged });
const filters = new Filters({ onChange: filterChanged, onTenant: tenantChanged });
const connection = new Connection({
  url: socketUrl(config.wsUrl),
  begin: () => ({
    target: { extension: config.extension, tenant: view.tenant },
    filter: view.filter,
    from: startOf(view.from),
  }),
  onFrame: frame,
  onChange: connectionChanged,
});
const intake = new Intake({
  buffer,
  rows,
  connection,
  pulse,
  onChange: drawCounts,
  onItem: (item) => find.note(item),
});

// --- what the server says ---------------------------------------------------------------------

const handlers = {
  ready(message) {
    const again = ready?.session === message.session;
    ready = message;
    fresh = false;
    if (view.tenant !== message.target.tenant) {
      view.tenant = message.target.tenant;
      address();
      filters.setTenants(config.tenants, view.tenant);
    }
    filters.setInstalls(message.target.installs);
    strip.times(message);
    strip.grant(message.grant, message.environment);
    strip.banner(message.mode === "runner" ? "fallback" : "", "");
    strip.state("live");
    if (again) intake.note("Reconnected: going on at the same line.", "good");
    intake.reconnected();
    rows.refreshAll();
  },
  events(message) {
    strip.line();
    intake.events(message.events);
  },
  gap(message) {
    intake.gap(message);
    announce("Lines are missing here: a notice stands in their place.");
  },
  page: (message) => intake.page(message),
  refiltered() {
    searching = true;
    intake.clear({ forget: true });
  },
  status(message) {
    ledger = message.ledger ?? ledger;
    if (ledger) strip.ledger(ledger);
    searching = message.state === "history";
    strip.times(message);
    strip.state(message.state, "", { say: message.state !== "history" });
    strip.banner(message.state, message.message);
    drawCounts();
  },
  expiring(message) {
    strip.times(message);
    announce("This session ends in a minute unless you extend it.");
  },
  error(message) {
    if (refusesFilter(message)) filters.showError(message.message, message.position);
    else toast(plain(message.message));
    if (message.code === "unavailable") intake.refused("could not be fetched now");
  },
  closing(message) {
    if (message.ledger) strip.ledger(message.ledger);
  },
};

function frame(message) {
  handlers[message.type]?.(message);
}

function connectionChanged(state) {
  stopCountdown();
  stopCountdown = () => {};
  const live = state.name === "open";
  byId("connect").textContent = state.name === "idle" || state.name === "closed" ? "Connect" : "Disconnect";
  byId("connect").classList.toggle("primary", state.name === "idle" || state.name === "closed");
  if (live) {
    hideEnding();
  } else if (state.name === "waiting") {
    stopCountdown = waitingWords(state, (text) => strip.state("waiting", text));
    strip.banner("waiting", [state.end.message, state.end.hint].filter(Boolean).join(" "));
  } else if (state.name === "closed") {
    strip.state("closed");
    strip.ended();
    strip.banner("", "");
    ended(state);
  } else if (state.name === "connecting") {
    if (state.attempt === 0) strip.state("connecting");
  } else {
    strip.state(state.name);
    strip.ended();
    strip.banner("", "");
  }
  drawCounts();
}

function ended({ code, end }) {
  const again = { label: "Start a new session", run: () => start(), primary: true };
  const actions = [];
  if (code === 4400 && view.filter.q) actions.push({ label: "Connect without the filter text", run: () => setFilter({ q: "" }), primary: true });
  if (code === 4401) actions.push({ label: "Sign in", href: `/login/?next=${encodeURIComponent(location.pathname + location.search)}`, primary: true });
  else if (code === 4408 || code === 4409 || code === 4410) actions.push(again);
  else if (code === 4403) actions.push({ label: "Try again", run: () => start() });
  actions.push({ label: "All extensions", href: "/extensions/" });
  intake.note("The session ended here.", "");
  showEnding({ end: { ...end, code }, actions, request: accessRequest() });
}

function accessRequest() {
  const entry = config.tenants.find(({ tenant }) => tenant === view.tenant);
  return { tenant: view.tenant, extension: config.extension, installs: entry?.installs ?? [], chosen: view.filter.installs, url: config.grantsUrl };
}

// --- what the reader does ---------------------------------------------------------------------

function start({ again = false } = {}) {
  hideEnding();
  const entry = config.tenants.find(({ tenant }) => tenant === view.tenant);
  strip.environment(entry?.environment);
  filters.setTenants(config.tenants, view.tenant);
  if (entry && !ready) filters.setInstalls(entry.installs);
  if (!view.tenant && config.tenants.length > 1) {
    strip.state("idle");
    drawCounts();
    return;
  }
  if (entry && !entry.allowed) {
    strip.state("closed");
    showEnding({
      title: "You may not watch this now",
      end: { ...entry, code: 4403, message: entry.reason },
      actions: [{ label: "Try anyway", run: () => dial(again) }],
      request: accessRequest(),
    });
    drawCounts();
    return;
  }
  dial(again);
}

function dial(again) {
  const cursor = again || fresh ? null : connection.cursor;
  if (!cursor) intake.clear({ forget: true });
  connection.connect();
  connection.cursor = cursor; // go on where the last session stopped, so that nothing doubles
}

function toggleConnection() {
  if (["idle", "closed"].includes(connection.state.name)) start();
  else connection.disconnect();
}

function extend() {
  if (!connection.send({ type: "extend" })) toast("Not connected: nothing to extend.");
}

function filterChanged(filter, { narrowed = false } = {}) {
  view = { ...view, filter };
  address({ push: narrowed });
  drawFlow();
  // After "only new lines" a changed filter would leave the page blank: look back a little.
  connection.refilter(filter, view.from === "now" ? { tail: 200 } : startOf(view.from));
  if (connection.state.name === "closed" && connection.state.code === 4400) start();
  drawCounts();
}

function setFilter(part) {
  filters.changed(part, { redraw: true });
}

function tenantChanged(tenant) {
  if (!tenant || tenant === view.tenant) return;
  view = { ...view, tenant, filter: { ...view.filter, installs: [] }, line: null };
  ready = null;
  address({ push: true });
  filters.set(view.filter);
  connection.disconnect();
  start({ again: true });
}

function fromChanged(from) {
  view = { ...view, from, line: null };
  address();
  drawFrom();
  connection.disconnect();
  start({ again: true });
}

function setPaused(on) {
  intake.setPaused(on);
  drawTools();
  drawCounts();
}

function marksChanged() {
  view = { ...view, highlights: find.highlights };
  address();
  rows.refreshAll();
}

function address({ push = false } = {}) {
  const wanted = location.pathname + (writeView(view) || "");
  if (wanted === location.pathname + location.search + location.hash) return;
  if (push) history.pushState(null, "", wanted);
  else history.replaceState(history.state, "", wanted);
}

// --- what is drawn outside of the rows --------------------------------------------------------

function drawTools() {
  const press = (id, on) => byId(id).setAttribute("aria-pressed", String(on));
  press("pause", intake.paused);
  byId("pause").querySelector("span").textContent = intake.paused ? "Resume" : "Pause";
  byId("pause").querySelector("use").setAttribute("href", intake.paused ? "#i-play" : "#i-pause");
  press("follow", rows.following);
  press("wrap", look.wrap);
  press("collapse", look.collapse);
  byId("lines").classList.toggle("nowrap", !look.wrap);
  byId("lines").classList.toggle("no-install", !scene.showInstall);
  byId("lines").dataset.time = look.time;
  byId("time-text").textContent = TIME_NAMES[look.time];
}

let countsAsked = false;

function drawCounts() {
  if (countsAsked) return;
  countsAsked = true;
  setTimeout(() => {
    countsAsked = false;
    const fresh = intake.unseen + intake.waitingLines;
    const button = byId("to-end");
    button.hidden = fresh === 0 && !intake.paused;
    const stopped = intake.stopped ? "; more wait in the stream" : "";
    button.textContent = intake.paused ? `Paused · ${count(fresh)} new${stopped} · resume` : `↓ ${plural(fresh, "new line")}${stopped}`;
    button.classList.toggle("paused", intake.paused);
    const left = buffer.left ? `, ${count(buffer.left)} older ones left it` : "";
    strip.kept(buffer.events ? `${plural(buffer.events, "line")} on this page${left}` : "");
    if (find.stale) find.tell();
    explainEmpty({ buffer, state: connection.state, ready, view, ledger, config, searching, onReset: () => byId("filters-reset").click(), onTenant: (tenant) => tenantChanged(tenant), onConnect: () => start(), onHelp: () => byId("help").click() });
  }, 100);
}

function drawFlow() {
  const bar = byId("flow-bar");
  bar.hidden = !view.filter.request;
  if (bar.hidden) return;
  bar.replaceChildren(
    el("span", {}, "Only request ", el("code", {}, plain(view.filter.request))),
    el("button", { type: "button", class: "small", on: { click: () => setFilter({ request: null }) } }, "All requests ( u )"),
  );
}

function drawFrom() {
  byId("from-text").textContent = fromWords(view.from);
}

// --- wiring -----------------------------------------------------------------------------------

const lineKeys = new LineKeys({ buffer, rows });
const run = {
  pause: () => setPaused(!intake.paused),
  follow: () => (rows.following ? rows.follow(false) : toEnd()),
  clear: () => toast(`${plural(intake.clear(), "line")} cleared from the view.`),
  query: () => byId("q").focus(),
  unrequest: () => setFilter({ request: null }),
  stream: ({ name, only }) => filters.toggle(name, only),
  search: () => find.openSearch(),
  highlight: () => find.openHighlights(),
  hit: (by) => find.step(by),
  time: () => look.nextTime(),
  wrap: () => look.set("wrap", !look.wrap),
  collapse: () => look.set("collapse", !look.collapse),
  extend,
  connect: toggleConnection,
  move: (by) => lineKeys.move(by),
  end: (newest) => (newest ? toEnd() : lineKeys.first()),
  request: () => lineKeys.current()?.ev?.requestId ? act("request", lineKeys.current()) : byId("request").focus(),
  open: () => lineKeys.current() && act("open", lineKeys.current()),
  copy: () => lineKeys.current() && act("copy", lineKeys.current()),
  permalink: () => lineKeys.current() && act("permalink", lineKeys.current()),
  help: setUpHelp(),
};

function toEnd() {
  if (intake.paused) setPaused(false);
  rows.follow(true);
  rows.draw();
}

function act(name, item, data = {}) {
  return actOn(name, item, data, { view, rows, intake, filters, setFilter, toast });
}

listen((name, argument) => run[name]?.(argument));
for (const id of ["pause", "follow", "clear", "time", "wrap", "collapse", "connect"]) byId(id).addEventListener("click", () => run[id]());
byId("to-end").addEventListener("click", toEnd);
byId("theme").addEventListener("click", () => {
  toggleTheme();
  pulse.draw();
});
byId("lines").addEventListener("click", (e) => {
  const item = rows.itemOf(e.target);
  if (!item) return;
  const button = e.target.closest("[data-act]");
  if (button) act(button.dataset.act, item, button.dataset);
  else if (!e.target.closest(".detail, a, summary") && getSelection().isCollapsed && item.kind === "event") act("open", item);
});
byId("take").addEventListener("click", async (e) => {
  const what = e.target.closest("[data-take]")?.dataset.take;
  if (!what) return;
  byId("take").open = false;
  toast(await take(what, { buffer, view, config }));
});
for (const [value, words] of FROMS) {
  byId("from-list").append(el("button", { type: "button", on: { click: () => { byId("from-menu").open = false; fromChanged(value); } } }, words));
}
document.addEventListener("click", (e) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(e.target)) menu.open = false;
});
setInterval(() => look.time === "ago" && !document.hidden && rows.refreshAll({ measure: false }), 1000);
addEventListener("popstate", () => {
  const old = view;
  view = readView(location.search, location.hash, config.selected ?? {});
  filters.set(view.filter);
  find.setHighlights(view.highlights, { tell: false });
  drawFlow();
  drawFrom();
  if (view.tenant !== old.tenant || view.from !== old.from) {
    connection.disconnect();
    start({ again: true });
  } else if (JSON.stringify(view.filter) !== JSON.stringify(old.filter)) filterChanged(view.filter);
});
addEventListener("pagehide", () => connection.disconnect());
addEventListener("pageshow", (e) => e.persisted && start());

function socketUrl(path) {
  const url = new URL(path ?? "/ws/ext-debug/", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}

if (!view.tenant && config.tenants.length === 1) view.tenant = config.tenants[0].tenant;
filters.set(view.filter);
find.setHighlights(view.highlights, { tell: false });
drawTools();
drawFlow();
drawFrom();
start();
