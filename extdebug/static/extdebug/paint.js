// Puts text into the page as runs that are safe to show, search matches marked.

import { el } from "./dom.js";
import { runs } from "./text.js";

/** Put `text` into `parent` as safe runs, with `marker` ({regex, classOf}) matches marked. */
export function paint(parent, text, marker = null) {
  for (const run of runs(text)) {
    if (run.cls === "ctl") {
      parent.append(el("span", { class: "ctl", title: run.name }, run.text));
      continue;
    }
    const target = run.cls ? el("span", { class: run.cls }) : parent;
    if (target !== parent) parent.append(target);
    marked(target, run.text, marker);
  }
}

function marked(target, text, marker) {
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
