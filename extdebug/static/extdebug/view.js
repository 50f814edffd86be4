// Converts the view (tenant, filter, start, columns, highlights, line) from and to the page's address.

import { justBefore } from "./buffer.js";
import { whenText } from "./timestamps.js";

export const STREAMS = ["stdout", "stderr", "log"];
export const LEVELS = ["trace", "debug", "info", "warn", "error"];
export const FROMS = [
  ["now", "only new lines"],
  ["tail:200", "last 200"],
  ["tail:2000", "last 2,000"],
  ["ago:60", "1 minute ago"],
  ["ago:300", "5 minutes ago"],
  ["ago:900", "15 minutes ago"],
];
export const DEFAULT_FROM = "tail:200";
export const SPEEDS = [1, 2, 4, 8, 16];
const MAX_TAIL = 20_000;
export const MOST_COLUMNS = 8;

export function emptyFilter() {
  return { installs: [], request: null, streams: [], level: null, q: "" };
}

/** The view of an address; what it does not say is the default. */
export function readView(search, hash) {
  const params = new URLSearchParams(search);
  const list = (name) => params.getAll(name).flatMap((text) => text.split(",")).map((text) => text.trim()).filter(Boolean);
  const level = (params.get("level") ?? "").toLowerCase();
  const streams = [...new Set(list("streams"))].filter((name) => STREAMS.includes(name));
  return {
    tenant: params.get("tenant") || params.get("tenantId") || null,
    filter: {
      installs: [...new Set([...list("install"), ...list("installId")])],
      request: params.get("request") || params.get("requestId") || null,
      streams: streams.length === STREAMS.length ? [] : streams,
      level: LEVELS.includes(level) && level !== "trace" ? level : null,
      q: params.get("q") ?? "",
    },
    from: validFrom(params.get("from")) ?? DEFAULT_FROM,
    until: validTime(params.get("until")),
    speed: SPEEDS.includes(Number(params.get("speed"))) ? Number(params.get("speed")) : null,
    columns: validColumns(list("cols")),
    highlights: params.getAll("hl").filter(Boolean).slice(0, 5),
    requests: params.get("view") === "requests",
    line: /^#(\d+-\d+)$/.exec(hash)?.[1] ?? null,
  };
}

/** `view` as "?..." and "#...", leaving out what is the default. */
export function writeView(view) {
  const params = new URLSearchParams();
  const { filter } = view;
  if (view.tenant) params.set("tenant", view.tenant);
  for (const install of filter.installs) params.append("install", install);
  if (filter.request) params.set("request", filter.request);
  if (filter.streams.length) params.set("streams", filter.streams.join(","));
  if (filter.level) params.set("level", filter.level);
  if (filter.q) params.set("q", filter.q);
  if (view.from !== DEFAULT_FROM) params.set("from", view.from);
  if (view.requests) params.set("view", "requests");
  if (view.until) params.set("until", view.until);
  if (view.speed) params.set("speed", view.speed);
  if (view.columns?.length) params.set("cols", view.columns.join(","));
  for (const text of view.highlights) params.append("hl", text);
  const query = params.toString();
  return `${query ? `?${query}` : ""}${view.line ? `#${view.line}` : ""}`;
}

/** Names of fields that can be columns: those that a filter can name, each once. */
export const validColumns = (names) => [...new Set(names)].filter((name) => typeof name === "string" && /^[\w.-]{1,80}$/.test(name)).slice(0, MOST_COLUMNS);

/** The protocol's `from` of a view's text: now, tail:N, ago:SECONDS, an ISO time, or a cursor. */
export function startOf(from, now = Date.now()) {
  if (from === "now") return "now";
  const tail = /^tail:(\d{1,5})$/.exec(from);
  if (tail) return { tail: Math.min(MAX_TAIL, Number(tail[1])) };
  const ago = /^ago:(\d{1,6})$/.exec(from);
  if (ago) return { time: new Date(now - Number(ago[1]) * 1000).toISOString() };
  if (/^\d+-\d+(\.\d+)?$/.test(from)) return { cursor: from };
  return { time: from };
}

/** The protocol's `from` of a view: a linked line is where reading starts, whatever else the address says. */
export function startOfView({ from, line }, { least = null } = {}) {
  if (line) return { cursor: justBefore(line) };
  return from === "now" && least ? least : startOf(from);
}

/** The protocol's `until` and `speed` of a view; a linked line is read live. */
export const playedOf = ({ until, speed, line }) => (line ? {} : { ...(until && { until }), ...(speed && { speed }) });

/** Whether a view begins at a place and stays there, instead of following the newest line. */
export const standsAtStart = ({ from, line, speed }) => Boolean(line) || (!speed && !(from === "now" || from.startsWith("tail:")));

const ISO = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:?\d\d)?$/;

/** ISO 8601, with the zone that the server takes it for where it names none. */
function validTime(text) {
  const found = ISO.exec(text ?? "");
  if (!found) return null;
  const time = found[1] ? text : `${text}Z`;
  return Number.isNaN(Date.parse(time)) ? null : time;
}

function validFrom(text) {
  if (!text) return null;
  const known = /^(now|tail:\d{1,5}|ago:\d{1,6}|\d{1,16}-\d{1,20}(\.\d{1,16})?)$/;
  return known.test(text) ? text : validTime(text);
}

export function fromLabel(from) {
  const known = FROMS.find(([value]) => value === from);
  if (known) return known[1];
  const tail = /^tail:(\d+)$/.exec(from);
  if (tail) return `last ${Number(tail[1]).toLocaleString("en-US")}`;
  const cursor = /^(\d{12,14})-\d+/.exec(from);
  const ms = cursor ? Number(cursor[1]) : Date.parse(from);
  return Number.isNaN(ms) ? from : whenText(ms);
}

export const sameFilter = (a, b) => JSON.stringify(a) === JSON.stringify(b);

export const isFiltering = (f) => Boolean(f.installs.length || f.request || f.streams.length || f.level || f.q);

/** `text` as one term of the filter language that matches it literally. */
export function quoted(text) {
  return /^[\p{L}\p{N}_]+$/u.test(text) && text !== "OR" && text !== "AND" && text !== "NOT" ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
}
