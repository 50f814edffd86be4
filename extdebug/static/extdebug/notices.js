// Tells the reader something once: aloud to screen readers, or as a short notice over the lines.

import { byId } from "./dom.js";

let announceTimer = 0;

/** Say `text` to screen readers after 300 ms; a later call within that time replaces it. */
export function announce(text) {
  clearTimeout(announceTimer);
  announceTimer = setTimeout(() => (byId("announce").textContent = text), 300);
}

/** Show `text` over the lines for 3.5 s. */
export function toast(text) {
  const box = byId("toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(box.timer);
  box.timer = setTimeout(() => (box.hidden = true), 3500);
}
