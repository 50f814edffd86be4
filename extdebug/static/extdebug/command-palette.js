// The list of all commands (Ctrl K): typed to narrow it, chosen by key. A listbox (ARIA) in a dialog.

import { el } from "./dom.js";
import { plain } from "./safe-text.js";

/**
 * One line of the list.
 * @typedef {object} Entry
 * @property {string} label what it does
 * @property {string} group where it belongs, shown beside it
 * @property {string} [keys] the keys that do the same
 * @property {function(): void} run
 */

export class CommandPalette {
  /** `entries()` returns the Entries there are now. */
  constructor({ entries }) {
    this.entries = entries;
    this.found = [];
    this.active = -1;
    this.list = el("ul", { id: "palette-list", role: "listbox", "aria-label": "Commands" });
    this.none = el("p", { class: "faint", role: "status" });
    this.input = el("input", {
      id: "palette-input", spellcheck: "false", maxlength: "80", autocomplete: "off", placeholder: "Type a command, a saved view, a tenant…", "aria-label": "Find a command",
      role: "combobox", "aria-autocomplete": "list", "aria-expanded": "true", "aria-controls": "palette-list",
    }); // prettier-ignore
    this.dialog = el("dialog", { class: "palette", id: "palette", "aria-label": "All commands" }, this.input, this.list, this.none);
    document.body.append(this.dialog);
    this.input.addEventListener("input", () => this.narrow());
    this.dialog.addEventListener("keydown", (e) => this.pressed(e));
    this.dialog.addEventListener("click", (e) => {
      if (e.target === this.dialog) this.dialog.close(); // the backdrop
      const option = e.target.closest("[role=option]");
      if (option) this.take([...this.list.children].indexOf(option));
    });
  }

  open() {
    if (document.querySelector("dialog[open]")) return;
    this.all = this.entries();
    this.input.value = "";
    this.narrow();
    this.dialog.showModal();
    this.input.focus();
  }

  /** Show the entries that have every word typed; those where a word begins with it first. */
  narrow() {
    const words = this.input.value.toLowerCase().split(/\s+/).filter(Boolean);
    this.found = matching(this.all, words);
    this.list.replaceChildren(
      ...this.found.map(({ label, group, keys }, place) =>
        el(
          "li",
          { role: "option", id: `palette-${place}`, "aria-selected": "false" },
          el("span", { class: "what" }, plain(label)),
          el("small", {}, group),
          keys ? el("kbd", {}, keys) : null,
        ),
      ),
    );
    this.none.textContent = this.found.length ? "" : "No command has these words.";
    this.active = -1;
    this.select(0);
  }

  pressed(e) {
    // Just closed, it may still have the focus: that key is the page's.
    if (e.isComposing || !this.dialog.open) return;
    const page = Math.max(1, Math.floor(this.list.clientHeight / (this.list.firstChild?.offsetHeight || 1)) - 1);
    const last = this.found.length - 1;
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page }[e.key];
    if (e.key === "Escape" || ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "k")) this.dialog.close();
    else if (step) this.select(Math.abs(step) > 1 ? Math.max(0, Math.min(last, this.active + step)) : this.active + step);
    else if (e.key === "Enter") this.take(this.active);
    else if (e.key === "Tab") this.input.focus(); // there is nothing else to go to
    else return;
    e.preventDefault();
    e.stopPropagation();
  }

  /** Make an entry the active one; beyond either end the other end. */
  select(place) {
    const { list, found, input } = this;
    list.children[this.active]?.setAttribute("aria-selected", "false");
    this.active = found.length ? (place + found.length) % found.length : -1;
    const row = list.children[this.active];
    if (!row) return input.removeAttribute("aria-activedescendant");
    row.setAttribute("aria-selected", "true");
    row.scrollIntoView({ block: "nearest" });
    return input.setAttribute("aria-activedescendant", row.id);
  }

  take(place) {
    const entry = this.found[place];
    if (!entry) return;
    this.dialog.close(); // gives the focus back: commands of a line need it there
    entry.run();
  }
}

/** The entries that have every one of `words`, those first in which words begin with them. */
function matching(entries, words) {
  const rank = ({ label, group, keys }) => {
    const text = `${label} ${group} ${keys ?? ""}`.toLowerCase();
    if (!words.every((word) => text.includes(word))) return -1;
    const starts = label.toLowerCase().split(/[\s:,]+/);
    return words.filter((word) => starts.some((each) => each.startsWith(word))).length;
  };
  const ranked = entries.map((entry) => [rank(entry), entry]).filter(([points]) => points >= 0);
  return ranked.sort(([a], [b]) => b - a).map(([, entry]) => entry); // a stable sort: else in their own order
}
