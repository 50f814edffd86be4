// Stands on the line that the address names: shows it with the lines before it, or says that it is gone.

import { holdsLine, isBefore, position } from "./buffer.js";
import { LinesBefore } from "./lines-before.js";
import { announce, toast } from "./notices.js";
import { dayAndClock } from "./timestamps.js";
import { isFiltering } from "./view.js";

const ENOUGH = 10; // lines before it
const MOST = 200; // of what was found before it so many are shown
const PATIENCE = 1500; // ms after the stream said that it is live: what was read before is here by then

export class LinkedLine {
  constructor({ view, buffer, rows, receiver, connection }) {
    this.view = view;
    this.buffer = buffer;
    this.rows = rows;
    this.receiver = receiver;
    this.before = new LinesBefore({ connection, name: "before-line" });
    this.settled = true;
  }

  /** A session or another filter begins: look for the line, unless the reader follows the newest. */
  begin() {
    clearTimeout(this.timer);
    this.line = this.view.current.line;
    this.settled = !this.line || this.rows.following;
    this.before.forget();
  }

  /** Events that are about to be added: is it among them, or did it have to come before them? */
  expect(events) {
    if (this.settled) return;
    const at = position(this.line);
    this.here = events.some((ev) => ev.id === this.line);
    if (!this.here && events.some((ev) => isBefore(at, position(ev.id)))) this.gone();
  }

  /** The events were added. */
  added() {
    if (this.settled || !this.here) return;
    this.settled = true;
    this.stand();
    this.before.look(this.line, ENOUGH, (events) => this.lead(events));
  }

  /** The stream is live: nothing older comes any more. */
  live() {
    if (this.settled) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.settled || this.gone(), PATIENCE);
  }

  stand() {
    const item = this.buffer.items.find((each) => holdsLine(each, this.line));
    if (item && !this.rows.following) this.rows.reveal(item, { centre: true });
    return item;
  }

  gone() {
    this.settled = true;
    const when = dayAndClock(position(this.line)[0]);
    const filtered = isFiltering(this.view.current.filter);
    const why = filtered ? "does not match this filter, or has left the stream" : "has left the stream";
    const text = `The linked line, of ${when}, ${why}. What came after it and is still kept begins here.`;
    this.receiver.note(text, "gone");
    announce(text);
    toast(`The linked line ${why}.`);
  }

  /** The answer to a fetch; says whether it was one of ours. */
  page(frame) {
    return this.before.page(frame);
  }

  /** Put what came before the line above it. */
  lead(events) {
    this.buffer.insert(events.slice(-MOST));
    this.receiver.requests.fetched(events.slice(-MOST));
    this.stand();
    this.receiver.update();
  }
}
