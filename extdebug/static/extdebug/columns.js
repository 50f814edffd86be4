// Owns which fields are shown as columns: the row of their names above the lines, adding, moving and
// removing one. Remembered per extension in this browser; the address has them too.

import { setUpColumnDrag } from "./column-drag.js";
import { byId, el, icon } from "./dom.js";
import { toast } from "./notices.js";
import { recall, remember } from "./preferences.js";
import { plain } from "./safe-text.js";
import { MOST_COLUMNS, validColumns } from "./view.js";

export class Columns {
  /** `view` is the page's CurrentView; `onChange()` is called when rows have to be drawn with other columns. */
  constructor({ extension, view, onChange }) {
    this.key = `columns.${extension}`;
    this.view = view;
    this.onChange = onChange;
    if (!this.names.length) view.change({ columns: validColumns([recall(this.key, [])].flat()) });
    document.addEventListener("click", (e) => {
      const button = e.target.closest?.("[data-act=column]"); // in a line's details
      if (button) this.toggle(button.dataset.name);
    });
    byId("columns-head").addEventListener("click", (e) => this.clicked(e));
    setUpColumnDrag(byId("columns-names"), (name, at) => {
      this.place(name, at);
      this.focus(at);
    });
    this.draw();
  }

  get names() {
    return this.view.current.columns;
  }

  toggle(name) {
    if (this.names.includes(name)) return this.set(this.names.filter((each) => each !== name));
    if (this.names.length >= MOST_COLUMNS) return toast(`${MOST_COLUMNS} columns are shown already: remove one first.`);
    return this.set([...this.names, name]);
  }

  /** Move a column by one place, to the left (-1) or right (1). */
  move(name, by) {
    this.place(name, Math.max(0, this.names.indexOf(name) + by));
  }

  /** Put a column at a place among the others, 0 for the first. */
  place(name, at) {
    const names = this.names.filter((each) => each !== name);
    names.splice(at, 0, name);
    this.set(names);
  }

  set(names) {
    this.view.change({ columns: names });
    remember(this.key, names.length ? names : null);
    this.changed();
  }

  /** The view has other columns now. */
  changed() {
    this.draw();
    this.onChange();
  }

  draw() {
    const head = byId("columns-head");
    head.hidden = !this.names.length;
    for (const each of document.querySelectorAll(".rows")) {
      each.classList.toggle("with-columns", !head.hidden);
      each.style.setProperty("--columns", this.names.length);
    }
    const { offsetWidth, clientWidth } = byId("lines");
    head.style.setProperty("--gutter", `${offsetWidth - clientWidth}px`); // the scroll bar's, beside the rows
    byId("columns-names").replaceChildren(...this.names.map((name, place) => this.heading(name, place)));
  }

  heading(name, place) {
    const act = (does, label, off) => el("button", { type: "button", "data-does": does, "data-name": name, disabled: off }, label);
    return el(
      "details",
      { class: "menu column", draggable: "true", "data-column": name },
      el("summary", { title: `Column ${plain(name)}: drag it, or click to move or remove it` }, el("span", {}, plain(name)), icon("chevron")),
      el("div", { class: "menu-body" }, act("left", "Move left", place === 0), act("right", "Move right", place === this.names.length - 1), act("remove", "Remove column")),
    );
  }

  clicked(e) {
    const { does, name } = e.target.closest("[data-does]")?.dataset ?? {};
    if (!does) return;
    if (does === "remove") this.toggle(name);
    else this.move(name, does === "left" ? -1 : 1);
    this.focus(this.names.indexOf(name));
  }

  /** Focus the heading at this place, or the lines where there is none. */
  focus(at) {
    (byId("columns-names").children[at]?.querySelector("summary") ?? byId("lines")).focus({ preventScroll: true });
  }
}
