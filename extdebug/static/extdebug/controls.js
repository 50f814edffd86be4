// Makes the page's own buttons and rows do what they say.

import { copyChosenRows, copySelectedRows } from "./copy-rows.js";
import { byId } from "./dom.js";
import { setUpExportMenu } from "./export.js";
import { setUpTheme } from "./preferences.js";
import { markSameRequest } from "./row-actions.js";
import { closeMenusBeside } from "./shortcuts.js";

const BUTTONS = ["pause", "follow", "clear", "time", "wrap", "collapse", "connect"]; // named as their commands

/** `run` has the commands of commands.js, `command(name, argument)` does one in the view in sight; `exported()` returns what the export menu takes. */
export function listenToControls({ run, command, rows, context, rowActions, selection, exported }) {
  for (const id of BUTTONS) byId(id).addEventListener("click", () => run[id]());
  for (const level of ["error", "warn"]) byId(`count-${level}`).addEventListener("click", () => command("level", { level, by: 1, around: true }));
  byId("to-end").addEventListener("click", run.toEnd);
  byId("lines").addEventListener("click", (e) => rowActions.clicked(e));
  setUpTheme(byId("theme"));
  closeMenusBeside();
  setUpExportMenu(exported);
  markSameRequest(byId("lines"));
  for (const each of [rows, context.rows]) copySelectedRows(each);
  copyChosenRows(() => (context.open ? "" : selection.text));
}
