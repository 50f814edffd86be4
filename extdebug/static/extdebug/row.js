// Builds the row of one item: a line, a gap, a note. All text goes through appendText() or text nodes.

import { holdsLine } from "./buffer.js";
import { cellsOf, withoutColumns } from "./column-cells.js";
import { el, icon } from "./dom.js";
import { detailOf } from "./detail.js";
import { count, gapMessage, markMessage, plural } from "./messages.js";
import { plain } from "./safe-text.js";
import { appendText } from "./text-runs.js";
import { headline } from "./stack-traces.js";
import { clock, dayBegun, fullTime, isDated, timeText } from "./timestamps.js";

const CLOSED_CHARS = 1200; // of a closed row; the whole message is one click away
const CLOSED_LINES = 3;
const REQUEST_COLOURS = 8; // --flow-1 .. --flow-8 in tokens.css

/** What a closed row shows of a message, and how many lines of it stay hidden: of a stack trace what happened. */
export function firstPart(message) {
  const happened = headline(message);
  if (happened) return { shown: happened.slice(0, CLOSED_CHARS), hidden: message.trimEnd().split("\n").length - 1, cut: happened.length > CLOSED_CHARS };
  const text = message.replace(/^(?:[ \t]*\r?\n)+/, "").trimEnd(); // a closed row begins with something to read
  const lines = text.split("\n");
  const hidden = lines.length > CLOSED_LINES ? lines.length - 1 : 0;
  const shown = hidden ? lines[0] : text || message.replaceAll("\n", "");
  if (shown.length > CLOSED_CHARS) return { shown: shown.slice(0, CLOSED_CHARS), hidden, cut: true };
  return { shown, hidden, cut: false };
}

/**
 * What rows need beside their item.
 * @typedef {object} RowContext
 * @property {string} timeFormat one of TIME_FORMATS
 * @property {{regex: RegExp, classOf: function(string): string}|null} marker words to mark
 * @property {string|null} linked id of the line that the address names
 * @property {object|null} current the Item that the search stands on
 * @property {function(object): boolean} [chosen] whether an Item is among those chosen to be copied
 * @property {boolean} filtered whether a filter hides lines around it
 * @property {boolean} showInstall whether the column of installs is shown
 * @property {string[]} [columns] fields that are shown as columns
 */

/** The row of `item`; `previous` is the event above it; `context` is a RowContext. */
export function rowOf(item, previous, context) {
  if (item.kind === "gap") return gapRow(item);
  if (item.kind === "note") return noteRow(item);
  return eventRow(item, previous, context);
}

function eventRow(item, previous, context) {
  const { ev } = item;
  const old = isDated(ev, context.timeFormat);
  const tone = ev.stream === "log" ? ev.level : ev.stream;
  const row = el("div", {
    class: `row line s-${ev.stream} l-${ev.level}${item.open ? " open" : ""}${item.fetched ? " fetched" : ""}${old ? " of-another-day" : ""}`,
    role: "listitem",
    tabindex: "-1",
    "data-key": item.key,
    "data-request": ev.requestId ?? null,
    "data-day": dayBegun(ev, previous, context.timeFormat) || null,
  });
  if (item === context.current) row.classList.add("current");
  if (context.chosen?.(item)) row.classList.add("chosen");
  if (context.linked && holdsLine(item, context.linked)) row.classList.add("linked");
  const head = el("div", { class: "meta" });
  head.append(
    el("time", { class: "time", datetime: ev.ts, title: fullTime(ev.ts) }, timeText(ev, previous, context.timeFormat)),
    el("span", { class: `tag t-${tone}`, title: `${ev.stream}, ${ev.level}` }, tag(ev)),
  );
  if (ev.requestId) {
    head.append(
      el(
        "button",
        {
          class: `flow f-${requestColour(ev.requestId)}`,
          type: "button",
          tabindex: "-1",
          "data-act": "open-request",
          title: `Request ${plain(ev.requestId)}: click to open it among the requests`,
        },
        plain(shortRequestId(ev.requestId)),
      ),
    );
  } else {
    head.append(el("span", { class: "flow none", title: "No request: printed outside of one" }, "–"));
  }
  if (context.showInstall) {
    const where = [ev.tenantId, ev.installId].filter(Boolean).join(" / ");
    head.append(el("span", { class: "install", title: where || "no install" }, ev.installId ?? "–"));
  }
  row.append(head);
  if (context.columns?.length) row.append(cellsOf(ev, context.columns, context));
  row.append(body(item, ev, context));
  if (item.open) row.append(detailOf(item, context));
  return row;
}

/** `1..8`: the colour of a request, the same wherever the id appears. */
export function requestColour(request) {
  let hash = 2166136261;
  for (let i = 0; i < request.length; i += 1) hash = Math.imul(hash ^ request.charCodeAt(i), 16777619);
  return ((hash >>> 0) % REQUEST_COLOURS) + 1;
}

/** A request id short enough for a column; the whole one is in the title. */
export function shortRequestId(id) {
  if (id.length <= 14) return id; // as much as the column has room for
  // Ids that begin with the time (UUIDs of version 7) are told apart by their ends alone.
  const byStart = /^[0-9a-f-]{20,}$/i.test(id) && !/^[0-9a-f]{8}-[0-9a-f]{4}-7/i.test(id);
  return byStart ? id.slice(0, 8) : `${id.slice(0, 6)}…${id.slice(-6)}`;
}

export function tag(ev) {
  if (ev.stream === "log") return ev.level;
  return ev.stream === "stderr" ? "err" : "out";
}

function body(item, ev, context) {
  const part = firstPart(ev.message);
  const multi = part.hidden > 0 || part.cut;
  const cell = el("div", { class: "body" });
  const text = el("span", { class: "msg" });
  const masked = Boolean(ev.redacted?.length);
  appendText(text, item.open ? ev.message : part.shown, context.marker, { masked });
  if (!ev.message.trim()) text.append(el("span", { class: "faint" }, "(empty line)"));
  cell.append(text);
  if (!item.open && multi) {
    const words = part.hidden ? `+${plural(part.hidden, "line")}` : "… whole line";
    cell.append(el("button", { class: "more", type: "button", tabindex: "-1", "data-act": "open" }, words));
  }
  if (ev.fields && !item.open) cell.append(inlineFields(ev.fields, context, masked));
  if (item.n > 1) {
    const last = clock(Date.parse(item.rest.at(-1).ts));
    const title = `The same line ${count(item.n)} times in this request, last at ${last}: click for each`;
    cell.append(el("button", { class: "times", type: "button", tabindex: "-1", "data-act": "open", title }, `× ${count(item.n)}`));
  }
  if (ev.truncated) {
    cell.append(el("span", { class: "badge cut", title: "Longer than one event may be; the rest was cut off at the runner" }, "cut"));
  }
  const told = new Set([...cell.querySelectorAll(".mask")].map((mask) => mask.textContent.split(" ")[0]));
  for (const rule of ev.redacted ?? []) {
    if (told.has(rule) || item.open) continue; // the mask itself is in sight
    cell.append(el("span", { class: "badge masked", title: "Masked before it reached this page, by this rule" }, `masked: ${rule}`));
  }
  for (const mark of ev.marks ?? []) {
    if (mark === "level_text") continue; // usual for plain lines: said in the line's details alone
    cell.append(el("span", { class: "badge guessed", title: markMessage(mark) }, `${mark}?`));
  }
  return cell;
}

export function inlineFields(fields, context, masked) {
  const box = el("span", { class: "fields" });
  let room = 160;
  const shown = context.columns?.length ? withoutColumns(fields, context.columns) : fields;
  for (const [name, value] of Object.entries(shown)) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    const short = text.length > 60 ? `${text.slice(0, 60)}…` : text;
    room -= name.length + short.length + 2;
    if (room < 0) {
      box.append(el("span", { class: "faint" }, "…"));
      break;
    }
    const pair = el("span", { class: "pair" });
    const key = el("span", { class: "key" });
    appendText(key, name);
    const cell = el("span", { class: "value" });
    appendText(cell, short, context.marker, { masked });
    pair.append(key, "=", cell);
    box.append(pair, " ");
  }
  return box;
}

function gapRow(item) {
  const { gap } = item;
  const message = gapMessage(gap);
  const row = el("div", { class: `row gap g-${gap.reason}`, role: "listitem", tabindex: "-1", "data-key": item.key });
  const text = el("div", { class: "body" }, icon("gap"), el("strong", {}, message.what), el("span", {}, `: ${message.why}`));
  if (gap.detail) {
    const detail = el("span", { class: "faint" });
    appendText(detail, ` (${gap.detail})`);
    text.append(detail);
  }
  const since = gapPlace(gap);
  if (since) text.append(el("span", { class: "faint" }, ` · ${since}`));
  if (item.fetching) text.append(el("span", { class: "badge" }, "fetching…"));
  else if (item.state) text.append(el("span", { class: "badge" }, item.state));
  if (message.fetchable && !item.fetching && !item.done) {
    const title = "Still kept in the stream: read them from there";
    text.append(el("button", { class: "small", type: "button", "data-act": "fetch", title }, item.state ? "Fetch more missing lines" : "Fetch missing lines"));
  }
  row.append(text);
  return row;
}

function gapPlace(gap) {
  const from = idTime(gap.after);
  const to = idTime(gap.before);
  if (from && to) return from === to ? `at ${from}` : `between ${from} and ${to}`;
  if (from) return `after ${from}`;
  return to ? `before ${to}` : "";
}

function idTime(id) {
  const ms = Number(String(id ?? "").split("-")[0]);
  if (!id || !Number.isFinite(ms) || ms < 1e12 || ms > 8e15) return "";
  return new Date(ms).toLocaleTimeString(undefined, { hour12: false });
}

function noteRow(item) {
  return el(
    "div",
    { class: `row note ${item.tone}`, role: "listitem", tabindex: "-1", "data-key": item.key },
    el("span", {}, item.text),
  );
}
