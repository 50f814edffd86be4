// Builds the opened part of a row: fields as a tree, all facts of the line, and its actions.

import { occurrences } from "./buffer.js";
import { el, icon } from "./dom.js";
import { isExact, parseExactly } from "./exact-json.js";
import { markMessage, plural } from "./messages.js";
import { appendText } from "./text-runs.js";
import { clock, delta, fullTime } from "./timestamps.js";

const DEEP = 6; // as the wire caps it (MAX_FIELDS_DEPTH)

/** The opened part of the row of `item`; `context` is a RowContext of row.js. */
export function detailOf(item, context) {
  const { ev } = item;
  const box = el("div", { class: "detail" });
  const json = ev.fields ? null : jsonIn(ev.message);
  const masked = Boolean(ev.redacted?.length);
  if (ev.fields) box.append(tree("fields", ev.fields, { ...context, marker: context.marker, masked }, true));
  if (json) box.append(tree("message as JSON", json, context, false));
  box.append(facts(item));
  if (item.n > 1) box.append(repeats(item, context));
  box.append(actions(ev, context));
  return box;
}

/** Each occurrence of a repeated line that is still kept, with its time and a link to it. */
function repeats(item, context) {
  const kept = occurrences(item);
  const more = item.n - kept.length;
  const list = el("ol", { class: "repeats", "aria-label": "Each time it was printed" });
  for (const [place, ev] of kept.entries()) {
    const since = place ? delta(Date.parse(ev.ts) - Date.parse(kept[place - 1].ts)) : "first";
    const line = el("li", { class: ev.id === context.linked ? "linked" : "" }, el("time", { datetime: ev.ts, title: fullTime(ev.ts) }, clock(Date.parse(ev.ts))), el("span", { class: "faint" }, since));
    if (ev.id) line.append(el("button", { class: "link", type: "button", "data-act": "permalink", "data-id": ev.id }, "Copy link"));
    list.append(line);
    if (place === 0 && more) list.append(el("li", { class: "faint" }, `${plural(more, "occurrence")} not kept on this page`));
  }
  return list;
}

/** The message as an object or array, when that is what it is. */
function jsonIn(message) {
  const text = message.trim();
  if (!/^[[{]/.test(text) || text.length > 20_000) return null;
  try {
    return parseExactly(text);
  } catch {
    return null;
  }
}

function tree(title, value, context, filterable) {
  const box = el("div", { class: "tree" }, el("div", { class: "tree-title" }, title));
  box.append(branch(value, "", context, filterable, 0));
  return box;
}

function branch(value, path, context, filterable, depth) {
  const list = el("ul", {});
  for (const [name, item] of Object.entries(value)) {
    const here = path ? `${path}.${name}` : name;
    const line = el("li", {});
    const key = el("span", { class: "key" });
    appendText(key, name);
    const exact = isExact(item);
    const nested = !exact && item !== null && typeof item === "object" && Object.keys(item).length > 0;
    if (nested && depth < DEEP) {
      const shown = Array.isArray(item) ? plural(item.length, "item") : plural(Object.keys(item).length, "field");
      line.append(
        el("details", { open: depth < 2 }, el("summary", {}, key, " ", el("span", { class: "faint" }, shown)), branch(item, here, context, filterable, depth + 1)),
      );
    } else {
      const text = typeof item === "string" ? item : JSON.stringify(item);
      const shown = el("span", { class: `value v-${item === null ? "null" : exact ? "number" : typeof item}` });
      appendText(shown, text, context.marker, { masked: context.masked });
      line.append(key, ": ", shown);
      if (filterable && /^[\w.-]+$/.test(here)) line.append(...filterButtons(`field.${here}`, text), columnButton(here, context));
    }
    list.append(line);
  }
  return list;
}

/** Buttons that ask for this value of an attribute or field, or exclude it. */
function filterButtons(name, value) {
  const act = (does, title, symbol) =>
    el("button", { class: "tiny", type: "button", "data-act": does, "data-name": name, "data-value": value, title, "aria-label": `${title}: ${name}` }, icon(symbol));
  return [act("where", "Add this to the filter", "filter"), act("where-not", "Exclude this", "exclude")];
}

/** The button that shows a field as a column, or no longer. */
function columnButton(name, { columns = [] }) {
  const title = columns.includes(name) ? "Remove this column" : "Show as column";
  return el("button", { class: "tiny", type: "button", "data-act": "column", "data-name": name, title, "aria-label": `${title}: ${name}`, "aria-pressed": String(columns.includes(name)) }, icon("columns"));
}

function facts(item) {
  const { ev } = item;
  const list = el("dl", { class: "facts" });
  const add = (name, value, attribute = "") => {
    if (!value) return;
    const cell = el("dd", {});
    appendText(cell, value);
    if (attribute) cell.append(...filterButtons(attribute, value));
    list.append(el("dt", {}, name), cell);
  };
  add("time", fullTime(ev.ts));
  if (item.n > 1) add("repeated", `${plural(item.n, "time")}, last ${fullTime(item.rest.at(-1)?.ts ?? ev.ts)}`);
  if (item.parts) add("stack trace", `${plural(item.parts.length, "line")} of output on one row, last ${fullTime(item.parts.at(-1).ts)}`);
  add("stream", `${ev.stream}, level ${ev.level}`);
  add("request", ev.requestId, "request");
  add("tenant", ev.tenantId);
  add("extension", ev.extensionId);
  add("install", ev.installId, "install");
  add("version", ev.versionId, "version");
  add("content", ev.contentHash, "hash");
  add("line id", ev.id);
  if (ev.redacted?.length) add("masked by", ev.redacted.join(", "));
  for (const mark of ev.marks ?? []) add("note", markMessage(mark));
  if (ev.truncated) add("note", "Cut off: longer than one event may be.");
  return list;
}

function actions(ev, context) {
  const act = (name, label, symbol) =>
    el("button", { class: "small", type: "button", "data-act": name }, symbol ? icon(symbol) : "", label);
  return el(
    "div",
    { class: "acts" },
    act("copy", "Copy message", "copy"),
    act("copy-json", "Copy as JSON", "copy"),
    ev.id ? act("permalink", "Copy link to this line", "link") : null,
    ev.requestId ? act("open-request", "Open the request", "requests") : null,
    ev.id && context.filtered ? act("context", "Show in context", "search") : null,
    ev.requestId ? act("request", "Only this request", "filter") : null,
    act("without", "Hide lines like this", "close"),
  );
}
