// Chooses a moment or a range on the time line: by dragging, or by keyboard with a handle at either end.

import { el } from "./dom.js";
import { clockText } from "./timestamps.js";

const CLICK = 4; // px a pointer may move and still mean a moment

export class TimeBrush {
  /** `describe(from, until)` says what lies between; `onRange({from, until})` is called with what was chosen. */
  constructor({ track, describe, onRange }) {
    this.track = track;
    this.describe = describe;
    this.onRange = onRange;
    this.extent = null; // {since, until, width} in ms
    this.from = null; // what is chosen, in ms; null: nothing, the page is live
    this.until = null;
    this.drag = null;
    this.band = el("div", { class: "time-band", "aria-hidden": "true", hidden: true });
    this.shades = [0, 1].map(() => el("div", { class: "time-shade", "aria-hidden": "true", hidden: true }));
    this.handles = [this.handle("from", "Start of the range"), this.handle("until", "End of the range")];
    track.append(...this.shades, this.band, ...this.handles);
    track.addEventListener("pointerdown", (e) => this.pressed(e));
    track.addEventListener("pointermove", (e) => this.moved(e));
    track.addEventListener("pointerup", (e) => this.released(e));
    track.addEventListener("pointercancel", () => this.dropDrag());
  }

  handle(which, label) {
    const node = el("div", { class: `time-handle ${which}`, role: "slider", tabindex: "0", "aria-label": label, "aria-orientation": "horizontal" });
    node.hidden = true; // it has no value before the extent is known
    node.addEventListener("keydown", (e) => this.key(e, which));
    node.addEventListener("focus", () => this.draw());
    node.addEventListener("blur", () => this.keyed && this.show(this.shown ?? {}));
    return node;
  }

  setExtent(extent) {
    this.extent = extent;
    for (const node of this.handles) node.hidden = !extent;
    this.draw();
  }

  /** What the page reads now, in ms; nulls while it is live. */
  show({ from = null, until = null }) {
    this.shown = { from, until };
    this.keyed = false;
    if (this.drag) return;
    this.from = from;
    this.until = until;
    this.draw();
  }

  // --- pointer --------------------------------------------------------------------------------

  at(e) {
    const box = this.track.getBoundingClientRect();
    const part = Math.min(1, Math.max(0, (e.clientX - box.left) / box.width));
    return Math.round(this.extent.since + part * (this.extent.until - this.extent.since));
  }

  pressed(e) {
    if (!this.extent || e.button !== 0) return;
    const which = e.target.closest(".time-handle")?.classList.contains("until") ? "until" : e.target.closest(".time-handle") ? "from" : "";
    const at = this.at(e);
    const other = which === "until" ? this.from : this.until;
    this.drag = { x: e.clientX, anchor: which && other !== null ? other : at, moved: false };
    this.track.setPointerCapture(e.pointerId);
  }

  moved(e) {
    if (!this.drag) return;
    this.drag.moved ||= Math.abs(e.clientX - this.drag.x) > CLICK;
    if (!this.drag.moved) return;
    const at = this.at(e);
    this.from = Math.min(at, this.drag.anchor);
    this.until = Math.max(at, this.drag.anchor);
    this.draw();
  }

  released(e) {
    if (!this.drag) return;
    const { moved } = this.drag;
    const at = this.at(e);
    this.drag = null;
    if (!moved && e.target.closest(".time-handle")) return;
    if (moved) this.choose(this.from, this.until);
    else this.choose(at, null);
  }

  dropDrag() {
    this.drag = null;
    this.show(this.shown ?? {});
  }

  choose(from, until) {
    this.keyed = false;
    const open = until === null || until >= this.extent.until;
    this.onRange({ from, until: open ? null : Math.max(until, from + 1) });
  }

  // --- keyboard -------------------------------------------------------------------------------

  key(e, which) {
    if (!this.extent || e.ctrlKey || e.metaKey || e.altKey) return;
    const { since, until, width } = this.extent;
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };
    const now = which === "from" ? this.from ?? since : this.until ?? until;
    let next;
    if (e.key in steps) next = now + steps[e.key] * width;
    else if (e.key === "Home") next = since;
    else if (e.key === "End") next = until;
    else if (e.key === "Enter") this.choose(this.from ?? since, this.until);
    else if (e.key === "Escape" && this.keyed) this.show(this.shown ?? {});
    else return;
    e.preventDefault();
    e.stopPropagation();
    if (next === undefined) return;
    next = Math.min(until, Math.max(since, next));
    this.keyed = true;
    if (which === "from") this.from = Math.min(next, (this.until ?? until) - width);
    else {
      this.from ??= since;
      this.until = Math.max(next, this.from + width);
    }
    this.draw();
  }

  // --- drawing --------------------------------------------------------------------------------

  draw() {
    if (!this.extent) return;
    const { since, until } = this.extent;
    const part = (ms) => Math.min(1, Math.max(0, (ms - since) / (until - since)));
    const [from, end] = [this.from ?? since, this.until ?? until];
    for (const node of [this.band, ...this.shades]) node.hidden = this.from === null;
    const lay = (node, a, b) => Object.assign(node.style, { left: `${a * 100}%`, width: `${Math.max(0, b - a) * 100}%` });
    lay(this.band, part(from), part(end));
    lay(this.shades[0], 0, part(from));
    lay(this.shades[1], part(end), 1);
    this.handles.forEach((node, i) => {
      const ms = i ? end : from;
      node.style.left = `${part(ms) * 100}%`;
      node.setAttribute("aria-valuemin", String(Math.floor(since / 1000)));
      node.setAttribute("aria-valuemax", String(Math.ceil(until / 1000)));
      node.setAttribute("aria-valuenow", String(Math.round(ms / 1000)));
      const open = i && this.until === null ? "now" : clockText(ms);
      const sure = this.keyed ? `; Enter reads ${this.describe(from, end)}` : "";
      node.setAttribute("aria-valuetext", `${open}${sure}`);
    });
    this.track.classList.toggle("keyed", Boolean(this.keyed));
  }
}
