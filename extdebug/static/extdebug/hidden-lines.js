// Says how many lines the filter hides when few match, and lists the newest of them with what hides each.

import { refusesFilter } from "./connection.js";
import { byId, el, icon } from "./dom.js";
import { count, plural } from "./messages.js";
import { inlineFields } from "./row.js";
import { plain } from "./safe-text.js";
import { appendText } from "./text-runs.js";
import { fullTime, timeText } from "./timestamps.js";
import { isFiltering } from "./view.js";

const FEW = 10; // lines that match; with more of them nothing is said
const MOST = 20; // hidden lines fetched at once
const MOST_LISTED = 200;
const SHOWN = 400; // characters of each

export class HiddenLines {
  /** `onTakeAway({part, term})` removes a condition of the filter, `onContext(ev)` shows a line among all others. */
  constructor({ view, buffer, session, connection, onTakeAway, onContext }) {
    this.view = view;
    this.buffer = buffer;
    this.session = session;
    this.connection = connection;
    this.onTakeAway = onTakeAway;
    this.onContext = onContext;
    this.box = byId("hidden-lines");
    this.asked = 0;
    this.reset();
    this.box.addEventListener("click", (e) => this.clicked(e.target.closest("button")));
  }

  /** Lines hidden so far, as the session's ledger counts them. */
  get hidden() {
    return this.session.ledger?.filtered ?? 0;
  }

  /** A new connection is open: it knows nothing of what was asked on the old one. */
  reconnected() {
    if (!this.wanted) return;
    this.wanted = "";
    this.problem = "The connection was lost meanwhile.";
    this.draw();
  }

  /** Another filter or session: what was listed is of the one before. */
  reset() {
    this.listed = null; // [{ev, by}], newest last
    this.wanted = "";
    this.cursor = null;
    this.problem = "";
    this.draw();
  }

  /** Ask for the newest hidden lines, or with `more` for those before them. */
  show({ more = false } = {}) {
    this.wanted = `hidden-${(this.asked += 1)}`;
    const before = more ? this.cursor : null;
    if (!more) this.listed = [];
    const sent = this.connection.send({ type: "fetch", id: this.wanted, hidden: true, before, limit: MOST });
    this.problem = sent ? "" : "Not connected.";
    if (!sent) this.wanted = "";
    this.draw();
  }

  /** A frame came; says whether it was the answer to one of our questions. */
  frame(frame) {
    if (frame.type === "error" && this.wanted && !refusesFilter(frame)) {
      this.wanted = "";
      this.problem = "They could not be fetched now.";
      this.draw();
    }
    if (frame.type !== "page" || !frame.id.startsWith("hidden-")) return false;
    if (frame.id !== this.wanted) return true; // of a filter that is no longer in force
    const page = frame.events.map((ev, at) => ({ ev, by: frame.hiddenBy?.[at] ?? null }));
    this.listed = [...page, ...(this.listed ?? [])];
    this.cursor = frame.cursor ?? this.cursor;
    this.done = frame.done;
    this.wanted = "";
    this.draw();
    return true;
  }

  clicked(button) {
    if (!button) return;
    const { part, term, does, line } = button.dataset;
    if (line) {
      this.shownLine = line;
      return this.onContext(this.listed.find(({ ev }) => ev.id === line).ev);
    }
    if (part) this.onTakeAway({ part, term });
    else if (does === "close") this.reset();
    else return this.show({ more: does === "more" });
    byId("lines").focus({ preventScroll: true }); // the button is gone
  }

  /** The reader is back from a line's context: at its button again, or among the lines. */
  back() {
    const button = this.box.querySelector(`[data-line="${CSS.escape(this.shownLine ?? "")}"]`);
    (button ?? byId("lines")).focus({ preventScroll: true });
  }

  /** Draw or hide it; cheap when nothing changed. */
  draw() {
    const { box, listed, buffer } = this;
    const settled = this.connection.open && !this.session.searching && isFiltering(this.view.current.filter);
    const few = settled && buffer.events > 0 && buffer.events < FEW && this.hidden > 0;
    box.hidden = !listed && !few;
    const mark = box.hidden ? "" : listed ? `${this.asked} ${listed.length} ${this.wanted} ${this.problem}` : `few ${buffer.events} ${this.hidden}`;
    if (mark === this.drawn) return;
    this.drawn = mark;
    const below = this.fromEnd();
    box.replaceChildren(...(box.hidden ? [] : listed ? this.list() : this.few()));
    const list = box.querySelector("ol");
    if (list) list.scrollTop = list.scrollHeight - below; // earlier lines come above, what was in view stays
  }

  /** How far the end of the list is below the top of what is seen of it; 0 when it is not there yet. */
  fromEnd() {
    const list = this.box.querySelector("li time") ? this.box.querySelector("ol") : null;
    return list ? list.scrollHeight - list.scrollTop : 0;
  }

  few() {
    const match = this.buffer.events === 1 ? "1 line matches" : `${count(this.buffer.events)} lines match`;
    return [el("p", {}, el("span", {}, `${match}; the filter hides ${plural(this.hidden, "other")}.`), button("show", showLabel(this.hidden)))];
  }

  list() {
    const { listed } = this;
    const head = el("p", {}, el("strong", {}, this.title()), el("span", { class: "grow" }), button("close", "Close", icon("close")));
    const more = !this.wanted && this.cursor && !this.done && listed.length < MOST_LISTED ? button("more", listed.length ? "Show earlier ones" : "Look further back") : null;
    return [head, el("ol", { tabindex: "0", "aria-label": "Hidden lines, newest last" }, more ? el("li", { class: "more-hidden" }, more) : null, ...listed.map(row))];
  }

  title() {
    if (this.problem) return this.problem;
    if (this.wanted) return "Fetching hidden lines…";
    const { length } = this.listed;
    if (length) return `The last ${plural(length, "hidden line")}, each with the condition that it fails first`;
    return this.done ? "The stream keeps no hidden line that you may see" : "No hidden line among the last ones";
  }
}

/** What the button says that lists hidden lines, of which there are `hidden`. */
export const showLabel = (hidden) => (hidden === 1 ? "Show it" : `Show the last ${Math.min(hidden, MOST)}`);

const button = (does, label, inside = label) => el("button", { type: "button", class: inside === label ? "small" : "icon-button", "data-does": does, "aria-label": label }, inside);

function row({ ev, by }) {
  const text = el("span", { class: "msg" });
  const masked = Boolean(ev.redacted?.length);
  appendText(text, ev.message.slice(0, SHOWN), null, { masked });
  if (ev.fields) text.append(" ", inlineFields(ev.fields, { marker: null }, masked));
  const term = by ? plain(by.term) : "";
  const tag = ev.stream === "log" ? ev.level : ev.stream === "stderr" ? "err" : "out";
  return el(
    "li",
    {},
    el("time", { datetime: ev.ts, title: fullTime(ev.ts) }, timeText(ev, null, "local")),
    el("span", { class: `tag t-${ev.stream === "log" ? ev.level : ev.stream}` }, tag),
    text,
    ev.id ? el("button", { type: "button", class: "small in-context", "data-line": ev.id, title: "Among all lines around it, whatever the filter hides", "aria-label": "Show in context" }, icon("search"), el("span", {}, "Show in context")) : el("span"),
    by ? el("button", { type: "button", class: "hidden-by", "data-part": by.part, "data-term": by.term, title: `Hidden by ${term}: take it away`, "aria-label": `Hidden by ${term}: take it away` }, el("code", {}, term), icon("close")) : null,
  );
}
