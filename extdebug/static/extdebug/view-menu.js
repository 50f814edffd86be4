// The menu "View": how lines are shown and how many are kept, saved views, and the way to all commands.

import { byId, el } from "./dom.js";
import { count } from "./messages.js";
import { DENSITIES, KEPT } from "./preferences.js";

/** [what the preference is for, its name, [value, label] of each choice]. */
export const CHOICES = [
  ["Density", "density", Object.entries(DENSITIES)],
  ["Lines kept", "kept", KEPT.map((rows) => [rows, count(rows)])],
];

export class ViewMenu {
  /** `onCommands()` opens the list of all commands. */
  constructor({ preferences, savedViews, onCommands }) {
    this.preferences = preferences;
    this.menu = byId("view-menu");
    this.fields = new Map();
    for (const [label, name, choices] of CHOICES) {
      const field = el("select", { id: `view-${name}` }, ...choices.map(([value, text]) => el("option", { value }, text)));
      field.addEventListener("change", () => preferences.set(name, choices[field.selectedIndex][0]));
      this.fields.set(name, field);
      byId("view-choices").append(el("label", {}, el("span", {}, label), field));
    }
    byId("saved-views").append(savedViews.list, savedViews.form);
    byId("all-commands").addEventListener("click", () => {
      this.menu.open = false;
      onCommands();
    });
    this.draw();
  }

  /** Draw what is chosen now. */
  draw() {
    for (const [name, field] of this.fields) field.value = String(this.preferences[name]);
  }

  /** Open it where a view is named and saved. */
  nameView() {
    this.menu.open = true;
    byId("view-name").focus();
  }
}
