// Owns the rows on screen: a window over the buffer. Only what can be seen (and 400 px around it) is
// in the document, so that the cost of drawing does not depend on how many lines arrive.

import { eventAbove } from "./buffer.js";
import { Heights } from "./heights.js";
import { watchScrolling } from "./scrolling.js";

const AROUND = 400; // px drawn above and below the visible part
const PILL = 56; // px at the lower edge that the button to the newest line may cover; see .reading
const BUSY_COST = 8; // ms a drawing may take before the next one waits longer
const SLOWEST = 200; // ms between two drawings at most
const FLOOD_APART = 100; // ms between two drawings that leave no row standing: nobody reads those in between
const QUIET = 150; // ms without a drawing after which what is around the visible part is drawn again

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
    this.flooded = false; // the last drawing left no row standing: only what can be seen is drawn
    this.bare = false; // the last drawing was the first one
    this.covered = false; // something else lies over the rows: they are not drawn
    this.heights = new Heights();
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
    this.pause = 0; // what the reader goes to is not held up by what went before
    this.scroller.classList.toggle("reading", !on);
    this.onFollow(on);
    this.draw();
  }

  /** Items were dropped from the top: keep what the reader sees where it is. */
  dropped(items) {
    if (!items.length) return;
    const gone = this.heights.drop(items);
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

  /** Measure all heights again; the first visible row stays where it is. */
  forget() {
    if (!this.following && !this.anchor) this.anchor = this.firstVisible();
    this.heights.forget(this.buffer.items);
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
    const index = items.indexOf(item);
    if (index >= 0) return Math.max(0, this.heights.top(index) + offset);
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

  /** Something else lies over the rows now, or no longer: then they are drawn as they are by then. */
  cover(on) {
    this.covered = on;
    if (!on) this.draw();
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
    if (this.covered || (this.held && this.following)) return;
    const started = performance.now();
    this.render();
    const cost = performance.now() - started;
    this.drawn = now;
    this.pause = Math.max(this.flooded ? FLOOD_APART : 0, cost > BUSY_COST ? Math.min(SLOWEST, cost * 4) : 0);
    clearTimeout(this.settling);
    if (this.flooded || this.bare) this.settling = setTimeout(() => this.settle(), QUIET);
  }

  /** The flood, or the first drawing, is over: what is around the visible part is drawn. */
  settle() {
    this.flooded = false;
    this.draw();
  }

  render() {
    const { items } = this.buffer;
    const { scroller, heights } = this;
    heights.count(items);
    let top = this.following ? 0 : scroller.scrollTop;
    if (this.anchor && !this.following) top = this.anchoredTop(items);
    if (this.shift) {
      top = Math.max(0, top + this.shift);
      this.shift = 0;
    }
    const before = this.live.size;
    this.bare = this.following && before === 0 && items.length > 0; // the first drawing costs most: what is around waits
    const around = this.flooded || this.bare ? 0 : AROUND;
    const [from, to, over] = this.following ? heights.last(this.height + around) : heights.between(top - AROUND, top + this.height + AROUND);
    const stayed = this.sync(items, from, to);
    this.flooded = this.following && before > 0 && to > from && !stayed;
    this.above.style.height = `${over}px`;
    const { moved, sum } = this.measure(items, from, to, over, top);
    this.below.style.height = `${heights.total - over - sum}px`;
    if (this.following) this.place(scroller.scrollHeight);
    else if (moved || top !== scroller.scrollTop) this.place(top + moved);
  }

  /** Have the rows `from` to `to` in the document and no others; how many of them were there before. */
  sync(items, from, to) {
    let stayed = 0;
    const wanted = new Set();
    for (let i = from; i < to; i += 1) wanted.add(items[i]);
    for (const item of [...this.live.keys()]) if (!wanted.has(item)) this.remove(item);
    let cursor = this.list.firstChild;
    for (let i = from; i < to; i += 1) {
      const item = items[i];
      let node = this.live.get(item);
      if (node) stayed += 1;
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
    return stayed;
  }

  /** Measure new rows: the height of all drawn, and how far the view must move so that its first visible row stays put. */
  measure(items, from, to, over, top) {
    const { heights } = this;
    let moved = 0;
    let y = over;
    let sum = 0;
    for (let i = from; i < to; i += 1) {
      const item = items[i];
      const was = heights.of(item);
      if (item.stale || !item.h) {
        item.h = this.live.get(item).offsetHeight;
        item.stale = false;
        const by = heights.of(item) - was;
        heights.change(i, by);
        if (y + was <= top) moved += by;
      }
      y += was;
      sum += heights.of(item);
    }
    heights.learn(from, to, sum);
    return { moved, sum };
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
      this.place(Math.max(0, this.heights.top(index) - this.height / 2));
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
