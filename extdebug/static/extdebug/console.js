// The console page: puts its parts together and does what the reader asks. Every part has a file.

import { Buffer } from "./buffer.js";
import { Connection } from "./connection.js";
import { byId, el, readJson } from "./dom.js";
import { hideEnding } from "./ending.js";
import { Filters } from "./filters.js";
import { Find } from "./find.js";
import { Intake } from "./intake.js";
import { listen, setUpHelp } from "./keys.js";
import { rowOf } from "./line.js";
import { actOn, LineKeys, showFlows } from "./lineacts.js";
import { Look, toggleTheme } from "./look.js";
import { Panel } from "./panel.js";
import { Pulse } from "./pulse.js";
import { Rows } from "./rows.js";
import { Session } from "./session.js";
import { Strip, toast } from "./strip.js";
import { take } from "./take.js";
import { FROMS, readView, sameFilter, startOf, writeView } from "./view.js";
import { plural } from "./words.js";

/** The page's parts and what they do for each other. */
const app = {
  config: readJson("console-config"),
  view: null,
  began: false, // a session was opened: the next one goes on where it stopped

  /** A session stands on this tenant, which the server may have chosen. */
  arrived(tenant) {
    app.began = true;
    if (app.view.tenant === tenant) return;
    app.view.tenant = tenant;
    address();
    app.filters.setTenants(app.config.tenants, tenant);
  },

  /** Open a session: where the last one stopped, or at the view's start when `again`. */
  start({ again = false } = {}) {
    hideEnding();
    const { config, view, filters, session } = app;
    const entry = config.tenants.find(({ tenant }) => tenant === view.tenant);
    app.strip.environment(entry?.environment);
    filters.setTenants(config.tenants, view.tenant);
    if (entry && !session.ready) filters.setInstalls(entry.installs);
    if (!view.tenant && config.tenants.length > 1) app.strip.state("idle");
    else if (entry && !entry.allowed) session.refused(entry, () => dial(again));
    else dial(again);
    app.panel.counts();
  },

  setFilter: (part) => app.filters.changed(part, { redraw: true }),
};
app.view = currentView();
app.buffer = new Buffer();
app.pulse = new Pulse(byId("pulse"));
app.look = new Look(lookChanged);
app.buffer.collapse = app.look.collapse;
app.scene = {
  look: app.look,
  get marker() {
    return app.find.marker;
  },
  get marked() {
    return app.view.line;
  },
  get showInstall() {
    return (app.session.ready?.target.installs.length ?? 2) > 1;
  },
};
app.panel = new Panel(app);
app.session = new Session(app);
app.rows = new Rows({
  scroller: byId("lines"),
  buffer: app.buffer,
  build: (item, previous) => rowOf(item, previous, app.scene),
  onFollow: (on) => {
    if (on) app.intake.caughtUp();
    app.panel.tools();
    app.panel.counts();
  },
});
app.strip = new Strip({ onExtend: extend, pulse: app.pulse });
app.find = new Find({ buffer: app.buffer, rows: app.rows, onMarks: marksChanged });
app.filters = new Filters({ onChange: filterChanged, onTenant: tenantChanged });
app.connection = new Connection({
  url: socketUrl(app.config.wsUrl),
  begin: () => ({
    target: { extension: app.config.extension, tenant: app.view.tenant },
    filter: app.view.filter,
    from: startOf(app.view.from),
  }),
  onFrame: (frame) => app.session.frame(frame),
  onChange: (state) => app.session.changed(state),
});
app.intake = new Intake({
  buffer: app.buffer,
  rows: app.rows,
  connection: app.connection,
  clock: app.strip,
  onChange: () => app.panel.counts(),
  onItem: (item) => app.find.note(item),
});
app.lineKeys = new LineKeys(app);

// --- the session ------------------------------------------------------------------------------

function dial(again) {
  hideEnding();
  const cursor = again || !app.began ? null : app.connection.cursor;
  if (!cursor) app.intake.clear({ forget: true });
  app.connection.connect();
  app.connection.cursor = cursor; // go on where the last session stopped, so that nothing doubles
}

function startOver() {
  app.connection.disconnect();
  app.start({ again: true });
}

function toggleConnection() {
  if (["idle", "closed"].includes(app.connection.state.name)) app.start();
  else app.connection.disconnect();
}

function extend() {
  if (!app.connection.send({ type: "extend" })) toast("Not connected: nothing to extend.");
}

function socketUrl(path) {
  const url = new URL(path ?? "/ws/ext-debug/", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}

// --- the view and its address -----------------------------------------------------------------

function currentView() {
  const read = readView(location.search, location.hash);
  const { tenants } = app.config;
  if (!read.tenant && tenants.length === 1) read.tenant = tenants[0].tenant;
  return read;
}

function address({ push = false } = {}) {
  const wanted = location.pathname + writeView(app.view);
  if (wanted === location.pathname + location.search + location.hash) return;
  if (push) history.pushState(null, "", wanted);
  else history.replaceState(history.state, "", wanted);
}

function filterChanged(filter, { narrowed = false } = {}) {
  app.view = { ...app.view, filter };
  address({ push: narrowed });
  app.panel.view();
  // After "only new lines" a changed filter would leave the page blank: look back a little.
  app.connection.refilter(filter, app.view.from === "now" ? { tail: 200 } : startOf(app.view.from));
  const { name, code } = app.connection.state;
  if (name === "closed" && code === 4400) app.start();
  app.panel.counts();
}

function tenantChanged(tenant) {
  if (!tenant || tenant === app.view.tenant) return;
  app.view = { ...app.view, tenant, filter: { ...app.view.filter, installs: [] }, line: null };
  app.session.ready = null;
  address({ push: true });
  app.filters.set(app.view.filter);
  startOver();
}

function fromChanged(from) {
  app.view = { ...app.view, from, line: null };
  address();
  app.panel.view();
  startOver();
}

function wentBack() {
  const old = app.view;
  app.view = currentView();
  app.filters.set(app.view.filter);
  app.find.setHighlights(app.view.highlights, { tell: false });
  app.panel.view();
  if (app.view.tenant !== old.tenant || app.view.from !== old.from) startOver();
  else if (!sameFilter(app.view.filter, old.filter)) filterChanged(app.view.filter);
}

function marksChanged() {
  app.view = { ...app.view, highlights: app.find.highlights };
  address();
  app.rows.refreshAll();
}

function lookChanged(name) {
  app.panel.tools();
  if (name === "collapse") {
    app.buffer.recollapse(app.look.collapse);
    app.rows.reset();
    app.find.rescan();
  }
  app.rows.refreshAll({ measure: name !== "time" });
}

// --- what the reader does ---------------------------------------------------------------------

function setPaused(on) {
  app.intake.setPaused(on);
  app.panel.tools();
  app.panel.counts();
}

function toEnd() {
  if (app.intake.paused) setPaused(false);
  app.rows.follow(true);
  app.rows.draw();
}

function act(name, item = app.lineKeys.current(), data = {}) {
  return item && actOn(name, item, data, { ...app, toast });
}

const run = {
  pause: () => setPaused(!app.intake.paused),
  follow: () => (app.rows.following ? app.rows.follow(false) : toEnd()),
  clear: () => toast(`${plural(app.intake.clear(), "line")} cleared from the view.`),
  query: () => byId("q").focus(),
  unrequest: () => app.setFilter({ request: null }),
  stream: ({ name, only }) => app.filters.toggle(name, only),
  search: () => app.find.openSearch(),
  highlight: () => app.find.openHighlights(),
  hit: (by) => app.find.step(by),
  time: () => app.look.nextTime(),
  wrap: () => app.look.set("wrap", !app.look.wrap),
  collapse: () => app.look.set("collapse", !app.look.collapse),
  extend,
  connect: toggleConnection,
  move: (by) => app.lineKeys.move(by),
  end: (newest) => (newest ? toEnd() : app.lineKeys.first()),
  request: () => (app.lineKeys.current()?.ev.requestId ? act("request") : byId("request").focus()),
  open: () => act("open"),
  copy: () => act("copy"),
  permalink: () => act("permalink"),
  help: setUpHelp(),
};

function clicked(e) {
  const item = app.rows.itemOf(e.target);
  if (!item) return;
  const button = e.target.closest("[data-act]");
  const elsewhere = e.target.closest(".detail, a, summary") || !getSelection().isCollapsed;
  if (button) act(button.dataset.act, item, button.dataset);
  else if (!elsewhere && item.kind === "event") act("open", item);
}

async function taken(e) {
  const what = e.target.closest("[data-take]")?.dataset.take;
  if (!what) return;
  byId("take").open = false;
  toast(await take(what, app));
}

function closeMenus(e) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(e.target)) menu.open = false;
  }
}

listen((name, argument) => run[name]?.(argument));
for (const id of ["pause", "follow", "clear", "time", "wrap", "collapse", "connect"]) {
  byId(id).addEventListener("click", () => run[id]());
}
byId("to-end").addEventListener("click", toEnd);
byId("theme").addEventListener("click", toggleTheme);
byId("lines").addEventListener("click", clicked);
byId("take").addEventListener("click", taken);
showFlows(byId("lines"));
for (const [value, words] of FROMS) {
  const choose = () => {
    byId("from-menu").open = false;
    fromChanged(value);
  };
  byId("from-list").append(el("button", { type: "button", on: { click: choose } }, words));
}
document.addEventListener("click", closeMenus);
setInterval(() => {
  if (app.look.time === "ago" && !document.hidden) app.rows.refreshAll({ measure: false });
}, 1000);
addEventListener("popstate", wentBack);
addEventListener("pagehide", () => app.connection.disconnect());
addEventListener("pageshow", (e) => e.persisted && app.start());

app.filters.set(app.view.filter);
app.find.setHighlights(app.view.highlights, { tell: false });
app.panel.tools();
app.panel.view();
address();
app.start();
