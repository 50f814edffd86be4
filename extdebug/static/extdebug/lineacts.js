// What can be done with one line, by click or by key.

import { copyText } from "./dom.js";
import { permalink } from "./take.js";
import { quoted } from "./view.js";

/** Do `name` on `item`. `on` = {view, rows, intake, filters, setFilter, toast}. */
export async function actOn(name, item, data, on) {
  const { ev } = item;
  const copied = async (text, done) => on.toast((await copyText(text)) ? done : "The browser refused the clipboard.");
  switch (name) {
    case "open":
      item.open = !item.open;
      // A line that was opened is being read: it must stay where it is.
      on.rows.follow(false);
      on.rows.refresh(item);
      return;
    case "request":
      on.setFilter({ request: ev.requestId });
      return;
    case "fetch":
      on.rows.follow(false);
      on.intake.fetch(item);
      return;
    case "copy":
      return copied(ev.message, "Message copied.");
    case "copy-json":
      return copied(JSON.stringify(ev, null, 2), "Line copied as JSON.");
    case "permalink":
      return copied(permalink(on.view, ev), "Link copied. It works as long as the stream keeps the line.");
    case "without":
      on.setFilter({ q: joined(on.view.filter.q, `-${quoted(essence(ev.message))}`) });
      return;
    case "where":
      on.setFilter({ q: joined(on.view.filter.q, `field.${data.path}:${quoted(data.value)}`) });
      return;
    default:
  }
}

const joined = (q, term) => {
  if (!q.trim()) return term;
  return /\bOR\b/.test(q) ? `(${q.trim()}) ${term}` : `${q.trim()} ${term}`;
};

/** The part of a message that its siblings share: words before the first number. */
function essence(message) {
  const line = message.split("\n")[0].slice(0, 200);
  const stable = /^[^\d"\\]{6,}/.exec(line)?.[0] ?? line.replace(/["\\].*$/, "");
  return stable.trim().slice(0, 60) || line.slice(0, 60);
}

/** While the pointer is on a request id, all lines of that request that are in sight stand out. */
export function showFlows(scroller) {
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

/** The line that has the keyboard. */
export class LineKeys {
  constructor({ buffer, rows }) {
    this.buffer = buffer;
    this.rows = rows;
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

  first() {
    const item = this.buffer.items[0];
    if (item) this.rows.reveal(item, { focus: true });
  }
}
