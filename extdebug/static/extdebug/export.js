// Exports lines and the view: to the clipboard, as files, as links, as a curl command.

import { justBefore, occurrences } from "./buffer.js";
import { byId, copyText, el } from "./dom.js";
import { gapMessage } from "./messages.js";
import { toast } from "./notices.js";
import { plain } from "./safe-text.js";
import { startOfView, writeView } from "./view.js";

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
  return `${ev.ts} ${kind.padEnd(6)} ${where ? `[${plain(where)}] ` : ""}${ev.message.split("\n").map(plain).join("\n    ")}${plain(fields)}`;
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
  const quote = (text) => `'${text.replace(/'/g, "'\\''")}'`;
  return `curl -N -H "Authorization: Bearer $EXT_DEBUG_TOKEN" ${quote(url.href)}`;
}

/** Do what the export menu names; resolves to the sentence that says it was done, or that it failed. */
async function exportLines(what, { items, view, config, session }) {
  if (/^(save|copy)-/.test(what)) {
    const refused = await recordSaved(what, { items, config, session });
    if (refused) return refused;
  }
  const stamp = new Date().toISOString().slice(0, 19).replace(/[:T]/g, "-");
  const name = `${config.extension}-${view.tenant ?? "all"}-${stamp}`;
  const copied = async (text, done) => ((await copyText(text)) ? done : "The browser refused the clipboard.");
  switch (what) {
    case "copy-jsonl":
      return copied(jsonLines(items), "Copied as JSON Lines.");
    case "copy-text":
      return copied(textLines(items), "Copied as text.");
    case "save-jsonl":
      return save(`${name}.jsonl`, jsonLines(items), "application/x-ndjson");
    case "save-text":
      return save(`${name}.txt`, textLines(items), "text/plain");
    case "link":
      return copied(location.origin + location.pathname + writeView({ ...view, line: null }), "Link to this view copied.");
    case "curl":
      return copied(curlCommand(config, view), "Copied. Put an access token in EXT_DEBUG_TOKEN.");
    default:
      return "";
  }
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

function save(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = el("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  return `Saved ${name}.`;
}
