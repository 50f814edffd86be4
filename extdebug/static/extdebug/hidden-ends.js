// Learns how requests began and ended while the filter hides the events that say so: fetches those events
// alone, for as long as the Requests view shows a request without an end.

import { emptyFilter } from "./view.js";

const EXECUTIONS = "execution:*"; // what the runner itself says of a request
const EARLIER = 60_000; // ms before a request's first matching line in which it may have begun
const PAGE = 500; // entries looked at for one answer
const PAGES = 20; // asked for at once at the most
const AGAIN = 2000; // ms after an answer before what came since is asked for
const LATER = 10_000; // ms after an error that may pass
const PASSING = new Set(["unavailable", "too_fast"]); // codes of such errors

export class HiddenEnds {
  /** `onLearned()` is called when something new may be known. */
  constructor({ requests, connection, onLearned }) {
    this.requests = requests;
    this.connection = connection;
    this.onLearned = onLearned;
    this.asked = 0;
    this.forget();
  }

  /** The lines come anew, or over another connection: what is on its way is no longer wanted. */
  forget() {
    this.wanted = "";
    this.place = null; // up to here it was looked
    this.due = 0; // when to look again, on performance.now()
    this.looked = -Infinity; // when all there was had been looked at
  }

  /** Whether what the filter hides is known, but for the last seconds. */
  get current() {
    return performance.now() - this.looked < AGAIN * 3;
  }

  /** Look for the ends of `open` requests under `filter`, unless that is under way or was just done. */
  look(open, { installs, request }) {
    if (!open.length || this.wanted || performance.now() < this.due) return;
    this.filter = { ...emptyFilter(), installs, request, q: EXECUTIONS };
    this.place ??= `${Math.max(0, Math.min(...open.map(({ first }) => first[0])) - EARLIER)}-0`;
    this.pages = 0;
    this.fetch();
  }

  fetch() {
    this.pages += 1;
    const id = `ends-${(this.asked += 1)}`;
    const sent = this.connection.send({ type: "fetch", id, after: this.place, before: null, limit: PAGE, filter: this.filter });
    this.wanted = sent ? id : "";
  }

  /** A frame of the server; says whether it was for this alone. */
  frame(frame) {
    if (frame.type === "ready" || frame.type === "refiltered") this.forget();
    if (frame.type === "error" && this.wanted) {
      this.wanted = "";
      this.due = PASSING.has(frame.code) ? performance.now() + LATER : Infinity;
    }
    if (frame.type !== "page" || !frame.id.startsWith("ends-")) return false;
    if (frame.id === this.wanted) this.page(frame);
    return true;
  }

  page({ events, cursor, done }) {
    this.wanted = "";
    this.place = cursor ?? this.place;
    this.requests.learn(events);
    if (!done && cursor && this.pages < PAGES) this.fetch();
    else {
      this.due = performance.now() + AGAIN;
      if (done) this.looked = performance.now();
      this.onLearned();
    }
  }
}
