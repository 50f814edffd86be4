// The console page: creates its parts, hands each what it needs, and does what the reader asks.

import { Buffer } from "./buffer.js";
import { closeClosedCard, hideClosedCard, onClosedCard } from "./closed-card.js";
import { Connection, socketUrl } from "./connection.js";
import { copySelectedRows } from "./copy-rows.js";
import { Counts } from "./counts.js";
import { CurrentView } from "./current-view.js";
import { byId, readJson } from "./dom.js";
import { EmptyState } from "./empty-state.js";
import { setUpExportMenu } from "./export.js";
import { Filters } from "./filters.js";
import { Find } from "./find.js";
import { LinkedLine } from "./linked-line.js";
import { plural } from "./messages.js";
import { toast } from "./notices.js";
import { Preferences, setUpTheme } from "./preferences.js";
import { Receiver } from "./receiver.js";
import { markSameRequest, RowActions, RowFocus } from "./row-actions.js";
import { rowOf } from "./row.js";
import { Rows } from "./rows.js";
import { Session } from "./session.js";
import { closeMenusBeside, listen, setUpHelp } from "./shortcuts.js";
import { Sparkline } from "./sparkline.js";
import { StatusBar } from "./status-bar.js";
import { Toolbar } from "./toolbar.js";
import { sameFilter, standsAtStart, startOfView } from "./view.js";

// --- the parts --------------------------------------------------------------------------------

const config = readJson("console-config");
const view = new CurrentView(config.tenants);
const preferences = new Preferences(preferenceChanged);
const buffer = new Buffer({ collapse: preferences.collapse });
const statusBar = new StatusBar({ onExtend: extend, sparkline: new Sparkline(byId("sparkline")) });
const rows = new Rows({
  scroller: byId("lines"),
  buffer,
  build: (item, previous) => rowOf(item, previous, rowContext()),
  onFollow: followChanged,
});
const find = new Find({ buffer, rows, onMarks: marksChanged });
const filters = new Filters({ onChange: filterChanged, onTenant: tenantChanged });
const connection = new Connection({
  url: socketUrl(config.wsUrl),
  begin: () => ({
    target: { extension: config.extension, tenant: view.current.tenant },
    filter: view.current.filter,
    from: startOfView(view.current),
  }),
  onFrame: (frame) => session.frame(frame),
  onChange: (state) => session.changed(state),
});
const receiver = new Receiver({
  buffer,
  rows,
  connection,
  statusBar,
  onChange: () => counts.draw(),
  onItem: (item) => find.note(item),
});
const linkedLine = new LinkedLine({ view, buffer, rows, receiver, connection });
const session = new Session({
  config,
  view,
  filters,
  receiver,
  statusBar,
  linkedLine,
  onReady: sessionReady,
  onRefiltered: refiltered,
  onChange: () => counts.draw(),
  onStart: () => start(),
});
const emptyState = new EmptyState({ config, view, buffer, connection, session, onConnect: () => start() });
const counts = new Counts({ receiver, buffer, statusBar, find, emptyState });
const toolbar = new Toolbar({ receiver, rows, preferences, showsInstall, onAllRequests: allRequests, onFrom: fromChanged });
const rowActions = new RowActions({ view, rows, receiver, filters });
const rowFocus = new RowFocus({ buffer, rows });

/** What rows are built with: the RowContext of row.js. */
function rowContext() {
  return { timeFormat: preferences.time, marker: find.marker, linked: view.current.line, current: find.current, showInstall: showsInstall() };
}

/** Rows name their install, unless the target has only one. */
function showsInstall() {
  return (session.ready?.target.installs.length ?? 2) > 1;
}

// --- the session ------------------------------------------------------------------------------

let began = false; // a session was opened: the next one goes on where it stopped

/** Open a session: where the last one stopped, or at the view's start when `again`. */
function start({ again = false } = {}) {
  hideClosedCard();
  const { tenant } = view.current;
  const entry = config.tenants.find((each) => each.tenant === tenant);
  statusBar.environment(entry?.environment);
  statusBar.tenant(entry?.name || tenant);
  filters.setTenants(config.tenants, tenant);
  if (entry && !session.ready) filters.setInstalls(entry.installs);
  if (!tenant && config.tenants.length > 1) statusBar.state("idle");
  else if (entry && !entry.allowed) session.refused(entry, () => dial(again));
  else dial(again);
  counts.draw();
}

function dial(again) {
  hideClosedCard();
  const cursor = again || !began ? null : connection.cursor;
  if (!cursor) {
    receiver.clear({ forget: true });
    rows.follow(!standsAtStart(view.current));
    linkedLine.begin();
  }
  connection.connect();
  connection.cursor = cursor; // go on where the last session stopped, so that nothing doubles
}

function startOver() {
  connection.disconnect();
  start({ again: true });
}

/** The server opened the session, on a tenant that it may have chosen itself. */
function sessionReady({ target }) {
  began = true;
  find.setQuery(view.current.filter.q);
  if (view.current.tenant !== target.tenant) {
    view.change({ tenant: target.tenant });
    filters.setTenants(config.tenants, target.tenant);
  }
  rows.refreshAll();
  toolbar.draw();
}

function toggleConnection() {
  if (["idle", "closed"].includes(connection.state.name)) start();
  else connection.disconnect();
}

function extend() {
  if (!connection.send({ type: "extend" })) toast("Not connected: nothing to extend.");
}

// --- changes of the view and of the preferences -----------------------------------------------

function filterChanged(filter, { narrowed = false } = {}) {
  view.change({ filter }, { push: narrowed });
  toolbar.drawView(view.current);
  // After "only new lines" a changed filter would leave the page blank: look back a little.
  connection.refilter(filter, startOfView(view.current, { least: { tail: 200 } }));
  const { name, code } = connection.state;
  if (name === "closed" && code === 4400) start();
  counts.draw();
}

/** Another filter took hold: who read a place that is gone now follows, or stands where the view starts. */
function refiltered() {
  rows.follow(rows.following || !standsAtStart(view.current));
  linkedLine.begin();
  find.setQuery(view.current.filter.q);
}

function allRequests() {
  filters.change({ request: null }, { redraw: true });
}

function tenantChanged(tenant) {
  if (!tenant || tenant === view.current.tenant) return;
  const filter = { ...view.current.filter, installs: [] };
  session.ready = null;
  view.change({ tenant, filter, line: null }, { push: true });
  filters.set(filter);
  startOver();
}

function fromChanged(from) {
  view.change({ from, line: null });
  toolbar.drawView(view.current);
  startOver();
}

function wentBack() {
  const old = view.current;
  view.readAddress();
  const { tenant, from, line, filter, highlights } = view.current;
  filters.set(filter);
  find.setHighlights(highlights, { tell: false });
  toolbar.drawView(view.current);
  if (tenant !== old.tenant || from !== old.from || line !== old.line) startOver();
  else if (!sameFilter(filter, old.filter)) filterChanged(filter);
}

function marksChanged() {
  view.change({ highlights: find.highlights });
  rows.refreshAll();
}

function preferenceChanged(name) {
  toolbar.draw();
  if (name === "collapse") {
    buffer.recollapse(preferences.collapse);
    rows.reset();
    find.rescan();
  }
  rows.refreshAll({ measure: name !== "time" });
}

function followChanged(following) {
  if (following) receiver.caughtUp();
  toolbar.draw();
  counts.draw();
}

// --- what the reader does ---------------------------------------------------------------------

function setPaused(on) {
  receiver.setPaused(on);
  statusBar.freeze(on);
  toolbar.draw();
  counts.draw();
}

function toEnd() {
  if (receiver.paused) setPaused(false);
  rows.follow(true);
  rows.draw();
}

function clearView() {
  toast(`${plural(receiver.clear(), "line")} cleared from the view.`);
  rows.follow(true);
}

/** Do an action of row-actions.js on the row that has the focus. */
function act(name) {
  const item = rowFocus.current();
  if (item) rowActions.run(name, item);
}

/** Escape: the notice of the end, else the opened line with the focus, else the one opened last. */
function closeOpened() {
  if (!byId("closed-card").hidden) return closeClosedCard();
  const focused = rowFocus.current();
  rowActions.close(focused?.open ? focused : null);
}

const run = {
  pause: () => setPaused(!receiver.paused),
  follow: () => (rows.following ? rows.follow(false) : toEnd()),
  clear: clearView,
  query: () => byId("q").focus(),
  unrequest: allRequests,
  stream: ({ name, only }) => filters.toggle(name, only),
  search: () => find.openSearch(),
  highlight: () => find.openHighlights(),
  hit: (by) => find.step(by),
  time: () => preferences.nextTime(),
  wrap: () => preferences.set("wrap", !preferences.wrap),
  collapse: () => preferences.set("collapse", !preferences.collapse),
  extend,
  connect: toggleConnection,
  move: (by) => rowFocus.move(by),
  end: (newest) => (newest ? toEnd() : rowFocus.first()),
  request: () => (rowFocus.current()?.ev.requestId ? act("request") : byId("request").focus()),
  escape: closeOpened,
  open: () => act("open"),
  copy: () => act("copy"),
  permalink: () => act("permalink"),
  help: setUpHelp(),
};

// --- listening, and the first session ---------------------------------------------------------

listen((name, argument) => run[name]?.(argument));
for (const id of ["pause", "follow", "clear", "time", "wrap", "collapse", "connect"]) byId(id).addEventListener("click", () => run[id]());
byId("to-end").addEventListener("click", toEnd);
setUpTheme(byId("theme"));
byId("lines").addEventListener("click", (e) => rowActions.clicked(e));
setUpExportMenu(() => ({ items: buffer.items, view: view.current, config, session: session.id }));
markSameRequest(byId("lines"));
copySelectedRows(rows);
onClosedCard(() => counts.draw());
closeMenusBeside();
setInterval(() => {
  if (preferences.time === "ago" && !document.hidden) rows.refreshAll({ measure: false });
}, 1000);
addEventListener("popstate", wentBack);
addEventListener("pagehide", () => connection.disconnect());
addEventListener("pageshow", (e) => e.persisted && start());

filters.set(view.current.filter);
find.setHighlights(view.current.highlights, { tell: false });
toolbar.draw();
toolbar.drawView(view.current);
view.writeAddress();
start();
