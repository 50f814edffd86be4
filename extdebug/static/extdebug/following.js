// Follows another watcher: takes over the filter and the place that they share, as if the reader had
// typed them, until the reader does something or nothing is shared any more.

import { holdsLine } from "./buffer.js";
import { byId } from "./dom.js";
import { toast } from "./notices.js";
import { plain } from "./safe-text.js";
import { DEFAULT_FROM, sameFilter, standsAtStart, STREAMS } from "./view.js";

const GRACE = 8000; // ms without their view, as while they reconnect, until following ends
const MODIFIERS = new Set(["Shift", "Control", "Alt", "Meta", "CapsLock"]);
const IN_THE_LIST = new Set(["Tab", "Enter", " ", "Escape"]); // keys that are for the list of watchers while it has the focus

export class Following {
  /** The parts of the page: see console.js. `onChange()` is called when following begins or ends. */
  constructor({ view, buffer, rows, filters, onRead, onChange }) {
    Object.assign(this, { view, buffer, rows, filters, onRead, onChange });
    this.person = null; // {id, name} of whom the reader follows
    this.adopted = ""; // the view last taken over, as JSON
    byId("followed").addEventListener("click", () => this.stop());
    for (const type of ["keydown", "pointerdown", "wheel", "touchmove"]) {
      document.addEventListener(type, (e) => this.acted(e), { capture: true, passive: true });
    }
    addEventListener("popstate", () => this.stop());
  }

  start({ id, name, view }) {
    this.person = { id, name };
    this.adopted = "";
    this.adopt(view);
    toast(`Following ${plain(name)} until you do something yourself.`);
    this.onChange();
  }

  /** No longer follow; with `why`, a sentence that says so. */
  stop(why = "") {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!this.person) return;
    this.person = null;
    if (why) toast(why);
    this.onChange();
  }

  /** The reader did something: by that they go their own way, at the same place. */
  acted(event) {
    if (!this.person || MODIFIERS.has(event.key)) return;
    const inList = event.target.closest?.("#presence, #followed");
    if (inList && (event.type !== "keydown" || IN_THE_LIST.has(event.key))) return;
    this.stop(`You no longer follow ${plain(this.person.name)}.`);
  }

  /** Those who watch now, with what they share. */
  heard(others) {
    if (!this.person) return;
    const { id, name } = this.person;
    const view = others.find((one) => one.id === id)?.view;
    if (view) {
      clearTimeout(this.timer);
      this.timer = undefined;
      this.adopt(view);
    } else this.timer ??= setTimeout(() => this.stop(`${plain(name)} no longer shares their view.`), GRACE);
  }

  adopt(shared) {
    const text = JSON.stringify(shared);
    if (text === this.adopted) return;
    this.adopted = text;
    const { view, rows } = this;
    const filter = { ...view.current.filter, ...shared.filter };
    filter.streams = STREAMS.filter((name) => filter.streams.includes(name));
    const changed = !sameFilter(filter, view.current.filter);
    if (changed) this.filters.set(filter);
    const item = shared.line && this.buffer.items.find((each) => holdsLine(each, shared.line));
    if (shared.live) {
      if (changed || standsAtStart(view.current) || view.current.until || view.current.speed) this.read({ filter, from: DEFAULT_FROM, until: null, speed: null });
      else rows.follow(true);
    } else if (!changed && (item || !shared.line)) {
      if (item) rows.reveal(item, { centre: true });
    } else this.read({ filter, line: shared.line });
  }

  read(part) {
    this.onRead(part, { push: false });
    this.filters.clearError();
  }
}
