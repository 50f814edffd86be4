// Tells who looks at another tab or window what arrives: in the tab's title, and by a notification if asked to.

import { byId } from "./dom.js";
import { count } from "./messages.js";
import { toast } from "./notices.js";
import { setTitle } from "./page-title.js";
import { plain } from "./safe-text.js";

const APART = 10_000; // ms between two notifications
const MOST_TEXT = 160; // characters of a line in a notification

export class Attention {
  /** `isFiltering()`: whether a query is set: then each line that matches it counts, else errors alone. */
  constructor({ isFiltering, extension }) {
    this.isFiltering = isFiltering;
    this.extension = extension;
    this.wanted = false;
    this.said = -Infinity;
    this.start();
    byId("notify").addEventListener("click", () => this.toggle());
    for (const kind of ["visibilitychange", "focus", "blur"]) {
      (kind === "visibilitychange" ? document : window).addEventListener(kind, () => this.looked());
    }
  }

  get away() {
    return document.hidden || !document.hasFocus();
  }

  start() {
    this.errors = this.lines = this.unsaid = 0;
  }

  /** The reader came back or left: count from here. */
  looked() {
    this.start();
    setTitle({ errors: 0, lines: 0 });
  }

  /** A new line, which is not history. */
  line(ev) {
    if (!this.away) return;
    this.lines += 1;
    if (ev.level === "error") this.errors += 1;
    setTitle({ errors: this.errors, lines: this.lines });
    if (this.wanted && (this.isFiltering() || ev.level === "error")) this.notify(ev);
  }

  async toggle() {
    if (!this.wanted && (await this.permission()) !== "granted") {
      toast("The browser does not allow notifications of this page: allow them in its site settings.");
      return;
    }
    this.wanted = !this.wanted;
    byId("notify").setAttribute("aria-pressed", String(this.wanted));
    const what = this.isFiltering() ? "each line that matches the filter" : "each error";
    toast(this.wanted ? `While you look elsewhere, ${what} notifies you, at most every ${APART / 1000} seconds.` : "No more notifications.");
  }

  permission() {
    if (!("Notification" in window)) return "denied";
    return Notification.permission === "default" ? Notification.requestPermission() : Notification.permission;
  }

  notify(ev) {
    this.unsaid += 1;
    const now = performance.now();
    if (now - this.said < APART) return;
    this.said = now;
    const more = this.unsaid > 1 ? `${count(this.unsaid)} lines, the last: ` : "";
    this.unsaid = 0;
    const note = new Notification(`${this.extension}: ${ev.level}`, { body: `${more}${plain(ev.message).slice(0, MOST_TEXT)}`, tag: "ext-debug" });
    note.onclick = () => {
      window.focus();
      note.close();
    };
  }
}
