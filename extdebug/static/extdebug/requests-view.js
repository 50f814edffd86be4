// The Requests view: one row for each request instead of one for each line. Shows and hides it, draws it
// at a bounded rate, and does what its keys and buttons say.

import { holdsLine } from "./buffer.js";
import { copyText } from "./clipboard.js";
import { byId, el } from "./dom.js";
import { HiddenEnds } from "./hidden-ends.js";
import { count, plural } from "./messages.js";
import { announce, toast } from "./notices.js";
import { RequestList } from "./request-list.js";
import { ORDERS, rank } from "./requests.js";

const DRAW_EVERY = 150; // ms between two drawings, however many lines arrive
const SHORTEST_BAR = 100; // ms that fill a duration bar at least
const LIVE = new Set(["live", "fallback", "degraded"]); // states of the status bar in which time passes
const SLOW_PART = 0.95; // this part of the requests is not longer than a whole bar

export class RequestsView {
  /**
   * Takes the page's own parts; `page` does what takes several: setPaused(on), startOver(), and
   * shown(on), which is told when this view comes or goes.
   */
  constructor({ requests, view, buffer, rows, receiver, filters, find, preferences, statusBar, connection, showsInstall, page }) {
    Object.assign(this, { requests, view, buffer, rows, receiver, filters, find, preferences, statusBar, connection, showsInstall, page });
    this.order = "failing";
    this.shown = false;
    this.lastNow = 0; // the moment that is shown, epoch ms; it stands still without a connection
    this.drawn = -Infinity;
    this.ends = new HiddenEnds({ requests, connection, onLearned: () => this.draw() });
    this.box = byId("requests");
    this.list = new RequestList({
      scroller: byId("requests-list"),
      act: (name, request, event) => this.act(name, request, event),
      onOpen: (request) => (requests.pinned = request),
      onChange: () => this.drawNow(),
    });
    const orders = byId("requests-order");
    for (const [value, label] of Object.entries(ORDERS)) orders.append(el("option", { value }, label));
    orders.addEventListener("change", () => {
      this.order = orders.value;
      this.arrange();
    });
    byId("requests-update").addEventListener("click", () => this.arrange());
    byId("requests-view").addEventListener("click", () => this.toggle());
    byId("find").addEventListener("click", () => this.toggle(false, { focus: false })); // it finds lines
    setInterval(() => !document.hidden && this.draw(), 1000); // how long what runs has been running
  }

  toggle(on = !this.shown, { focus = true } = {}) {
    if (on === this.shown) return;
    this.shown = on;
    this.box.hidden = !on;
    this.rows.cover(on);
    byId("lines").inert = on;
    byId("main").classList.toggle("by-request", on);
    byId("requests-view").setAttribute("aria-pressed", String(on));
    if (on) this.arrange();
    if (focus) byId(on ? "requests-list" : "lines").focus({ preventScroll: true });
    announce(on ? "Requests, failing first" : "All lines");
    this.page.shown(on);
    this.view.change({ requests: on }, { push: true });
  }

  /** Open the request of an event in this view. */
  openRequest(ev) {
    this.toggle(true);
    const request = this.requests.find(ev);
    if (!request?.lines) return this.onlyRequest(ev.requestId); // its lines are not on this page
    if (!this.list.rows.some((row) => row.request === request)) this.arrange();
    return this.list.openAt(request);
  }

  /** Put the rows in order now, also while the reader is at work with them. */
  arrange() {
    if (!this.list.open) this.list.scroller.scrollTop = 0;
    this.drawNow({ reorder: true, always: true });
  }

  /** Draw soon: on an animation frame, and not too often. */
  draw() {
    if (!this.shown || this.requested || this.receiver.paused) return;
    this.requested = true;
    const wait = Math.max(0, this.drawn + DRAW_EVERY - performance.now());
    setTimeout(() => requestAnimationFrame(() => {
      this.requested = false;
      if (!this.receiver.paused) this.drawNow();
    }), wait);
  }

  drawNow({ reorder = false } = {}) {
    if (!this.shown) return;
    const { requests } = this;
    const connected = this.connection.state.name === "open";
    this.setClock(connected);
    const partial = leavesLinesOut(this.view.current.filter);
    const hides = hidesEnds(this.view.current.filter);
    const rows = requests.list(this.order, { now: this.lastNow, hidesEnds: hides && !this.ends.current });
    if (hides && connected) {
      const open = rows.filter(({ state }) => state.kind !== "ended").map(({ request }) => request);
      this.ends.look(open, this.view.current.filter);
    }
    const waiting = this.list.show(rows, {
      reorder,
      full: wholeBar(rows),
      partial,
      gapsOf: (request) => requests.gapsOf(request),
      knows: (request) => requests.byId.get(request.name) === request,
      marker: this.find.marker,
      showInstall: this.showsInstall(),
      fold: this.preferences.collapse,
      utc: this.preferences.time === "utc",
    });
    this.summary(rows, { waiting, partial });
    this.drawn = performance.now();
  }

  /** The moment at which requests are shown: the server's now while lines are live, else the newest line's. */
  setClock(connected) {
    const newest = this.requests.newest?.[0] ?? 0;
    const { now, shown } = this.statusBar;
    if (!this.lastNow || (connected && !this.receiver.paused)) {
      // Never before the newest line: our idea of the server's clock is not that exact.
      this.lastNow = LIVE.has(shown.name) ? Math.max(now, newest) : newest || now;
    }
  }

  summary(rows, { waiting, partial }) {
    const failing = rows.filter((row) => rank(row) === 0).length;
    const running = rows.filter((row) => rank(row) === 2).length;
    const parts = [plural(rows.length, "request"), `${count(failing)} failing`, `${count(running)} running`];
    if (this.requests.left) parts.push(`${count(this.requests.left)} older removed`);
    if (partial) parts.push("lines that match the filter");
    const text = parts.join(" · ");
    if (byId("requests-summary").textContent !== text) byId("requests-summary").textContent = text;
    const update = byId("requests-update");
    update.hidden = !waiting;
    if (waiting) update.textContent = `${plural(waiting, "new request")} · update`;
    byId("requests-none").hidden = rows.length > 0;
  }

  act(name, request, event) {
    if (name === "only") this.onlyRequest(request.id);
    else if (name === "line" && event) this.goToLine(event);
    else if (name === "copy-id") copyText(request.id).then((done) => toast(done ? "Request id copied." : "The browser refused the clipboard."));
  }

  onlyRequest(request) {
    this.toggle(false);
    this.filters.change({ request }, { redraw: true });
  }

  /** Leave for one line among all lines, which is read again when the page let it go. */
  goToLine({ id }) {
    const { rows, receiver, view } = this;
    const held = () => this.buffer.items.find((item) => holdsLine(item, id));
    this.toggle(false);
    if (!held() && receiver.waiting.length) {
      this.page.setPaused(false);
      rows.follow(true);
    }
    if (held()) return rows.reveal(held(), { centre: true, focus: true });
    rows.follow(false);
    view.change({ line: id }, { push: true });
    return this.page.startOver();
  }

  /** A key or button of the page, by its name in commands.js; says whether it was for this view. */
  run(name, argument) {
    if (name === "requests") {
      this.toggle();
      return true;
    }
    if (!this.shown) return false;
    if (name === "search" || name === "hit") this.toggle(false); // they find lines
    const { list } = this;
    const current = list.current() ?? list.open;
    const keys = {
      move: () => list.move(argument),
      choose: () => list.move(argument),
      level: () => list.toNext(argument.by, (row) => rank(row) <= 1) || toast(`No ${argument.by > 0 ? "further" : "earlier"} failing request.`),
      end: () => list.focus(argument ? list.rows.length - 1 : 0),
      open: () => list.toggle(current),
      request: () => current && this.act("only", current),
      copy: () => current && this.act("copy-id", current),
      permalink: () => {}, // of lines alone, as is their context
      context: () => {},
      escape: () => (list.live.has(list.open) ? list.close() : this.toggle(false)),
    };
    if (!(name in keys) || (name === "escape" && !byId("closed-card").hidden)) return false;
    keys[name]();
    return true;
  }
}

/** Whether a filter leaves out lines of the requests that it shows. */
const leavesLinesOut = ({ level, streams, q }) => Boolean(level || streams.length || q);

/** Whether a filter may leave out the event that says how a request ended: a log line of level info or warn. */
const hidesEnds = ({ level, streams, q }) => Boolean(q || ["warn", "error"].includes(level) || (streams.length && !streams.includes("log")));

/** How many ms fill a bar: most requests fit in, and one that took very long does not make all others points. */
function wholeBar(rows) {
  const all = rows.filter(({ state }) => state.kind === "ended" && state.ms !== null).map(({ state }) => state.ms).sort((a, b) => a - b);
  return Math.max(SHORTEST_BAR, all[Math.floor((all.length - 1) * SLOW_PART)] ?? 0);
}
