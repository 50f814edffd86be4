// Draws what follows from how many lines there are: the button to the newest line, the number of
// lines on the page, the search counter, the empty state.

import { byId } from "./dom.js";
import { drawLevelCounts } from "./level-counts.js";
import { count, plural } from "./messages.js";

const DRAW_EVERY = 100; // ms between two drawings, however many lines arrive

export class Counts {
  constructor({ receiver, buffer, statusBar, find, emptyState, hiddenLines }) {
    this.receiver = receiver;
    this.buffer = buffer;
    this.statusBar = statusBar;
    this.find = find;
    this.emptyState = emptyState;
    this.hiddenLines = hiddenLines;
    this.requested = false;
  }

  /** Ask for a drawing soon; many calls make one drawing. */
  draw() {
    if (this.requested) return;
    this.requested = true;
    setTimeout(() => {
      this.requested = false;
      this.drawNow();
    }, DRAW_EVERY);
  }

  drawNow() {
    const { receiver, buffer, find } = this;
    const fresh = receiver.unseen + receiver.waitingNew;
    const stopped = receiver.stopped ? "; more wait in the stream" : "";
    const button = byId("to-end");
    button.hidden = fresh === 0 && !receiver.paused;
    button.textContent = receiver.paused ? `Paused · ${count(fresh)} new${stopped} · resume` : `↓ ${plural(fresh, "new line")}${stopped}`;
    button.classList.toggle("paused", receiver.paused);
    const left = buffer.left ? ` (${count(buffer.left)} older removed; limit ${count(buffer.keep)})` : "";
    this.statusBar.kept(buffer.events ? `${plural(buffer.events, "line")} in view${left}` : "");
    drawLevelCounts(buffer.levels);
    if (find.stale) find.tell();
    this.emptyState.draw();
    this.hiddenLines.draw();
  }
}
