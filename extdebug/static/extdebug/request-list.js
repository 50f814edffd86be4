// Owns the list of requests on screen: a window over all of them, one opened in place, the keyboard's
// focus. Rows keep their places while the reader is at work with them.

import { RequestLines } from "./request-lines.js";
import { newRow, updateRow } from "./request-row.js";

const AROUND = 300; // px drawn above and below the visible part
const GUESS = 36; // px of a closed row before one was measured
const AT_WORK = 2500; // ms after the pointer last moved over the list in which rows keep their places

export class RequestList {
  /**
   * `scroller` is the scrolling element; `act(name, request, event)` does what a button says;
   * `onOpen(request)` is told which one is open now, or null; `onChange()` asks for a drawing.
   */
  constructor({ scroller, act, onOpen, onChange }) {
    this.scroller = scroller;
    this.act = act;
    this.onOpen = onOpen;
    this.onChange = onChange;
    this.rows = []; // {request, state}, in the order shown
    this.live = new Map(); // Request -> row of request-row.js
    this.open = null; // Request
    this.lines = null; // RequestLines of the open one
    this.openHeight = 0;
    this.height = GUESS;
    this.moved = -Infinity; // when the pointer last moved over the list
    this.above = document.createElement("div");
    this.list = document.createElement("div");
    this.below = document.createElement("div");
    this.list.setAttribute("role", "list");
    for (const spacer of [this.above, this.below]) spacer.setAttribute("aria-hidden", "true");
    scroller.append(this.above, this.list, this.below);
    scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
    scroller.addEventListener("pointermove", () => (this.moved = performance.now()), { passive: true });
    scroller.addEventListener("pointerleave", () => (this.moved = -Infinity));
    scroller.addEventListener("click", (e) => {
      const head = e.target.closest(".request-head");
      if (head) this.toggle(this.requestOf(head));
    });
    new ResizeObserver(() => {
      this.height = 0; // rows of another width have another height
      onChange();
    }).observe(scroller);
  }

  /** Whether the reader is at work with the rows, so that they must stay where they are. */
  get held() {
    const inside = this.list.contains(document.activeElement);
    return this.live.has(this.open) || inside || this.scroller.scrollTop > 0 || performance.now() - this.moved < AT_WORK;
  }

  /**
   * Show `wanted` ({request, state}, in order). While the reader is at work, rows keep their places and
   * new ones wait, unless `reorder`; says how many wait. `context` is that of updateRow, but for one row's own parts.
   */
  show(wanted, { reorder = false, ...context }) {
    if (this.held && !reorder) {
      const fresh = new Map(wanted.map((row) => [row.request, row]));
      this.rows = this.rows.map(({ request }) => fresh.get(request)).filter(Boolean);
      this.waiting = wanted.length - this.rows.length;
      if (!this.rows.length && wanted.length) return this.show(wanted, { reorder: true, ...context });
    } else {
      this.rows = wanted;
      this.waiting = 0;
    }
    if (this.open && !context.knows(this.open)) this.close(); // under another filter it may come back
    this.context = context;
    this.draw();
    return this.waiting;
  }

  scrolled() {
    if (this.requested || !this.context) return;
    this.requested = true;
    requestAnimationFrame(() => {
      this.requested = false;
      this.draw();
    });
  }

  draw() {
    const { scroller, rows } = this;
    const height = this.height || GUESS;
    const openAt = this.open ? rows.findIndex(({ request }) => request === this.open) : -1;
    const top = (index) => index * height + (openAt >= 0 && index > openAt ? this.openHeight : 0);
    const past = (y) => (openAt >= 0 && y > top(openAt + 1) ? Math.floor((y - this.openHeight) / height) : Math.floor(y / height));
    const from = Math.max(0, past(scroller.scrollTop - AROUND));
    const to = Math.min(rows.length, past(scroller.scrollTop + scroller.clientHeight + AROUND) + 2);
    this.sync(rows.slice(from, to));
    if (!this.height && this.live.size) {
      this.height = this.live.values().next().value.head.offsetHeight || 0;
      if (this.height && this.height !== height) return this.draw();
    }
    if (this.lines) this.openHeight = this.lines.node.offsetHeight || this.openHeight;
    this.above.style.height = `${top(from)}px`;
    this.below.style.height = `${Math.max(0, top(rows.length) - top(Math.max(from, to)))}px`;
    return undefined;
  }

  sync(shown) {
    const wanted = new Set(shown.map(({ request }) => request));
    const focused = document.activeElement;
    for (const [request, row] of this.live) {
      if (wanted.has(request)) continue;
      if (row.node.contains(focused)) this.scroller.focus({ preventScroll: true });
      row.node.remove();
      this.live.delete(request);
    }
    let next = this.list.firstChild;
    for (const { request, state } of shown) {
      let row = this.live.get(request);
      if (!row) this.live.set(request, (row = newRow(request)));
      const open = request === this.open;
      const gaps = this.context.gapsOf(request);
      updateRow(row, request, state, { ...this.context, gaps, open });
      if (open) {
        if (this.lines.node.parentNode !== row.node) row.node.append(this.lines.node);
        this.lines.update({ gaps, marker: this.context.marker, fold: this.context.fold });
      }
      if (row.node === next) next = next.nextSibling;
      else this.list.insertBefore(row.node, next);
    }
    if (focused && focused !== document.activeElement && this.list.contains(focused)) focused.focus({ preventScroll: true });
  }

  requestOf(node) {
    const key = Number(node?.closest?.("[data-request-key]")?.dataset.requestKey);
    for (const request of this.live.keys()) if (request.key === key) return request;
    return null;
  }

  /** The request that the keyboard's focus is on. */
  current() {
    return this.requestOf(document.activeElement);
  }

  toggle(request) {
    if (!request) return;
    const again = this.open === request;
    this.close();
    if (!again) {
      this.open = request;
      this.lines = new RequestLines(request, { act: (name, event) => this.act(name, request, event) });
      this.openHeight = 0;
      this.onOpen(request);
    }
    this.onChange();
    if (!again) this.reveal(request);
  }

  close() {
    if (!this.open) return false;
    const row = this.live.get(this.open);
    const inside = this.lines.node.contains(document.activeElement);
    this.lines.node.remove();
    this.open = this.lines = null;
    this.openHeight = 0;
    if (inside) (row?.head ?? this.scroller).focus({ preventScroll: true });
    this.onOpen(null);
    this.onChange();
    return true;
  }

  /** Open `request` if it is not, and bring it into view with the focus on it. */
  openAt(request) {
    if (this.open !== request) this.toggle(request);
    this.reveal(request, { focus: true });
  }

  /** Move the focus by so many requests, from the first drawn when it is on none. */
  move(by) {
    const at = this.rows.findIndex(({ request }) => request === this.current());
    const first = Math.floor(this.scroller.scrollTop / (this.height || GUESS));
    const index = at < 0 ? (by > 0 ? first : this.rows.length - 1) : at + by;
    this.focus(Math.max(0, Math.min(this.rows.length - 1, index)));
  }

  /** Move the focus to the next (1) or previous (-1) row that is `wanted`; false when there is none. */
  toNext(by, wanted) {
    const at = this.rows.findIndex(({ request }) => request === this.current());
    for (let index = at < 0 && by < 0 ? this.rows.length - 1 : at + by; this.rows[index]; index += by) {
      if (!wanted(this.rows[index])) continue;
      this.focus(index);
      return true;
    }
    return false;
  }

  focus(index) {
    const row = this.rows[index];
    if (row) this.reveal(row.request, { focus: true });
  }

  /** Scroll as little as it takes to see a request, and as much of its opened part as fits. */
  reveal(request, { focus = false } = {}) {
    const index = this.rows.findIndex((row) => row.request === request);
    if (index < 0 || !this.context) return;
    if (!this.live.has(request)) this.draw();
    const height = this.height || GUESS;
    const openAt = this.open ? this.rows.findIndex((row) => row.request === this.open) : -1;
    const top = index * height + (openAt >= 0 && index > openAt ? this.openHeight : 0);
    const bottom = top + height + (request === this.open ? this.openHeight : 0);
    const { scroller } = this;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (bottom > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = Math.min(top, bottom - scroller.clientHeight);
    this.draw();
    if (focus) this.live.get(request)?.head.focus({ preventScroll: true });
  }
}
