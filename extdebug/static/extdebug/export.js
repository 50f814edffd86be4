// Exports lines and the view: to the clipboard, as files, as links, as a curl command.

import { justBefore, occurrences } from "./buffer.js";
import { fieldAt, fieldText } from "./column-cells.js";
import { copyParts, copyText } from "./clipboard.js";
import { byId, el } from "./dom.js";
import { count, gapMessage } from "./messages.js";
import { toast } from "./notices.js";
import { plain } from "./safe-text.js";
import { playedOf, quoted, startOfView, writeView } from "./view.js";

const SLICE = 500; // rows made text at once: 50,000 of them would hold up for a quarter of a second what comes in
const REFUSED = "The browser refused the clipboard.";
const EMPTY_START = /^(?:[ \t]*\n)+(?=.)/; // a closed row shows the first line with text, and so does its text
const QUIET = 500; // ms without a word about how far it is

/** What `textOf` makes of the items, slice by slice; together it is the text of all. How far it is, is said when it takes long. */
async function inSlices(items, textOf) {
  const parts = [];
  let told = performance.now();
  for (let from = 0; from < items.length; from += SLICE) {
    parts.push(textOf(items.slice(from, from + SLICE)));
    if (performance.now() - told > QUIET) {
      told = performance.now();
      toast(`Preparing rows: ${count(Math.min(items.length, from + SLICE))} of ${count(items.length)}…`);
    }
    await (globalThis.scheduler?.yield?.() ?? new Promise((done) => setTimeout(done)));
  }
  return parts;
}

/** Items as JSON Lines; a gap is a line of its own, so that the file shows where lines are missing. */
export function jsonLines(items) {
  const out = [];
  for (const item of items) {
    if (item.kind === "event") for (const ev of occurrences(item)) out.push(JSON.stringify(ev));
    else if (item.kind === "gap") out.push(JSON.stringify({ gap: item.gap }));
  }
  return out.length ? `${out.join("\n")}\n` : "";
}

export function textLine(ev) {
  const where = [ev.requestId, ev.installId].filter(Boolean).join(" ");
  const kind = ev.stream === "log" ? ev.level : ev.stream;
  const fields = ev.fields ? ` ${JSON.stringify(ev.fields)}` : "";
  return `${ev.ts} ${kind.padEnd(6)} ${where ? `[${plain(where)}] ` : ""}${ev.message.replace(EMPTY_START, "").split("\n").map(plain).join("\n    ")}${plain(fields)}`;
}

const CSV_BEFORE = ["time", "level", "stream", "request", "install"]; // the message, and the fields shown as columns
const CSV_AFTER = ["message", "fields", "id"];

/** The first row of csvLines(). */
function csvHead(columns = []) {
  const ours = new Set([...CSV_BEFORE, ...CSV_AFTER]);
  return csvRows([[...CSV_BEFORE, ...columns.map((name) => (ours.has(name) ? `field.${name}` : name)), ...CSV_AFTER]]);
}

/** Events as CSV, with a column for each field that is one on the page; a gap is a row of its own. No cell begins a formula in a spreadsheet. */
function csvLines(items, columns = []) {
  const rows = [];
  const none = columns.map(() => "");
  for (const item of items) {
    if (item.kind === "gap") rows.push(["", "gap", item.gap.reason, "", "", ...none, itemText(item).replace(/^--- /, ""), "", item.gap.after]);
    for (const ev of occurrences(item)) {
      rows.push([ev.ts, ev.level, ev.stream, ev.requestId, ev.installId, ...columns.map((name) => plain(fieldText(fieldAt(ev.fields, name)))), ev.message.split("\n").map(plain).join("\n"), ev.fields && JSON.stringify(ev.fields), ev.id]);
    }
  }
  return csvRows(rows);
}

// What spreadsheets take for the beginning of a formula: its sign, also the wide ones of Japanese keyboards, and white space that they drop before it.
const FORMULA = /^[=+\-@＝＋－＠\t\r\n]/;

const csvRows = (rows) => rows.map((row) => `${row.map(csvCell).join(",")}\r\n`).join("");

function csvCell(value) {
  const text = String(value ?? "");
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

/** A row as one line of text, as it is seen: a folded row with how often it stands there. */
export function itemText(item) {
  if (item.kind === "gap") return `--- ${gapMessage(item.gap).what}: ${gapMessage(item.gap).why}`;
  if (item.kind === "note") return `--- ${item.text}`;
  return item.n > 1 ? `${textLine(item.ev)} (× ${item.n})` : textLine(item.ev);
}

/** Items as text, one line a row; only a message of several lines has several. */
export function textLines(items) {
  const out = items.filter((item) => item.kind !== "note").map(itemText);
  return out.length ? `${out.join("\n")}\n` : "";
}

/** A link at which this line is the first one, as long as the stream keeps it. */
export function permalink(view, ev) {
  const from = justBefore(ev.id);
  return location.origin + location.pathname + writeView({ ...view, from, line: ev.id });
}

/** A command that reads the same view: tenant, filter, and where it starts. */
export function curlCommand(config, view) {
  const url = new URL(config.streamUrl ?? "/api/ext-debug/stream", location.origin);
  url.searchParams.set("extensionId", config.extension);
  if (view.tenant) url.searchParams.set("tenantId", view.tenant);
  const { installs, request, streams, level, q } = view.filter;
  if (installs.length) url.searchParams.set("installId", installs.join(","));
  if (request) url.searchParams.set("requestId", request);
  if (streams.length) url.searchParams.set("streams", streams.join(","));
  if (level) url.searchParams.set("level", level);
  if (q) url.searchParams.set("q", q);
  const from = startOfView(view);
  if (from === "now") url.searchParams.set("tail", "0");
  else if (from.cursor) url.searchParams.set("lastEventId", from.cursor);
  else if (from.time) url.searchParams.set("since", from.time);
  else url.searchParams.set("tail", from.tail);
  for (const [name, value] of Object.entries(playedOf(view))) url.searchParams.set(name, value);
  return `curl -N -H "Authorization: Bearer $EXT_DEBUG_TOKEN" ${quote(url.href)}`;
}

const quote = (text) => `'${text.replace(/'/g, "'\\''")}'`;

/** The replay command of an engineer's terminal for the same view. */
export function replayCommand(config, view) {
  const { installs, request, streams, level, q } = view.filter;
  const any = (name, values) => (values.length ? [`(${values.map((value) => `${name}:${quoted(value)}`).join(" OR ")})`] : []);
  const terms = [...any("install", installs), ...any("stream", streams), ...(level ? [`level>=${level}`] : []), ...(q.trim() ? [`(${q.trim()})`] : [])];
  const words = ["manage.py replay_stream", quote(view.tenant ?? ""), quote(config.extension), "--as", quote(config.user ?? "")];
  const from = startOfView(view);
  if (from.tail) words.push("--last", String(from.tail));
  else if (from.time) words.push("--since", quote(from.time));
  else words.push("--since", quote(new Date(from.cursor ? Number(from.cursor.split("-")[0]) : Date.now()).toISOString()));
  const { until, speed } = playedOf(view);
  if (until) words.push("--until", quote(until));
  if (speed) words.push("--speed", String(speed));
  if (request) words.push("--request", quote(request));
  if (terms.length) words.push("--filter", quote(terms.join(" ")));
  return `${words.join(" ")}${until ? "" : " --follow"}`;
}

/** Do what the export menu names; resolves to the sentence that says it was done, or that it failed. */
async function exportLines(what, { items: now, view, config, session }) {
  const items = [...now]; // what is recorded is what is taken, whatever comes meanwhile
  const recorded = () => recordSaved(what, { items, config, session });
  if (what === "copy-jsonl") return copyItems(items, jsonLines, recorded, "Copied as JSON Lines.");
  if (what === "copy-text") return copyItems(items, textLines, recorded, "Copied as text.");
  if (what.startsWith("save-")) {
    const refused = await recorded();
    if (refused) return refused;
  }
  const stamp = new Date().toISOString().slice(0, 19).replace(/[:T]/g, "-");
  const name = `${config.extension}-${view.tenant ?? "all"}-${stamp}`;
  const copied = async (text, done) => ((await copyText(text)) ? done : REFUSED);
  switch (what) {
    case "save-jsonl":
      return save(`${name}.jsonl`, await inSlices(items, jsonLines), "application/x-ndjson");
    case "save-text":
      return save(`${name}.txt`, await inSlices(items, textLines), "text/plain");
    case "save-csv":
      return save(`${name}.csv`, [csvHead(view.columns), ...(await inSlices(items, (some) => csvLines(some, view.columns)))], "text/csv");
    case "link":
      return copied(location.origin + location.pathname + writeView({ ...view, line: null }), "Link to this view copied.");
    case "curl":
      return copied(curlCommand(config, view), "Copied. Put an access token in EXT_DEBUG_TOKEN.");
    case "replay":
      return copied(replayCommand(config, view), "Copied. It runs where the console is installed.");
    default:
      return "";
  }
}

/** Items to the clipboard, once they are on record; resolves to a sentence, as exportLines() does. */
async function copyItems(items, textOf, recorded, done) {
  let refused = "";
  const parts = async () => {
    refused = await recorded();
    if (refused) throw new Error(refused);
    return inSlices(items, textOf);
  };
  return (await copyParts(parts())) ? done : refused || REFUSED;
}

/** Make the export menu work; `present()` returns what exportLines() takes. */
export function setUpExportMenu(present) {
  const menu = byId("export");
  menu.addEventListener("click", async (e) => {
    const what = e.target.closest("[data-export]")?.dataset.export;
    if (!what) return;
    menu.open = false;
    toast(await exportLines(what, present()));
  });
}

/** Lines that leave the page are on record first: "" when they are, else the sentence that says why not. */
async function recordSaved(what, { items, config, session }) {
  if (!config.savedUrl || !session) return "";
  const lines = items.reduce((sum, item) => sum + (item.kind === "event" ? occurrences(item).length : 0), 0);
  try {
    const response = await fetch(config.savedUrl, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-CSRFToken": document.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? "" },
      body: JSON.stringify({ session, what, lines }),
    });
    if (response.ok) return "";
  } catch {
    // said below
  }
  return "Nothing was taken: the console could not record it. Try again.";
}

function save(name, parts, type) {
  const url = URL.createObjectURL(new Blob(parts, { type: `${type};charset=utf-8` }));
  const link = el("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  return `Saved ${name}.`;
}
