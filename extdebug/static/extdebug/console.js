// The console page: creates its parts, hands each what it needs, and does what the reader asks.

import { Attention } from "./attention.js";
import { Buffer, holdsRequest } from "./buffer.js";
import { onClosedCard } from "./closed-card.js";
import { Columns } from "./columns.js";
import { CommandPalette } from "./command-palette.js";
import { commandsOf } from "./commands.js";
import { Connection, socketUrl } from "./connection.js";
import { ContextView } from "./context.js";
import { listenToControls } from "./controls.js";
import { Counts } from "./counts.js";
import { CurrentView } from "./current-view.js";
import { byId, readJson } from "./dom.js";
import { setUpCompletion } from "./completion.js";
import { EmptyState } from "./empty-state.js";
import { Filters } from "./filters.js";
import { Find } from "./find.js";
import { HiddenLines } from "./hidden-lines.js";
import { LineRate } from "./line-rate.js";
import { LinkedLine } from "./linked-line.js";
import { Opening } from "./opening.js";
import { paletteEntries } from "./palette-entries.js";
import { PlaybackBar } from "./playback-bar.js";
import { Preferences } from "./preferences.js";
import { Presence } from "./presence.js";
import { Receiver } from "./receiver.js";
import { Requests } from "./requests.js";
import { RequestsView } from "./requests-view.js";
import { RowActions, RowFocus } from "./row-actions.js";
import { RowSelection } from "./row-selection.js";
import { rowOf } from "./row.js";
import { Rows } from "./rows.js";
import { SavedViews } from "./saved-views.js";
import { Session } from "./session.js";
import { listen } from "./shortcuts.js";
import { StatusBar } from "./status-bar.js";
import { TimeLine } from "./time-line.js";
import { Toolbar } from "./toolbar.js";
import { ViewMenu } from "./view-menu.js";
import { isFiltering, playedOf, sameFilter, standsAtStart, startOfView } from "./view.js";
import { Vocabulary } from "./vocabulary.js";

// --- the parts --------------------------------------------------------------------------------

const config = readJson("console-config");
const view = new CurrentView(config.tenants);
const preferences = new Preferences(preferenceChanged);
const columns = new Columns({ extension: config.extension, view, onChange: () => refreshRows() });
const savedViews = new SavedViews({ extension: config.extension, view, onOpen: wentBack });
const buffer = new Buffer({ keep: preferences.kept, collapse: preferences.collapse });
const attention = new Attention({ isFiltering: () => isFiltering(view.current.filter), extension: config.extensionName });
const statusBar = new StatusBar({ onExtend: () => run.extend(), rate: new LineRate() });
const rows = new Rows({
  scroller: byId("lines"),
  buffer,
  build: (item, previous) => rowOf(item, previous, rowContext()),
  onFollow: followChanged,
});
const find = new Find({ buffer, rows, onMarks: marksChanged });
const vocabulary = new Vocabulary();
const filters = new Filters({ onChange: filterChanged, onTenant: tenantChanged, isRequest: (id) => holdsRequest(buffer.items, id) });
setUpCompletion({ filters, vocabulary });
const connection = new Connection({
  url: socketUrl(config.wsUrl),
  begin: () => ({
    target: { extension: config.extension, tenant: view.current.tenant },
    filter: view.current.filter,
    from: startOfView(view.current),
    ...playedOf(view.current),
  }),
  onFrame: (frame) => hiddenLines.frame(frame) || requestsView.ends.frame(frame) || [session, timeLine, playback, presence].forEach((each) => each.frame(frame)),
  onChange: (state) => [session, presence].forEach((each) => each.changed(state)),
});
const requests = new Requests();
const receiver = new Receiver({
  buffer, requests, rows, connection, statusBar,
  onChange: () => void (counts.draw(), requestsView.draw()),
  onItem(item) {
    find.note(item);
    if (item.kind === "event") vocabulary.note(item.ev);
  },
  onNew: (ev) => attention.line(ev),
}); // prettier-ignore
const context = new ContextView({
  view, buffer, connection, receiver, filters,
  openRequest: (ev) => requestsView.openRequest(ev),
  build: (item, previous, linked) => rowOf(item, previous, { ...rowContext(), linked, filtered: false }),
  onChange: contextChanged,
}); // prettier-ignore
const linkedLine = new LinkedLine({ view, buffer, rows, receiver, connection });
const session = new Session({
  config,
  view,
  filters,
  receiver,
  statusBar,
  linkedLine,
  context,
  onReady: (frame) => opening.ready(frame),
  onRefiltered: refiltered,
  onChange: () => counts.draw(),
  onStart: () => opening.start(),
});
const hiddenLines = new HiddenLines({ view, buffer, session, connection, onTakeAway: (condition) => filters.takeAway(condition), onContext: (ev) => context.show({ kind: "event", ev, rest: [] }) });
const emptyState = new EmptyState({ config, view, buffer, connection, session, onConnect: () => opening.start(), onHidden: () => hiddenLines.show() });
const counts = new Counts({ receiver, buffer, statusBar, find, emptyState, hiddenLines });
const toolbar = new Toolbar({ receiver, rows, preferences, showsInstall, onAllRequests: () => run.unrequest(), onFrom: fromChanged });
const requestsView = new RequestsView({
  requests, view, buffer, rows, receiver, filters, find, preferences, statusBar, connection, showsInstall,
  page: { setPaused, startOver, shown: (on) => on && context.close() },
}); // prettier-ignore
const rowActions = new RowActions({ view, rows, receiver, filters, openRequest: (ev) => requestsView.openRequest(ev), onContext: (item) => context.show(item) });
const timeLine = new TimeLine({ connection, onRange: (range) => playback.stand(range) });
const playback = new PlaybackBar({ view, connection, timeLine, onRead: readAt });
const presence = new Presence({ view, buffer, rows, filters, connection, statusBar, onRead: readAt });
const opening = new Opening({ config, view, connection, session, filters, receiver, rows, statusBar, linkedLine, hiddenLines, find, toolbar, counts });
const rowFocus = new RowFocus({ buffer, rows });
const selection = new RowSelection({ buffer, rows, rowFocus });

/** What rows are built with: the RowContext of row.js. */
function rowContext() {
  return {
    timeFormat: preferences.time,
    marker: find.marker,
    linked: view.current.line,
    current: find.current,
    chosen: (item) => selection.has(item),
    filtered: isFiltering(view.current.filter),
    showInstall: showsInstall(),
    columns: columns.names,
  };
}

/** Rows name their install, unless the target has only one. */
function showsInstall() {
  return (session.ready?.target.installs.length ?? 2) > 1;
}

// --- the session ------------------------------------------------------------------------------

function startOver() {
  context.close();
  opening.startOver();
}

function toggleConnection() {
  if (["idle", "closed"].includes(connection.state.name)) opening.start();
  else connection.disconnect();
}

// --- changes of the view and of the preferences -----------------------------------------------

function filterChanged(filter, { narrowed = false } = {}) {
  context.close();
  view.change({ filter }, { push: narrowed });
  toolbar.drawView(view.current);
  // After "only new lines" a changed filter would leave the page blank: look back a little.
  connection.refilter(filter, startOfView(view.current, { least: { tail: 200 } }), playedOf(view.current));
  const { name, code } = connection.state;
  if (name === "closed" && code === 4400) opening.start();
  counts.draw();
}

/** Another filter took hold: who read a place that is gone now follows, or stands where the view starts. */
function refiltered() {
  rows.follow(rows.following || !standsAtStart(view.current));
  linkedLine.begin();
  hiddenLines.reset();
  find.setQuery(view.current.filter.q);
}

function tenantChanged(tenant) {
  if (!tenant || tenant === view.current.tenant) return;
  const filter = { ...view.current.filter, installs: [] };
  session.ready = null;
  vocabulary.clear();
  view.change({ tenant, filter, line: null }, { push: true });
  filters.set(filter);
  startOver();
}

function fromChanged(from) {
  view.change({ from, until: null, speed: null, line: null });
  drawView();
  startOver();
}

/** Read another stretch of time; `part` of the view says from where, until when and how fast. */
function readAt(part, { push = true } = {}) {
  context.close();
  view.change({ line: null, ...part }, { push });
  drawView();
  rows.follow(!standsAtStart(view.current));
  if (!connection.refilter(view.current.filter, startOfView(view.current), playedOf(view.current))) startOver();
}

function drawView() {
  toolbar.drawView(view.current);
  playback.draw();
}

function wentBack() {
  const old = view.current;
  view.readAddress();
  const { tenant, filter, highlights } = view.current;
  filters.set(filter);
  find.setHighlights(highlights, { tell: false });
  drawView();
  if (String(view.current.columns) !== String(old.columns)) columns.changed();
  requestsView.toggle(view.current.requests, { focus: false });
  if (["from", "until", "speed", "line"].some((name) => view.current[name] !== old[name]) || tenant !== old.tenant) startOver();
  else if (!sameFilter(filter, old.filter)) filterChanged(filter);
}

function marksChanged() {
  view.change({ highlights: find.highlights });
  refreshRows();
}

function refreshRows(how) {
  for (const each of [rows, context.rows]) each.refreshAll(how);
}

function preferenceChanged(name) {
  toolbar.draw();
  viewMenu.draw();
  if (name === "time") {
    drawView();
    timeLine.draw();
  }
  if (name === "kept") {
    buffer.keep = preferences.kept;
    receiver.update();
  }
  if (name === "collapse") {
    buffer.recollapse(preferences.collapse);
    rows.reset();
    find.rescan();
  }
  refreshRows({ measure: !["time", "kept"].includes(name) });
}

/** The lines around one are shown, or the view's own again: then at `item`, from which the reader came. */
function contextChanged(item) {
  if (item && buffer.items.includes(item)) rows.reveal(item, { focus: true });
  else if (item && byId("context").contains(document.activeElement)) hiddenLines.back(); // it came from there, or has left the page
  counts.draw();
}

function followChanged(following) {
  if (following) receiver.caughtUp();
  toolbar.draw();
  counts.draw();
}

function setPaused(on) {
  receiver.setPaused(on);
  statusBar.freeze(on);
  toolbar.draw();
  counts.draw();
}

// --- listening, and the first session ---------------------------------------------------------

const run = commandsOf({ rows, receiver, connection, preferences, find, filters, rowActions, rowFocus, selection, context, page: { setPaused, toggleConnection, goToTime: () => playback.goTo(), openPalette: () => palette.open() } });
const command = (name, argument) => requestsView.run(name, argument) || run[name]?.(argument);
const palette = new CommandPalette({
  entries: () => paletteEntries({ config, view, preferences, filters, columns, vocabulary, savedViews, command, nameView: () => viewMenu.nameView(), onTenant: tenantChanged }),
});
const viewMenu = new ViewMenu({ preferences, savedViews, onCommands: () => palette.open() });
listen(command);
listenToControls({ run, command, rows, context, rowActions, selection, exported: () => ({ items: buffer.items, view: view.current, config, session: session.id }) });
onClosedCard(() => counts.draw());
setInterval(() => {
  if (preferences.time === "ago" && !document.hidden) rows.refreshAll({ measure: false });
}, 1000);
addEventListener("popstate", wentBack);
addEventListener("pagehide", () => connection.disconnect());
addEventListener("pageshow", (e) => e.persisted && opening.start());

filters.set(view.current.filter);
find.setHighlights(view.current.highlights, { tell: false });
toolbar.draw();
drawView();
view.writeAddress();
requestsView.toggle(view.current.requests, { focus: false });
opening.start();
