// Shows how many errors and warnings the loaded lines have; a click goes to the next one.

import { byId } from "./dom.js";
import { count, plural } from "./messages.js";

const SHOWN = [
  ["error", "error", "errors"],
  ["warn", "warning", "warnings"],
];

/** Draw the counts of the buffer's levels. */
export function drawLevelCounts(levels) {
  for (const [level, one, many] of SHOWN) {
    const button = byId(`count-${level}`);
    const n = levels[level] ?? 0;
    if (button.dataset.count === String(n)) continue;
    button.dataset.count = String(n);
    button.hidden = n === 0;
    button.textContent = plural(n, one, many);
    button.title = `${count(n)} in the loaded lines: go to the next${level === "error" ? " ( e, back with E )" : ""}`;
  }
}
