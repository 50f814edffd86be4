// Appends text to an element as safe runs: masks and search matches as elements of their own.

import { el } from "./dom.js";
import { runs } from "./safe-text.js";

const ADDRESS = /\bhttps?:\/\/[^\s<>"`{}|\\^]+/g;
const MASK = /\[redacted:([a-z0-9-]{1,64})(#[0-9a-f]{8})?\]/g; // as policies/redaction/redactor.py writes it

/**
 * Append `text` to `parent` as safe runs, with the matches of `marker` ({regex, classOf}) marked.
 * `masked`: the server masked something in this line; only then is text of a mask's form drawn as one.
 */
export function appendText(parent, text, marker = null, { masked = false } = {}) {
  for (const run of runs(text)) {
    if (run.cls === "ctl") {
      parent.append(el("span", { class: "ctl", title: run.name }, run.text));
      continue;
    }
    const target = run.cls ? el("span", { class: run.cls }) : parent;
    if (target !== parent) parent.append(target);
    if (run.ink) target.style.setProperty("--run-ink", run.ink);
    if (run.ground) target.style.setProperty("--run-ground", run.ground);
    if (masked) appendMasks(target, run.text, marker);
    else appendLinks(target, run.text, marker);
  }
}

function appendMasks(target, text, marker) {
  let from = 0;
  for (const hit of text.matchAll(MASK)) {
    if (hit.index > from) appendLinks(target, text.slice(from, hit.index), marker);
    const same = hit[2] ? ` The same secret reads ${hit[2]} all day.` : "";
    const mask = el("span", { class: "mask", title: `Masked by the rule “${hit[1]}”.${same}` });
    appendMarked(mask, hit[2] ? `${hit[1]} ${hit[2]}` : hit[1], marker);
    target.append(mask);
    from = hit.index + hit[0].length;
  }
  if (from < text.length) appendLinks(target, text.slice(from), marker);
}

/** Addresses become links, of http and https alone; where they lead learns nothing of this page. */
function appendLinks(target, text, marker) {
  let from = 0;
  for (const hit of text.includes("://") ? text.matchAll(ADDRESS) : []) {
    const href = hit[0].replace(/[.,;:!?'")\]}]+$/, "");
    if (!URL.canParse(href)) continue;
    if (hit.index > from) appendMarked(target, text.slice(from, hit.index), marker);
    const link = el("a", { href, target: "_blank", rel: "noopener noreferrer", tabindex: "-1" });
    appendMarked(link, href, marker);
    target.append(link);
    from = hit.index + href.length;
  }
  if (from < text.length) appendMarked(target, text.slice(from), marker);
}

function appendMarked(target, text, marker) {
  if (!marker) {
    target.append(text);
    return;
  }
  let from = 0;
  marker.regex.lastIndex = 0;
  for (let hit = marker.regex.exec(text); hit; hit = marker.regex.exec(text)) {
    if (hit[0] === "") {
      marker.regex.lastIndex += 1;
      continue;
    }
    if (hit.index > from) target.append(text.slice(from, hit.index));
    target.append(el("mark", { class: marker.classOf(hit[0]) }, hit[0]));
    from = hit.index + hit[0].length;
  }
  if (from < text.length) target.append(text.slice(from));
}
