// The time line: asks what the stream holds over time, counts new lines on, and shows what the page reads of it.

import { byId, el } from "./dom.js";
import { count, plural } from "./messages.js";
import { addLine, drawBars, emptyBar, errorsOf, total, warningsOf } from "./time-bars.js";
import { TimeBrush } from "./time-brush.js";
import { clockText, dayAndClockText, readsUtc } from "./timestamps.js";

const EVERY = 10_000; // ms between two overviews
const GO_ON = 700; // ms until the rest is asked for where counting was not finished; longer each time
const LONGEST = 5000;
const ANSWER_WITHIN = 30_000; // ms; then it is asked again
const LABELS_APART = 90; // px
const DRAW_EVERY = 200; // ms between two drawings, however many lines arrive

export class TimeLine {
  /** `onRange({from, until})`, in ms, `until` null for a moment: the reader wants to stand there. */
  constructor({ connection, onRange }) {
    this.connection = connection;
    this.canvas = byId("time-bars");
    this.bars = new Map(); // bucket number -> bar
    this.extent = null; // {since, until, width} in ms
    this.counted = null; // {since, until} in ms: what the server counted
    this.gaps = []; // [from, to] in ms, as this page was told
    this.newest = null; // ms of the newest line received
    this.drawn = -Infinity;
    this.asked = 0;
    this.number = 0;
    this.parts = 0; // answers in a row that were not all
    this.brush = new TimeBrush({ track: byId("time-track"), describe: (from, until) => this.describe(from, until), onRange });
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    document.addEventListener("visibilitychange", () => this.ask());
    setInterval(() => this.ask(), 1000);
    this.canvas.addEventListener("pointermove", (e) => this.hover(e));
    this.wanted = performance.now();
  }

  /** A frame of the server: see Connection. */
  frame(frame) {
    if (frame.type === "overview") this.overview(frame);
    else if (frame.type === "events") this.events(frame.events);
    else if (frame.type === "gap") this.gap(frame);
    else if (frame.type === "ready" || frame.type === "refiltered") this.begin(frame.type === "ready");
    else if (frame.type === "error" && this.asked) this.asked = 0;
  }

  begin(fresh) {
    if (fresh) this.gaps = [];
    this.newest = null;
    this.asked = this.parts = 0;
    this.wanted = performance.now();
    this.ask();
  }

  /** Ask for an overview when one is due and can be seen. */
  ask() {
    const now = performance.now();
    const visible = !document.hidden && this.canvas.clientWidth > 0;
    if (!visible || !this.connection.open || now < this.wanted || (this.asked && now - this.asked < ANSWER_WITHIN)) return;
    if (this.connection.send({ type: "overview", id: `time-line-${(this.number += 1)}` })) this.asked = now;
  }

  overview(frame) {
    if (frame.id !== `time-line-${this.number}`) return; // of another filter
    this.asked = 0;
    this.parts = frame.done ? 0 : this.parts + 1;
    this.wanted = performance.now() + (frame.done ? EVERY : Math.min(LONGEST, GO_ON * this.parts));
    const width = frame.bucket * 1000;
    this.extent = { since: Date.parse(frame.since), until: Date.parse(frame.until), width };
    this.counted = { since: Date.parse(frame.countedSince), until: Date.parse(frame.countedUntil), done: frame.done };
    this.bars = new Map(frame.buckets.map(({ n, levels, lost }) => [n, { counts: [...levels], lost }]));
    this.brush.setExtent(this.extent);
    this.draw();
  }

  events(events) {
    for (const ev of events) {
      const ms = Number(String(ev.id).split("-")[0]);
      if (!ms) continue;
      this.newest = ms;
      if (this.counted && ms > this.counted.until) addLine(this.barAt(ms), ev.level);
    }
    this.draw();
  }

  barAt(ms) {
    const { since, width } = this.extent;
    const n = Math.floor((ms - since) / width);
    if (since + (n + 1) * width > this.extent.until) {
      this.extent.until = since + (n + 1) * width;
      this.brush.setExtent(this.extent);
    }
    if (!this.bars.has(n)) this.bars.set(n, emptyBar());
    return this.bars.get(n);
  }

  gap({ after, before, cursor }) {
    const ms = (id) => Number(String(id ?? "").split("-")[0]) || null;
    const to = ms(before) ?? ms(cursor);
    if (to) this.gaps = [...this.gaps.slice(-99), [ms(after) ?? to, to]];
    this.draw();
  }

  /** Draw on an animation frame, and not too often. */
  draw() {
    if (this.requested || !this.extent || document.hidden) return;
    this.requested = true;
    const wait = this.drawn + DRAW_EVERY - performance.now();
    const frame = () => requestAnimationFrame(() => {
      this.requested = false;
      this.drawNow();
    });
    if (wait > 0) setTimeout(frame, wait);
    else frame();
  }

  drawNow() {
    const { bars, extent, counted, newest } = this;
    this.drawn = performance.now();
    const at = (ms) => (ms - extent.since) / extent.width;
    const buckets = Math.max(1, at(extent.until));
    const missing = this.gaps.filter(([, to]) => to >= extent.since).map(([from, to]) => [Math.max(0, at(from)), at(to)]);
    for (const [n, bar] of bars) if (bar.lost) missing.push([n, n + 1]);
    const uncounted = counted.done ? null : [0, at(counted.since)];
    const mark = newest && newest >= extent.since ? at(newest) : null;
    drawBars(this.canvas, { bars, buckets, missing, uncounted, mark });
    this.drawLabels();
    this.canvas.setAttribute("aria-label", `${counted.done ? "" : "Not all counted yet: "}${this.describe(extent.since, extent.until)}`);
  }

  drawLabels() {
    const { since, until } = this.extent;
    const most = Math.max(2, Math.min(7, Math.floor(this.canvas.clientWidth / LABELS_APART)));
    const mark = `${since} ${until} ${most} ${readsUtc()}`;
    if (this.labelled === mark) return;
    this.labelled = mark;
    const labels = Array.from({ length: most }, (_, i) => since + ((until - since) * i) / (most - 1));
    byId("time-labels").replaceChildren(...labels.map((ms) => el("span", {}, until - since > 86_400_000 ? dayAndClockText(ms) : clockText(ms))));
  }

  /** What a stretch holds, in words: "14:03:00 to 14:03:10: 40 lines, 2 errors". */
  describe(from, until) {
    const sum = { lines: 0, errors: 0, warnings: 0, lost: 0 };
    if (this.extent) {
      const { since, width } = this.extent;
      for (const [n, bar] of this.bars) {
        const begins = since + n * width;
        if (begins + width <= from || begins >= until) continue;
        sum.lines += total(bar);
        sum.errors += errorsOf(bar);
        sum.warnings += warningsOf(bar);
        sum.lost += bar.lost;
      }
    }
    const parts = [plural(sum.lines, "line")];
    if (sum.errors) parts.push(plural(sum.errors, "error"));
    if (sum.warnings) parts.push(plural(sum.warnings, "warning"));
    if (sum.lost) parts.push(`${count(sum.lost)} lost`);
    return `${clockText(from)} to ${clockText(until)}: ${parts.join(", ")}`;
  }

  hover(e) {
    if (!this.extent) return;
    const box = this.canvas.getBoundingClientRect();
    const { since, until, width } = this.extent;
    const from = since + Math.floor((((e.clientX - box.left) / box.width) * (until - since)) / width) * width;
    this.canvas.title = this.describe(from, from + width);
  }
}
