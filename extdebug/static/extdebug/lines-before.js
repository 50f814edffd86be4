// Asks for the lines just before a place: in growing spans of time, until there are enough of them.

const LOOK_BACK = [1000, 10_000, 60_000, 900_000, 86_400_000]; // ms before the place
const PAGE = 500; // lines asked for at once
const PAGES = 8; // asked for at the most for one span

export class LinesBefore {
  /** `name` begins the ids of its requests; `filter` replaces the session's own where it is given. */
  constructor({ connection, name, filter = null }) {
    this.connection = connection;
    this.name = name;
    this.filter = filter;
    this.asked = 0;
    this.wanted = "";
  }

  /** Look for `enough` lines before `line`; onFound(events) is called once, with all that one span has. */
  look(line, enough, onFound) {
    Object.assign(this, { line, enough, onFound, step: 0 });
    return this.span();
  }

  /** What is on its way is no longer wanted. */
  forget() {
    this.wanted = "";
  }

  span() {
    this.found = [];
    this.pages = 0;
    const ms = Number(this.line.split("-")[0]);
    return this.fetch(`${Math.max(0, ms - LOOK_BACK[this.step])}-0`);
  }

  fetch(after) {
    this.pages += 1;
    this.wanted = `${this.name}-${(this.asked += 1)}`;
    const frame = { type: "fetch", id: this.wanted, after, before: this.line, limit: PAGE };
    return this.connection.send(this.filter ? { ...frame, filter: this.filter } : frame);
  }

  /** The answer to a fetch; says whether it was one of ours. */
  page(frame) {
    if (!frame.id.startsWith(`${this.name}-`)) return false;
    if (frame.id !== this.wanted) return true; // of a place that is no longer shown
    this.found.push(...frame.events);
    if (!frame.done && frame.cursor) {
      // What does not reach the line must not be shown: it would hide a hole.
      if (this.pages < PAGES) this.fetch(frame.cursor);
      else this.answer([]);
    } else if (this.found.length < this.enough && this.step + 1 < LOOK_BACK.length) {
      this.step += 1;
      this.span();
    } else this.answer(this.found);
    return true;
  }

  answer(events) {
    this.wanted = "";
    this.onFound(events);
  }
}
