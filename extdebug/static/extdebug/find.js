// Searches the loaded lines and highlights words. Both only mark; the filters are what hides lines.

import { byId, el, icon } from "./dom.js";
import { plain } from "./safe-text.js";
import { count } from "./messages.js";
import { queryWords } from "./query-words.js";

const COLOURS = 5; // --mark-1 .. --mark-5
const MOST = 2000; // hits remembered; beyond it the counter says "2,000+"
const SLICE = 8; // ms of searching at once: tens of thousands of lines must not hold up what comes in

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
const loose = (text) => text === text.toLowerCase();

/** One marker for rows: finds the search, every highlighted and every asked word, says each one's class. */
export function markerOf(highlights, search, asked = []) {
  const terms = [];
  if (search) terms.push({ text: search, cls: "found" });
  highlights.forEach((text, i) => terms.push({ text, cls: `hl-${(i % COLOURS) + 1}` }));
  for (const text of asked) terms.push({ text, cls: "asked" });
  if (!terms.length) return null;
  // JavaScript has no inline case folding: each term spells its letters in both cases when loose.
  const source = terms.map(({ text }) => (loose(text) ? bothCases(text) : escaped(text))).join("|");
  const classOf = (hit) => terms.find(({ text }) => (loose(text) ? text === hit.toLowerCase() : text === hit))?.cls ?? "found";
  return { regex: new RegExp(source, "g"), classOf };
}

function bothCases(text) {
  return [...text].map((char) => (char.toLowerCase() === char.toUpperCase() ? escaped(char) : `[${escaped(char.toLowerCase())}${escaped(char.toUpperCase())}]`)).join("");
}

/** Whether an event holds the text, as a reader would see it. */
export function holds(ev, text) {
  const fold = loose(text);
  const look = (hay) => (fold ? hay.toLowerCase() : hay).includes(text);
  if (look(plain(ev.message))) return true;
  if (ev.requestId && look(ev.requestId)) return true;
  return Boolean(ev.fields) && look(JSON.stringify(ev.fields));
}

export class Find {
  constructor({ buffer, rows, onMarks }) {
    this.buffer = buffer;
    this.rows = rows;
    this.onMarks = onMarks;
    this.text = "";
    this.highlights = [];
    this.asked = []; // words of the query
    this.hits = [];
    this.scan = null; // lines that are not looked at yet: {items, next}
    this.wanted = 0; // a step asked for meanwhile
    this.current = null;
    this.searchBar();
    this.highlightBar();
    byId("find").addEventListener("click", () => this.openSearch());
    byId("highlight").addEventListener("click", () => this.openHighlights());
  }

  get marker() {
    return markerOf(this.highlights, this.text, this.asked);
  }

  searchBar() {
    this.input = el("input", { type: "search", spellcheck: "false", placeholder: "Find in loaded lines", "aria-label": "Find in loaded lines" });
    this.counter = el("span", { class: "faint", role: "status" });
    const button = (name, title, run) => el("button", { type: "button", class: "icon-button", title, "aria-label": title, on: { click: run } }, icon(name));
    byId("find-bar").append(
      icon("search"), this.input, this.counter,
      button("up", "Previous (Shift Enter)", () => this.step(-1)),
      button("chevron", "Next (Enter)", () => this.step(1)),
      button("close", "Close search (Escape)", () => this.closeSearch()),
    );
    this.input.addEventListener("input", () => this.search(this.input.value));
    this.input.addEventListener("keydown", (e) => {
      if (e.key === "Enter") {
        e.preventDefault();
        this.step(e.shiftKey ? -1 : 1);
      } else if (e.key === "Escape") this.closeSearch();
    });
  }

  openSearch() {
    byId("find-bar").hidden = false;
    this.input.focus();
    this.input.select();
  }

  closeSearch() {
    byId("find-bar").hidden = true;
    this.input.value = "";
    this.search("");
    byId("lines").focus({ preventScroll: true });
  }

  search(text) {
    this.text = text;
    this.current = null;
    this.rescan();
    this.onMarks();
  }

  /** Look for the text in all lines, a slice of time at once. */
  rescan() {
    this.hits = [];
    this.wanted = 0;
    this.scan = this.text ? { items: [...this.buffer.items], next: 0 } : null;
    this.look();
  }

  look() {
    clearTimeout(this.timer);
    const { scan } = this;
    const until = performance.now() + SLICE;
    while (scan && scan.next < scan.items.length && this.hits.length < MOST) {
      this.check(scan.items[scan.next]);
      scan.next += 1;
      if (scan.next % 64 === 0 && performance.now() > until) {
        this.timer = setTimeout(() => this.look(), 0);
        return this.tell();
      }
    }
    this.scan = null;
    this.tell();
    if (this.wanted) this.go(this.wanted);
    this.wanted = 0;
  }

  /** A new item: count it if it is a hit, in its turn while lines before it are not looked at yet. */
  note(item) {
    if (this.scan) this.scan.items.push(item);
    else this.check(item);
  }

  check(item) {
    if (!this.text || item.kind !== "event" || this.hits.length >= MOST) return;
    // A row that grew (repeats, a stack trace) is one hit.
    const known = item.parts || item.n > 1 ? this.hits.includes(item) : false;
    if (!known && holds(item.ev, this.text)) this.hits.push(item);
    this.stale = true;
  }

  tell() {
    this.stale = false;
    if (!this.text) this.counter.textContent = "";
    else if (this.scan) this.counter.textContent = "Searching…";
    else if (!this.hits.length) this.counter.textContent = "No matches in the loaded lines";
    else {
      const at = this.hits.indexOf(this.current);
      const all = this.hits.length >= MOST ? `${count(MOST)}+` : count(this.hits.length);
      this.counter.textContent = at < 0 ? `${all} lines` : `${count(at + 1)} of ${all}`;
    }
  }

  /** Go to the next (1) or previous (-1) hit; first to the newest one that is in sight or above it. */
  step(by) {
    if (this.hits.length >= MOST || (this.current && !this.buffer.items.includes(this.current))) this.rescan();
    if (this.scan) this.wanted = by;
    else this.go(by);
  }

  go(by) {
    if (!this.hits.length) return;
    const at = this.hits.indexOf(this.current);
    const next = at < 0 ? this.nearest() : (at + by + this.hits.length) % this.hits.length;
    const old = this.current;
    this.current = this.hits[next];
    if (old) this.rows.refresh(old);
    this.rows.refresh(this.current); // drawn with the mark, however often it is drawn anew
    this.rows.reveal(this.current);
    this.tell();
  }

  nearest() {
    const { items } = this.buffer;
    const bottom = this.rows.scroller.getBoundingClientRect().bottom;
    const edge = items.findLastIndex((item) => this.rows.elementOf(item)?.getBoundingClientRect().top < bottom);
    const hits = new Set(this.hits);
    let above = 0;
    for (let place = 0; place <= edge; place += 1) if (hits.has(items[place])) above += 1;
    return Math.max(0, above - 1);
  }

  highlightBar() {
    this.word = el("input", { spellcheck: "false", maxlength: "80", placeholder: "Word to colour, then Enter", "aria-label": "Word to highlight" });
    this.chips = el("span", { class: "chips" });
    byId("highlight-bar").append(
      icon("pen"), this.word, this.chips, el("span", { class: "grow" }),
      el("button", { type: "button", class: "icon-button", "aria-label": "Close highlighting", on: { click: () => (byId("highlight-bar").hidden = this.highlights.length === 0 || !byId("highlight-bar").hidden) } }, icon("close")),
    );
    this.word.addEventListener("keydown", (e) => {
      if (e.key === "Escape") byId("lines").focus({ preventScroll: true });
      if (e.key !== "Enter" || !this.word.value.trim()) return;
      e.preventDefault();
      this.setHighlights([...this.highlights.filter((text) => text !== this.word.value.trim()), this.word.value.trim()].slice(-COLOURS));
      this.word.value = "";
    });
  }

  /** The rows are now those that `q` asks for: mark its words, and search them anew. */
  setQuery(q) {
    this.asked = queryWords(q);
    this.rescan();
  }

  openHighlights() {
    byId("highlight-bar").hidden = false;
    this.word.focus();
  }

  setHighlights(highlights, { tell = true } = {}) {
    this.highlights = highlights;
    this.chips.replaceChildren(
      ...highlights.map((text, i) =>
        el("button", { type: "button", class: `chip hl-${(i % COLOURS) + 1}`, title: "Remove", on: { click: () => this.setHighlights(this.highlights.filter((other) => other !== text)) } }, plain(text), icon("close")),
      ),
    );
    if (highlights.length) byId("highlight-bar").hidden = false;
    if (tell) this.onMarks();
  }
}
