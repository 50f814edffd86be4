// Puts text on the clipboard: a short one at once, a long one when it is made.

import { el } from "./dom.js";

/** Text to the clipboard; resolves to whether it got there. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Plain http away from localhost has no clipboard API.
    const area = el("textarea", { class: "offscreen", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}

/** The text whose parts `making` resolves to, to the clipboard; resolves to whether it got there.
 * To be called by what the person did: the clipboard is asked for now, while the browser still takes it for their wish, and waits for the parts. */
export async function copyParts(making) {
  const text = making.then(wide);
  text.catch(() => {}); // whoever makes the parts says why there are none
  try {
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": text })]);
    return true;
  } catch {
    return text.then(copyText, () => false);
  }
}

/** The parts as one string of 16 bits a character, which is how Chromium hands it on: one of 8 bits, as plain English is, it turns into that a character at a time, 65 ms for 20 MB in one task where this takes 25. */
const wide = (parts) => ["\u2026", ...parts].join("").slice(1);
