// Does what can be done with one row, by click or by key, and moves the keyboard's focus over the rows.

import { occurrences } from "./buffer.js";
import { copyText } from "./clipboard.js";
import { permalink } from "./export.js";
import { toast } from "./notices.js";
import { plain, SUSPECT, uncoloured } from "./safe-text.js";
import { headline } from "./stack-traces.js";
import { valueText } from "./suggestions.js";
import { quoted } from "./view.js";

export class RowActions {
  /** `openRequest(ev)` shows the request of an event, `onContext(item)` shows a line among all others; `onElsewhere()` is called before the view's filter changes. */
  constructor({ view, rows, receiver, filters, openRequest, onContext = () => {}, onElsewhere = () => {} }) {
    this.onContext = onContext;
    this.onElsewhere = onElsewhere;
    this.view = view;
    this.rows = rows;
    this.receiver = receiver;
    this.filters = filters;
    this.openRequest = openRequest; // shows the request of an event
  }

  /** A click on the rows: a button of a row, or the row itself, which opens or closes. */
  clicked(e) {
    const item = this.rows.itemOf(e.target);
    if (!item) return;
    const button = e.target.closest("[data-act]");
    const elsewhere = e.target.closest(".detail, a, summary") || !getSelection().isCollapsed;
    if (button) this.run(button.dataset.act, item, button.dataset);
    else if (!elsewhere && item.kind === "event") this.run("open", item);
  }

  /** Close an opened line: `item`, or else the one opened last. */
  close(item) {
    const chosen = item ?? this.opened;
    if (!chosen?.open) return;
    chosen.open = false;
    this.rows.refresh(chosen);
    this.rows.elementOf(chosen)?.focus({ preventScroll: true });
  }

  /** Do the action `name` on `item`; `data` is the dataset of the button that was clicked. */
  async run(name, item, data = {}) {
    const { ev } = item;
    const { rows, filters } = this;
    const { current } = this.view;
    switch (name) {
      case "open":
        item.open = !item.open;
        if (item.open) this.opened = item;
        // A line that was opened is being read: it must stay where it is.
        rows.follow(false);
        rows.refresh(item);
        if (item.open) rows.reveal(item, { whole: true });
        return;
      case "open-request":
        this.onElsewhere();
        this.openRequest(ev);
        return;
      case "request":
        this.onElsewhere();
        filters.change({ request: ev.requestId }, { redraw: true });
        return;
      case "context":
        this.onContext(item);
        return;
      case "fetch":
        rows.follow(false);
        this.receiver.fetch(item);
        return;
      case "copy":
        return copied(plain(ev.message), "Message copied.");
      case "copy-json":
        return copied(occurrencesAsJson(item), "Line copied as JSON.");
      case "permalink":
        return copied(permalink(current, occurrences(item).find(({ id }) => id === data.id) ?? ev), "Link copied. It works as long as the stream keeps the line.");
      case "without":
        this.onElsewhere();
        filters.change({ q: joined(current.filter.q, `-${quoted(commonPart(ev.message))}`) }, { redraw: true });
        return;
      case "where":
      case "where-not": {
        this.onElsewhere();
        const term = `${data.name}:${valueText(data.value)}`;
        filters.change({ q: joined(current.filter.q, name === "where" ? term : `-${term}`) }, { redraw: true });
        return;
      }
      default:
    }
  }
}

/** The event as JSON; of a stack trace that came line by line every event, as JSON Lines. */
const occurrencesAsJson = (item) => (item.parts ? item.parts.map((ev) => JSON.stringify(ev)).join("\n") : JSON.stringify(item.ev, null, 2));

async function copied(text, done) {
  toast((await copyText(text)) ? done : "The browser refused the clipboard.");
}

/** `q` with `term` added, so that both must match. */
const joined = (q, term) => {
  if (!q.trim()) return term;
  return /\bOR\b/.test(q) ? `(${q.trim()}) ${term}` : `${q.trim()} ${term}`;
};

const VARIES = new RegExp(`\\S*(?:${SUSPECT.source}|[\\d"\\\\])\\S*`, "u"); // words with digits: times, ids, numbers
const VARIES_WITHIN = new RegExp(`(?:${SUSPECT.source}|[\\d"\\\\])+`, "u");

/** The part of a message that similar lines share: its longest run of words without digits or quotes. */
export function commonPart(message) {
  const text = uncoloured(message);
  const line = headline(text) || (text.split("\n").find((each) => each.trim()) ?? "");
  const longest = (pattern) => line.slice(0, 400).split(pattern).map((part) => part.trim()).reduce((a, b) => (b.length > a.length ? b : a), "");
  const words = longest(VARIES);
  const part = words.length >= 6 ? words : longest(VARIES_WITHIN);
  return (part.length >= 4 ? part : line.trim()).slice(0, 80).trim();
}

/** While the pointer is on a request id, mark all drawn lines of that request. */
export function markSameRequest(scroller) {
  let shown = null;
  scroller.addEventListener("pointerover", (e) => {
    const request = e.target.closest?.(".flow") ? e.target.closest(".line")?.dataset.request : null;
    if (request === shown) return;
    shown = request;
    for (const row of scroller.querySelectorAll(".line")) {
      row.classList.toggle("same-flow", Boolean(request) && row.dataset.request === request);
    }
  });
}

/** Which row has the keyboard's focus, and moving it. */
export class RowFocus {
  constructor({ buffer, rows }) {
    this.buffer = buffer;
    this.rows = rows;
    this.reached = null; // the item that toLevel() went to last
  }

  current() {
    const item = this.rows.itemOf(document.activeElement);
    return item?.kind === "event" ? item : null;
  }

  move(by) {
    const { items } = this.buffer;
    const at = this.rows.itemOf(document.activeElement);
    let index = at ? items.indexOf(at) + by : by > 0 ? this.firstDrawn() : items.length - 1;
    index = Math.max(0, Math.min(items.length - 1, index));
    if (items[index]) this.rows.reveal(items[index], { focus: true });
  }

  firstDrawn() {
    const visible = this.rows.firstVisible();
    return visible ? this.buffer.items.indexOf(visible.item) : 0;
  }

  /**
   * Go to the next row (1), or the previous one (-1), with a line of this level; false if there is none.
   * It begins at the row with the focus. Without one it begins at the rows in sight, and takes the
   * nearest row before them when none follows: at the newest line every error lies behind. With
   * `around`, the first row comes after the last, and one that was gone to keeps its place while a
   * button has the focus.
   */
  toLevel(level, by, { around = false } = {}) {
    const { items } = this.buffer;
    const at = this.rows.itemOf(document.activeElement) ?? (around && items.includes(this.reached) ? this.reached : null);
    const start = at ? items.indexOf(at) : by > 0 ? this.firstDrawn() - 1 : items.length;
    const is = (item) => item.kind === "event" && item.ev.level === level;
    let index = -1;
    if (by > 0) {
      index = items.findIndex((item, i) => i > start && is(item));
      if (index < 0 && around && at) index = items.findIndex(is);
    }
    if (by < 0 || (index < 0 && !at)) index = items.slice(0, by < 0 ? start : start + 1).findLastIndex(is);
    if (index < 0) return false;
    this.reached = items[index];
    this.rows.reveal(this.reached, { focus: true });
    return true;
  }

  /** Focus the row at this index; -1 is the last. */
  to(index) {
    const item = this.buffer.items.at(index);
    if (item) this.rows.reveal(item, { focus: true });
  }
}
