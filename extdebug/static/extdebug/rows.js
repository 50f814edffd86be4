// Owns the rows on screen: a window over the buffer. Only what can be seen (and 400 px around it) is
// in the document, so that the cost of drawing does not depend on how many lines arrive.

import { eventAbove } from "./buffer.js";
import { watchScrolling } from "./scrolling.js";

const AROUND = 400; // px drawn above and below the visible part
const PILL = 56; // px at the lower edge that the button to the newest line may cover; see .reading
const GUESS = 22; // px of a row not measured yet
const BUSY_COST = 8; // ms a drawing may take before the next one waits longer
const SLOWEST = 200; // ms between two drawings at most

export class Rows {
  /**
   * `scroller` is the scrolling element; `build(item, previousEvent)` makes a row;
   * `onFollow(following)` is called when the reader leaves or reaches the end.
   */
  constructor({ scroller, buffer, build, onFollow }) {
    this.scroller = scroller;
    this.buffer = buffer;
    this.build = build;
    this.onFollow = onFollow;
    this.following = true;
    this.held = false; // a pointer is down: do not move text under it
    this.placed = 0; // scrollTop as the page last set it
    this.live = new Map(); // item -> element
    this.above = document.createElement("div");
    this.list = document.createElement("div");
    this.below = document.createElement("div");
    this.list.setAttribute("role", "list");
    this.list.className = "rows-window";
    for (const spacer of [this.above, this.below]) spacer.setAttribute("aria-hidden", "true");
    scroller.append(this.above, this.list, this.below);
    this.height = scroller.clientHeight;
    this.drawn = this.pause = 0;
    this.requested = false;
    this.mean = GUESS;
    this.listen();
  }

  listen() {
    const { scroller } = this;
    watchScrolling(this);
    document.addEventListener("visibilitychange", () => !document.hidden && this.draw());
    new ResizeObserver(() => {
      if (scroller.clientWidth !== this.width) this.forget();
      this.width = scroller.clientWidth;
      this.height = scroller.clientHeight;
      this.draw();
    }).observe(scroller);
  }

  follow(on) {
    if (on === this.following) return;
    this.following = on;
    this.scroller.classList.toggle("reading", !on);
    this.onFollow(on);
    this.draw();
  }

  /** Items were dropped from the top: keep what the reader sees where it is. */
  dropped(items) {
    if (!items.length) return;
    let gone = 0;
    for (const item of items) gone += this.heightOf(item);
    for (const item of items) this.remove(item);
    if (!this.following) this.shift = (this.shift ?? 0) - gone;
  }

  /** One item looks different now. */
  refresh(item) {
    item.dirty = true;
    this.draw();
  }

  /** Everything looks different now (times, wrapping, marks). */
  refreshAll({ measure = true } = {}) {
    for (const item of this.live.keys()) item.dirty = true;
    if (measure) this.forget();
    this.draw();
  }

  /** Measured height, or a guess that stays the same until it is measured. */
  heightOf(item) {
    return item.h || (item.guess ??= this.mean);
  }

  /** Measure all heights again; the first visible row stays where it is. */
  forget() {
    if (!this.following && !this.anchor) this.anchor = this.firstVisible();
    for (const item of this.buffer.items) {
      item.h = 0;
      item.guess = undefined;
    }
    for (const item of this.live.keys()) item.stale = true;
  }

  firstVisible() {
    const port = this.scroller.getBoundingClientRect().top;
    for (const [item, node] of this.live) {
      const box = node.getBoundingClientRect();
      if (box.bottom > port && node.isConnected) return { item, offset: port - box.top };
    }
    return null;
  }

  anchoredTop(items) {
    const { item, offset } = this.anchor;
    this.anchor = null;
    let y = 0;
    for (const other of items) {
      if (other === item) return Math.max(0, y + offset);
      y += this.heightOf(other);
    }
    return this.scroller.scrollTop;
  }

  /** The buffer holds other items now. */
  reset() {
    for (const item of [...this.live.keys()]) this.remove(item);
    this.draw();
  }

  remove(item) {
    const node = this.live.get(item);
    if (!node) return;
    if (node.contains(document.activeElement)) this.scroller.focus({ preventScroll: true });
    node.remove();
    this.live.delete(item);
  }

  /** Draw on the next animation frame, later when drawing is slow. */
  draw() {
    if (this.requested) return;
    this.requested = true;
    requestAnimationFrame((now) => this.frame(now));
  }

  frame(now) {
    if (now - this.drawn < this.pause && !document.hidden) {
      requestAnimationFrame((later) => this.frame(later));
      return;
    }
    this.requested = false;
    if (this.held && this.following) return;
    const started = performance.now();
    this.render();
    const cost = performance.now() - started;
    this.drawn = now;
    this.pause = cost > BUSY_COST ? Math.min(SLOWEST, cost * 4) : 0;
  }

  render() {
    const { items } = this.buffer;
    const { scroller } = this;
    let top = this.following ? 0 : scroller.scrollTop;
    if (this.anchor && !this.following) top = this.anchoredTop(items);
    if (this.shift) {
      top = Math.max(0, top + this.shift);
      this.shift = 0;
    }
    const [from, to, over] = this.following ? this.endWindow(items) : this.windowAt(items, top);
    this.sync(items, from, to);
    this.above.style.height = `${over}px`;
    const moved = this.measure(items, from, to, over, top);
    let under = 0;
    for (let i = to; i < items.length; i += 1) under += this.heightOf(items[i]);
    this.below.style.height = `${under}px`;
    if (this.following) this.place(scroller.scrollHeight);
    else if (moved || top !== scroller.scrollTop) this.place(top + moved);
  }

  endWindow(items) {
    let room = this.height + AROUND;
    let from = items.length;
    while (from > 0 && room > 0) {
      from -= 1;
      room -= this.heightOf(items[from]);
    }
    let over = 0;
    for (let i = 0; i < from; i += 1) over += this.heightOf(items[i]);
    return [from, items.length, over];
  }

  windowAt(items, top) {
    let from = 0;
    let over = 0;
    while (from < items.length && over + (this.heightOf(items[from])) < top - AROUND) {
      over += this.heightOf(items[from]);
      from += 1;
    }
    let to = from;
    let y = over;
    while (to < items.length && y < top + this.height + AROUND) {
      y += this.heightOf(items[to]);
      to += 1;
    }
    return [from, to, over];
  }

  sync(items, from, to) {
    const wanted = new Set();
    for (let i = from; i < to; i += 1) wanted.add(items[i]);
    for (const item of [...this.live.keys()]) if (!wanted.has(item)) this.remove(item);
    let cursor = this.list.firstChild;
    for (let i = from; i < to; i += 1) {
      const item = items[i];
      let node = this.live.get(item);
      if (node && item.dirty) {
        const focused = node.contains(document.activeElement);
        const fresh = this.build(item, eventAbove(items, i));
        if (cursor === node) cursor = fresh;
        node.replaceWith(fresh);
        if (focused) fresh.focus({ preventScroll: true });
        node = fresh;
        item.stale = true;
      } else if (!node) {
        node = this.build(item, eventAbove(items, i));
        item.stale = true;
      }
      item.dirty = false;
      this.live.set(item, node);
      if (node === cursor) cursor = cursor.nextSibling;
      else this.list.insertBefore(node, cursor);
    }
  }

  /** Measure new rows; how far the view must move so that its first visible row stays put. */
  measure(items, from, to, over, top) {
    let moved = 0;
    let y = over;
    let sum = 0;
    for (let i = from; i < to; i += 1) {
      const item = items[i];
      const was = this.heightOf(item);
      if (item.stale || !item.h) {
        item.h = this.live.get(item).offsetHeight;
        item.stale = false;
        if (y + was <= top) moved += item.h - was;
      }
      y += was;
      sum += item.h;
    }
    if (to - from > 8) this.mean = Math.max(16, Math.min(200, sum / (to - from)));
    return moved;
  }

  itemOf(node) {
    const row = node.closest?.("[data-key]");
    if (!row) return null;
    const key = Number(row.dataset.key);
    for (const item of this.live.keys()) if (item.key === key) return item;
    return null;
  }

  /** The element of an item; undefined while it is not drawn. */
  elementOf(item) {
    return this.live.get(item);
  }

  /**
   * Bring an item into view, `centre`d or, where it need not move, as little as it takes; with `whole`
   * as much of an opened row as fits, with `focus` the keyboard's focus too.
   */
  reveal(item, { focus = false, centre = false, whole = false } = {}) {
    this.follow(false);
    const { items } = this.buffer;
    const index = items.indexOf(item);
    if (index < 0) return;
    this.render(); // what is drawn may be of other items: lines can have come in above
    if (!this.live.has(item)) {
      let y = 0;
      for (let i = 0; i < index; i += 1) y += this.heightOf(items[i]);
      this.place(Math.max(0, y - this.height / 2));
      this.render();
    }
    const node = this.live.get(item);
    if (!node) return;
    const box = node.getBoundingClientRect();
    const port = this.scroller.getBoundingClientRect();
    const room = this.height - PILL;
    const above = box.top - port.top;
    const below = box.bottom - port.top - room;
    let by = 0;
    if (whole) by = above < 0 ? above : Math.min(Math.max(0, below), above);
    else if (centre || above < 0 || below > 0) by = above - Math.max(0, (room - box.height) / 2);
    if (by) {
      this.place(this.scroller.scrollTop + by);
      this.render();
    }
    if (focus) node.focus({ preventScroll: true });
  }

  /** Scroll to `top` px; watchScrolling() knows the place as the page's own. */
  place(top) {
    this.scroller.scrollTop = top;
    this.placed = this.scroller.scrollTop;
  }
}
