// Draws one request of the list: builds its row once, and brings it up to date afterwards.

import { el, icon } from "./dom.js";
import { count, plural } from "./messages.js";
import { firstErrorText } from "./request-lines.js";
import { levelCounts, spoken, stateWords, took } from "./request-outcome.js";
import { requestColour, shortRequestId } from "./row.js";
import { plain } from "./safe-text.js";
import { appendText } from "./text-runs.js";
import { fullTime, timeText } from "./timestamps.js";

const SHORT = { error: "err", warn: "warn", info: "info", debug: "dbg", trace: "trc" };

/** A row without content; `updateRow` fills it. */
export function newRow(request) {
  const cell = (name) => el("span", { class: name });
  const parts = {
    badge: cell("outcome"),
    when: cell("took-text"),
    bar: cell("took-fill"),
    counts: cell("level-counts"),
    what: cell("request-what"),
    error: cell("first-error"),
    install: cell("install"),
    time: el("time", { class: "time" }),
  };
  const id = el("span", { class: `flow f-${requestColour(request.id)}`, title: `Request ${plain(request.id)}` }, plain(shortRequestId(request.id)));
  const head = el(
    "button",
    { class: "request-head", type: "button", "aria-expanded": "false" },
    parts.badge, el("span", { class: "took" }, parts.when, el("span", { class: "took-bar" }, parts.bar)),
    id, parts.what, parts.counts, parts.error, parts.install, parts.time,
  ); // prettier-ignore
  const node = el("div", { class: "request-row", role: "listitem", "data-request-key": request.key }, head);
  return { node, head, parts, shown: "" };
}

/**
 * Bring a row up to date; cheap when nothing changed. `context`: {full: ms of a whole bar, partial:
 * whether a filter leaves lines out, showInstall, utc, gaps, open}.
 */
export function updateRow(row, request, state, context) {
  const { parts, node, head } = row;
  const words = stateWords(state);
  const more = !request.whole && !context.partial;
  const gaps = context.gaps.length;
  const mark = [request.version, words.label, words.when, words.tone, Math.round(context.full), more, gaps, context.open, context.showInstall, context.utc].join("|");
  if (mark === row.shown) return;
  row.shown = mark;
  const error = request.firstError ? firstErrorText(request) : "";
  node.className = `request-row r-${words.tone}${context.open ? " open" : ""}${context.showInstall ? "" : " no-install"}`;
  head.setAttribute("aria-expanded", String(context.open));
  head.setAttribute("aria-label", plain(spoken(request, state, { more, error })) + (gaps ? ", lines are missing" : ""));
  parts.badge.className = `outcome o-${words.tone}`;
  setText(parts.badge, plain(words.label));
  parts.badge.title = plain(words.title);
  setText(parts.when, words.when);
  parts.bar.style.width = state.ms === null ? "0" : `${Math.max(2, Math.min(100, (state.ms / context.full) * 100))}%`;
  parts.bar.parentNode.title = state.ms === null ? "" : `${took(state.ms)}; a whole bar is ${took(context.full)} or more`;
  parts.counts.replaceChildren(...countBadges(request, { more, gaps, partial: context.partial }));
  setText(parts.what, plain(request.title));
  parts.error.replaceChildren();
  if (error) showError(parts.error, error, request.firstError);
  setText(parts.install, plain(request.install ?? ""));
  const known = !Number.isNaN(request.startMs);
  const ts = known ? new Date(request.startMs).toISOString() : "";
  setText(parts.time, known ? timeText({ ts }, null, context.utc ? "utc" : "local") : "");
  parts.time.title = known ? `First line: ${fullTime(ts)}` : "";
}

function countBadges(request, { more, gaps, partial }) {
  const plus = more ? "+" : "";
  const unsure = more ? ", or more: its beginning is not on this page" : "";
  const badges = levelCounts(request.counts).map(([level, n]) => el("span", { class: `t-${level}`, title: `${plural(n, "line")} of level ${level}${unsure}` }, `${count(n)}${plus} ${SHORT[level]}`));
  if (partial) badges.push(el("span", { class: "faint", title: "Only lines that match the filter are counted" }, "matching"));
  if (gaps) badges.push(el("span", { class: "gap-badge", title: "Lines are missing within its time: the counts may be short" }, icon("gap")));
  return badges;
}

function showError(cell, text, ev) {
  appendText(cell, text.slice(0, 300), null, { masked: Boolean(ev.redacted?.length) });
  for (const link of cell.querySelectorAll("a")) link.replaceWith(...link.childNodes); // a link within a button leads nowhere
  cell.title = plain(text.slice(0, 1000));
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
