// Draws the opened part of a request: its lines with their offsets from its start, and what can be done.

import { Buffer, linesOf, occurrences, position } from "./buffer.js";
import { el, icon } from "./dom.js";
import { count, gapMessage, plural } from "./messages.js";
import { offset } from "./request-outcome.js";
import { beganAt, missingLines } from "./requests.js";
import { firstPart, inlineFields, tag } from "./row.js";
import { headline } from "./stack-traces.js";
import { plain } from "./safe-text.js";
import { appendText } from "./text-runs.js";
import { fullTime } from "./timestamps.js";

const NEAR = 24; // px from the end of the list within which it stays at its end

export class RequestLines {
  /** `act(name, event)` does "line", "only" and "copy-id" for the opened request. */
  constructor(request, { act }) {
    this.request = request;
    this.nodes = new Map(); // key of a piece -> its element
    this.list = el("ol", { class: "request-lines", tabindex: "-1", "aria-label": `Lines of request ${plain(request.id)}` });
    this.list.addEventListener("click", (e) => {
      const button = e.target.closest("button[data-line]");
      if (button) act("line", this.eventOf(button.dataset.line));
    });
    const button = (name, label, symbol) => el("button", { type: "button", class: "small", on: { click: () => act(name) } }, icon(symbol), label);
    const id = el("code", { class: "request-id" });
    appendText(id, request.id);
    this.facts = el("span", { class: "faint" });
    this.node = el(
      "div",
      { class: "request-open" },
      el("div", { class: "acts" }, id, this.facts, button("only", "Only this request", "filter"), button("copy-id", "Copy id", "copy")),
      this.list,
    );
  }

  eventOf(line) {
    return this.request.kept.find((ev) => ev.id === line);
  }

  /** Bring the lines up to date: what stands already stays, so that nothing moves under the reader. */
  update({ gaps, marker, fold }) {
    const { list, request } = this;
    if (marker?.regex.source !== this.marked) this.forget();
    this.marked = marker?.regex.source;
    const facts = [request.install, request.kept.find((ev) => ev.versionId)?.versionId].filter(Boolean);
    this.facts.textContent = plain(facts.join(" · "));
    const atEnd = list.scrollHeight - list.clientHeight - list.scrollTop <= NEAR;
    const grew = this.reconcile(pieces(request, gaps, fold), marker);
    if (grew && atEnd && this.drawn) list.scrollTop = list.scrollHeight;
    this.drawn = true;
  }

  /** Draw all lines anew: other words are marked now. */
  forget() {
    this.nodes.clear();
    this.list.replaceChildren();
  }

  reconcile(wanted, marker) {
    let next = this.list.firstChild;
    let grew = false;
    const kept = new Set();
    for (const piece of wanted) {
      kept.add(piece.key);
      let node = this.nodes.get(piece.key);
      if (!node || node.dataset.mark !== piece.mark) {
        const fresh = this.draw(piece, marker);
        fresh.dataset.mark = piece.mark;
        if (node === next) next = next?.nextSibling ?? null;
        node?.remove();
        this.nodes.set(piece.key, fresh);
        node = fresh;
        grew = true;
      }
      if (node === next) next = next.nextSibling;
      else this.list.insertBefore(node, next);
    }
    for (const [key, node] of this.nodes) {
      if (kept.has(key)) continue;
      node.remove();
      this.nodes.delete(key);
    }
    return grew;
  }

  draw(piece, marker) {
    if (piece.kind === "gap") return gapLine(piece.gap);
    if (piece.kind === "missing") return el("li", { class: "request-gap" }, `${plural(piece.n, "line")} not kept in this list. “Only this request” reads them from the stream.`);
    return this.line(piece, marker);
  }

  line({ item }, marker) {
    const { ev, n } = item;
    const began = beganAt(this.request);
    const ms = Date.parse(ev.ts);
    const since = Number.isNaN(ms) || Number.isNaN(began) ? "" : offset(ms - began);
    const text = el("span", { class: "msg" });
    const part = firstPart(ev.message);
    appendText(text, part.shown, marker, { masked: Boolean(ev.redacted?.length) });
    if (!ev.message.trim()) text.append(el("span", { class: "faint" }, "(empty line)"));
    const tone = ev.stream === "log" ? ev.level : ev.stream;
    const head = el(
      "button",
      { type: "button", class: "request-line", "data-line": ev.id, title: "Go to this line among all lines" },
      el("time", { class: "time", datetime: ev.ts, title: fullTime(ev.ts) }, since), " ",
      el("span", { class: `tag t-${tone}` }, tag(ev)), " ",
      text,
    ); // prettier-ignore
    if (part.hidden || part.cut) head.append(el("span", { class: "more" }, part.hidden ? `+${plural(part.hidden, "line")}` : "…"));
    if (ev.fields) head.append(" ", inlineFields(ev.fields, { marker }, Boolean(ev.redacted?.length)));
    if (n > 1) head.append(" ", el("span", { class: "times" }, `× ${count(n)}`));
    for (const link of head.querySelectorAll("a")) link.replaceWith(...link.childNodes); // the whole line leads elsewhere
    return el("li", { class: `s-${ev.stream} l-${ev.level}` }, head);
  }
}

const MOST_TRACE = 64; // events looked at for the rest of a stack trace

/** What the first error of a request says: of a stack trace, also of one that came line by line, what happened. */
export function firstErrorText({ firstError, kept }) {
  const rows = new Buffer({ collapse: false });
  const at = kept.indexOf(firstError);
  const item = rows.event(firstError);
  if (at >= 0 && firstError.stream !== "log") for (const ev of kept.slice(at + 1, at + MOST_TRACE)) rows.event(ev);
  const { message } = item.ev;
  return headline(message) || (message.split("\n").find((line) => line.trim()) ?? "");
}

/** What the list shows, in order: rows as among all lines, gaps in their places, and what is not kept. */
function pieces(request, gaps, fold) {
  const made = [];
  const rows = new Buffer({ collapse: fold });
  const waiting = [...gaps].sort((a, b) => a.after[0] - b.after[0]);
  const missing = missingLines(request);
  let last = null;
  const breakHere = (piece) => {
    made.push(piece);
    rows.clear(); // what follows neither repeats nor goes on with what stands before
  };
  request.kept.forEach((ev, index) => {
    if (missing && index === (request.cut ?? 0)) breakHere(missingPiece(missing));
    const at = position(ev.id);
    while (waiting.length && isAfter(at, waiting[0].after)) breakHere(gapPiece(waiting.shift()));
    const item = rows.event(ev);
    if (item !== last && rows.items.at(-1) === item && occurrences(item).length === 1) made.push({ kind: "line", item });
    last = item;
  });
  for (const piece of made) {
    if (piece.kind !== "line") continue;
    const [first] = occurrences(piece.item);
    piece.key = `l${first.id || `${first.ts} ${made.indexOf(piece)}`}`;
    piece.mark = `n${linesOf(piece.item)}`;
  }
  if (missing && !request.kept.length) made.push(missingPiece(missing));
  for (const each of waiting) made.push(gapPiece(each));
  return made;
}

const isAfter = (at, place) => at[0] > place[0] || (at[0] === place[0] && at[1] > place[1]);
const missingPiece = (n) => ({ kind: "missing", key: "missing", mark: String(n), n });
const gapPiece = ({ gap }) => ({ kind: "gap", key: `g${gap.seq ?? gap.after}`, mark: "", gap });

function gapLine(gap) {
  const { what, why } = gapMessage(gap);
  const line = el("li", { class: "request-gap" }, icon("gap"), el("strong", {}, what), el("span", {}, `: ${why}. Some of them may be of this request.`));
  if (gap.detail) appendText(line, ` (${gap.detail})`);
  return line;
}
