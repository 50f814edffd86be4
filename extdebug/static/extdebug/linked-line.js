// Stands on the line that the address names: shows it with the lines before it, or says that it is gone.

import { holdsLine, isBefore, position } from "./buffer.js";
import { announce, toast } from "./notices.js";
import { dayAndClock } from "./timestamps.js";
import { isFiltering } from "./view.js";

const ENOUGH = 10; // lines before it
const MOST = 200; // of what was found before it so many are shown
const LOOK_BACK = [1000, 10_000, 60_000, 900_000]; // ms before it; further only while there are not enough
const PAGE = 500; // lines asked for at once
const PAGES = 8; // asked for at the most for one span
const PATIENCE = 1500; // ms after the stream said that it is live: what was read before is here by then

export class LinkedLine {
  constructor({ view, buffer, rows, receiver, connection }) {
    this.view = view;
    this.buffer = buffer;
    this.rows = rows;
    this.receiver = receiver;
    this.connection = connection;
    this.settled = true;
    this.asked = 0;
  }

  /** A session or another filter begins: look for the line, unless the reader follows the newest. */
  begin() {
    clearTimeout(this.timer);
    this.line = this.view.current.line;
    this.settled = !this.line || this.rows.following;
    this.wanted = "";
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
    this.step = 0;
    this.lookBack();
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

  lookBack() {
    this.found = [];
    this.pages = 0;
    const [ms] = position(this.line);
    this.fetch(`${Math.max(0, ms - LOOK_BACK[this.step])}-0`);
  }

  fetch(after) {
    this.pages += 1;
    this.wanted = `before-line-${(this.asked += 1)}`;
    this.connection.send({ type: "fetch", id: this.wanted, after, before: this.line, limit: PAGE });
  }

  /** The answer to a fetch; says whether it was one of ours. */
  page(frame) {
    if (!frame.id.startsWith("before-line-")) return false;
    if (frame.id !== this.wanted) return true; // of a view that is no longer shown
    this.found.push(...frame.events);
    if (!frame.done && frame.cursor) {
      // What does not reach the line must not be shown: it would hide a hole.
      if (this.pages < PAGES) this.fetch(frame.cursor);
    } else if (this.found.length < ENOUGH && this.step + 1 < LOOK_BACK.length) {
      this.step += 1;
      this.lookBack();
    } else {
      this.buffer.insert(this.found.slice(-MOST));
      this.stand();
      this.receiver.update();
    }
    return true;
  }
}
