// The controls beside the time line: go to a time, play from there, read on, back to live.

import { byId } from "./dom.js";
import { announce, toast } from "./notices.js";
import { readRange } from "./time-input.js";
import { clockText, readsUtc, whenText } from "./timestamps.js";
import { DEFAULT_FROM, playedOf, SPEEDS, startOf } from "./view.js";

const PLAY = "Play the lines in the rhythm in which they came";

export class PlaybackBar {
  /** `onRead(part)` reads another stretch: part of a view. `timeLine` shows what is read. */
  constructor({ view, connection, timeLine, onRead }) {
    this.view = view;
    this.connection = connection;
    this.timeLine = timeLine;
    this.onRead = onRead;
    this.state = ""; // the server's last
    this.held = false; // the server was asked to hold what plays
    const speed = byId("speed");
    for (const times of SPEEDS) speed.append(new Option(`${times}×`, String(times)));
    speed.addEventListener("change", () => this.speedChanged(Number(speed.value)));
    byId("play").addEventListener("click", () => this.play());
    byId("read-on").addEventListener("click", () => this.readOn());
    byId("to-live").addEventListener("click", () => this.toLive());
    byId("time-form").addEventListener("submit", (e) => {
      e.preventDefault();
      this.typed(byId("time-at").value);
    });
    byId("time-at").addEventListener("input", () => this.complain(""));
    const fold = byId("time-fold");
    fold.addEventListener("click", () => this.unfold(fold.getAttribute("aria-expanded") !== "true"));
    if (view.current.until || view.current.speed) this.unfold(true);
    this.draw();
  }

  /** Show the time line where a narrow page hides it. */
  unfold(open) {
    byId("time-fold").setAttribute("aria-expanded", String(open));
    byId("time-line").classList.toggle("unfolded", open);
    if (open) this.timeLine.ask();
  }

  /** Let the reader type a time. */
  goTo() {
    if (!byId("time-at").checkVisibility()) this.unfold(true);
    byId("time-at").focus();
  }

  /** A frame of the server: see Connection. */
  frame({ type, state, message }) {
    if (type === "ready") this.held = false;
    if (type !== "status") return;
    const was = this.state;
    this.state = state;
    if (state !== "paused") this.held = false;
    byId("playing-text").textContent = (state === "playing" && /: (.+)/.exec(message)?.[1]) || ""; // a silence that is shortened
    byId("play").title = state === "playing" ? message : PLAY;
    if (state === "live" && was === "playing") this.caughtUp();
    this.draw();
  }

  /** What was played came to the newest line: from here on the view is a live one. */
  caughtUp() {
    this.view.change({ speed: null });
    announce("Playback has caught up: live.");
  }

  /** Stand at a moment, or read a range, in ms. */
  stand({ from, until }) {
    this.onRead({ from: new Date(from).toISOString(), until: until === null ? null : new Date(until).toISOString(), speed: null });
    byId("time-at").value = "";
    this.complain("");
  }

  typed(text) {
    if (!text.trim()) return;
    const range = readRange(text, Date.now(), readsUtc());
    if (text.trim().toLowerCase() === "now") this.toLive();
    else if (range.error) this.complain(range.error);
    else this.stand(range);
  }

  complain(text) {
    byId("time-error").textContent = text;
    byId("time-error").hidden = !text;
    byId("time-at").setAttribute("aria-invalid", String(Boolean(text)));
  }

  /** Play from where the view stands, or hold and go on with what plays. */
  play() {
    const { current } = this.view;
    if (this.state === "playing" || this.held) {
      const held = !this.held;
      if (this.connection.send({ type: held ? "pause" : "resume" })) this.held = held;
      else toast("Not connected: nothing plays.");
    } else {
      const since = this.timeLine.extent?.since;
      const start = startOf(current.from);
      const from = start.time ?? (since ? new Date(since).toISOString() : null);
      if (from) this.onRead({ from, speed: Number(byId("speed").value) });
      else toast("Choose a time first.");
    }
    this.draw();
  }

  /** Another speed for what plays, from the line it has come to. */
  speedChanged(speed) {
    if (this.state === "playing" || this.held) this.change({ speed });
  }

  /** On from the end of the range, to the newest line. */
  readOn() {
    this.change({ until: null, speed: null });
  }

  change(part) {
    this.view.change(part);
    if (!this.connection.play(this.view.current.filter, playedOf(this.view.current))) toast("Not connected.");
    this.held = false;
    this.draw();
  }

  toLive() {
    this.onRead({ from: DEFAULT_FROM, until: null, speed: null });
    byId("time-at").value = "";
  }

  /** Draw the buttons, and what of the time line is read. */
  draw() {
    const { from, until, line } = this.view.current;
    const start = line ? {} : startOf(from);
    const standing = Boolean(start.time) || Boolean(line);
    const playing = this.state === "playing" && !this.held;
    byId("play").querySelector("use").setAttribute("href", playing ? "#i-pause" : "#i-play");
    byId("play").querySelector("span").textContent = playing ? "Hold" : this.held ? "Go on" : "Play";
    byId("play").setAttribute("aria-pressed", String(playing));
    byId("read-on").hidden = this.state !== "end_of_range";
    byId("to-live").hidden = !(standing || until || this.held || this.state === "playing");
    if (this.view.current.speed) byId("speed").value = String(this.view.current.speed);
    const ms = start.time ? Date.parse(start.time) : null;
    this.timeLine.brush.show({ from: ms, until: until ? Date.parse(until) : null });
    byId("time-at").placeholder = ms ? `${whenText(ms)}${until ? ` to ${clockText(Date.parse(until))}` : ""}` : "5 minutes ago, 14:03";
  }
}
