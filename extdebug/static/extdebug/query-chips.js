// Shows each condition of the applied query below the box, to be turned around or taken away.

import { el, icon } from "./dom.js";
import { plain } from "./safe-text.js";
import { conditionsOf, inverted, withCondition } from "./query-terms.js";

export class QueryChips {
  /** `onQuery(q)` applies another query; `onLeft()` is called when the last condition was taken away by key. */
  constructor({ box, onQuery, onLeft }) {
    this.box = box;
    this.onQuery = onQuery;
    this.onLeft = onLeft;
    this.q = "";
    box.addEventListener("click", (e) => {
      const button = e.target.closest("button");
      if (button) this.change(Number(button.dataset.place), button.dataset.does);
    });
    box.addEventListener("keydown", (e) => this.pressed(e));
  }

  /** Draw the conditions of `q`; cheap when it is the one that is shown. */
  draw(q) {
    if (q === this.q) return;
    this.q = q;
    this.box.replaceChildren(...conditionsOf(q).map(chip));
    this.box.hidden = !this.box.childElementCount;
  }

  change(place, does) {
    const condition = conditionsOf(this.q)[place];
    if (!condition) return;
    const focused = this.box.contains(document.activeElement);
    this.onQuery(withCondition(this.q, place, does === "remove" ? "" : inverted(condition.text)));
    if (!focused) return;
    const { children } = this.box;
    const next = children[Math.min(place, children.length - 1)];
    if (next) next.querySelector(`[data-does=${does}]`).focus();
    else this.onLeft();
  }

  pressed(e) {
    const button = e.target.closest("button");
    if (!button || e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === "Delete" || e.key === "Backspace") this.change(Number(button.dataset.place), "remove");
    else if (e.key === "ArrowLeft" || e.key === "ArrowRight") {
      const buttons = [...this.box.querySelectorAll("button")];
      buttons[buttons.indexOf(button) + (e.key === "ArrowRight" ? 1 : -1)]?.focus();
    } else return;
    e.preventDefault();
    e.stopPropagation();
  }
}

function chip({ text, not }, place) {
  const shown = plain(text);
  const turn = not ? `Excluded: ${shown}. Click to ask for it instead` : `Asked for: ${shown}. Click to exclude it instead`;
  const act = (does, label, ...inside) => el("button", { type: "button", "data-place": place, "data-does": does, title: label, "aria-label": label }, ...inside);
  return el("span", { class: `condition${not ? " excludes" : ""}` }, act("invert", turn, shown), act("remove", `Take away ${shown}`, icon("close")));
}
