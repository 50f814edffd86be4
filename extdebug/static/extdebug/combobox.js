// Makes a text field a combobox (ARIA): a list of proposals below it, chosen by key or by pointer.

import { el } from "./dom.js";
import { plain } from "./safe-text.js";

const EDGE = 10; // px to the edge of the window
const LEAST = 150; // px below the field that are room enough

export class Combobox {
  /**
   * `suggest(text, caret)` returns the Suggestions of suggestions.js; `label` names the list. `onTaken(done)` is
   * called when a proposal was taken into the field: not `done` means that more has to follow.
   * With `always` the list opens on an empty field too, as soon as one clicks into it.
   */
  constructor({ input, label, suggest, onTaken, onClosed = () => {}, always = false }) {
    this.input = input;
    this.suggest = suggest;
    this.onTaken = onTaken;
    this.onClosed = onClosed;
    this.options = [];
    this.active = -1;
    this.list = el("ul", { class: "proposals", id: `${input.id}-list`, role: "listbox", "aria-label": label, hidden: true });
    input.after(this.list);
    for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": this.list.id })) input.setAttribute(name, value);
    input.addEventListener("input", () => this.open({ typed: true }));
    input.addEventListener("keydown", (e) => this.pressed(e), { capture: true }); // before the field's own keys
    input.addEventListener("blur", () => this.close());
    input.addEventListener("click", () => (this.list.hidden ? always && !input.value && this.open() : this.open({ typed: true })));
    addEventListener("resize", () => this.close());
    this.list.addEventListener("pointerdown", (e) => e.preventDefault()); // the field keeps the focus
    this.list.addEventListener("click", (e) => {
      const option = e.target.closest("[role=option]");
      if (option) this.take([...this.list.children].indexOf(option));
    });
  }

  get isOpen() {
    return !this.list.hidden;
  }

  /** Show what fits; after typing only when something of a term is there. */
  open({ typed = false } = {}) {
    const { input } = this;
    const { from, to, options } = this.suggest(input.value, input.selectionStart ?? input.value.length);
    if (!options.length || (typed && from === to)) return this.close();
    Object.assign(this, { from, to, options, active: -1 });
    this.list.replaceChildren(
      ...options.map(({ text, hint }, place) =>
        el("li", { role: "option", id: `${this.list.id}-${place}`, "aria-selected": "false" }, el("code", {}, plain(text)), hint ? el("small", {}, plain(hint)) : null),
      ),
    );
    this.place();
    this.list.hidden = false;
    this.list.scrollTop = 0;
    input.setAttribute("aria-expanded", "true");
    input.removeAttribute("aria-activedescendant");
  }

  /** Put the list below the field, or above it where there is more room. */
  place() {
    const { style } = this.list;
    const box = this.input.getBoundingClientRect();
    const below = innerHeight - box.bottom - EDGE;
    const up = below < LEAST && box.top - EDGE > below;
    style.left = `${box.left}px`;
    style.top = up ? "auto" : `${box.bottom + 4}px`;
    style.bottom = up ? `${innerHeight - box.top + 4}px` : "auto";
    style.minWidth = `${Math.min(300, box.width)}px`;
    style.maxWidth = `${Math.min(640, innerWidth - box.left - EDGE)}px`;
    style.maxHeight = `${Math.min(350, up ? box.top - EDGE : below)}px`;
  }

  close() {
    if (!this.isOpen) return;
    this.list.hidden = true;
    this.active = -1;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    this.onClosed();
  }

  pressed(e) {
    if (e.isComposing || e.ctrlKey || e.metaKey || e.altKey) return;
    if (!this.isOpen) {
      if (e.key !== "ArrowDown") return;
      this.open();
      if (this.isOpen) this.select(0);
    } else if (e.key === "ArrowDown") this.select(this.active + 1);
    else if (e.key === "ArrowUp") this.select(this.active - 1);
    else if (e.key === "Escape") this.close();
    else if ((e.key === "Enter" || (e.key === "Tab" && !e.shiftKey)) && this.active >= 0) this.take(this.active);
    else {
      if (e.key === "Enter") this.close();
      return;
    }
    e.preventDefault();
    e.stopImmediatePropagation();
  }

  /** Make an option the active one; beyond either end none is, and then the other end. */
  select(place) {
    const { options, list, input } = this;
    list.children[this.active]?.setAttribute("aria-selected", "false");
    this.active = place < -1 ? options.length - 1 : place >= options.length ? -1 : place;
    const row = list.children[this.active];
    if (!row) {
      input.removeAttribute("aria-activedescendant");
      return;
    }
    row.setAttribute("aria-selected", "true");
    row.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", row.id);
  }

  take(place) {
    const { input, from, to } = this;
    const { text, done } = this.options[place];
    input.setRangeText(text, from, to, "end");
    if (done) this.close();
    else this.open();
    this.onTaken(done);
  }
}
