// Shows who else watches this stream, lets the reader follow one of them, and shares the reader's own
// view with them, when the reader says so.

import { Following } from "./following.js";
import { byId, el } from "./dom.js";
import { plural } from "./messages.js";
import { announce } from "./notices.js";
import { plain } from "./safe-text.js";
import { clockText } from "./timestamps.js";

const SHARE_EVERY = 1000; // ms between two looks at what is shared; the server takes four a second
const MOST_IN_BAND = 3; // names in the production band
const BY = { sse: "with curl", poll: "with a polling client", replay: "in a terminal" };

export class Presence {
  /** The parts of the page: see console.js. `onRead(part)` reads another part of a view. */
  constructor({ view, buffer, rows, filters, connection, statusBar, onRead }) {
    this.view = view;
    this.rows = rows;
    this.connection = connection;
    this.statusBar = statusBar;
    this.others = [];
    this.more = false;
    this.session = null; // for which sharing was switched on
    this.sharing = false;
    this.shared = "null"; // the view last sent, as JSON
    this.following = new Following({ view, buffer, rows, filters, onRead, onChange: () => this.draw() });
    byId("presence-share").addEventListener("change", (e) => this.setSharing(e.target.checked));
    setInterval(() => this.share(), SHARE_EVERY);
  }

  /** A frame of the server: see Connection. */
  frame(frame) {
    if (frame.type === "ready") {
      if (frame.session !== this.session) this.sharing = false; // it was switched on for another one
      this.session = frame.session;
      this.shared = "null";
      this.tell({ others: [], more: false });
    } else if (frame.type === "presence") this.tell(frame);
  }

  /** The connection is in another state: see Connection. */
  changed({ name }) {
    if (name !== "idle" && name !== "closed") return;
    this.sharing = false;
    this.following.stop();
    this.tell({ others: [], more: false });
  }

  tell({ others, more }) {
    const known = new Set(this.others.map((one) => one.name));
    const come = others.map((one) => one.name).filter((name) => !known.has(name));
    this.others = others;
    this.more = more;
    if (come.length) announce(`${plain([...new Set(come)].join(", "))} now watches too.`);
    this.following.heard(others);
    this.draw();
  }

  // --- sharing --------------------------------------------------------------------------------

  setSharing(on) {
    this.sharing = on;
    this.share();
    this.draw();
  }

  /** Send what is shared, where it differs from what was sent last. Who follows is not followed. */
  share() {
    const view = this.sharing && !this.following.person ? this.shownView() : null;
    const text = JSON.stringify(view);
    if (text === this.shared || !this.connection.open) return;
    if (this.connection.send({ type: "share", view })) this.shared = text;
  }

  shownView() {
    const { filter } = this.view.current;
    const live = this.rows.following;
    return { filter, line: live ? null : this.middleLine(), live };
  }

  /** The id of the line in the middle of what is in view; null where there is none. */
  middleLine() {
    const port = this.rows.scroller.getBoundingClientRect();
    const middle = port.top + port.height / 2;
    let found = { top: -Infinity, id: null };
    for (const [item, node] of this.rows.live) {
      const { top } = node.getBoundingClientRect();
      if (item.kind === "event" && top <= middle && top > found.top) found = { top, id: item.ev.id };
    }
    return found.id;
  }

  // --- drawing --------------------------------------------------------------------------------

  draw() {
    const names = [...new Set(this.others.map((one) => plain(one.name)))];
    const many = `${names.length}${this.more ? "+" : ""}`;
    const said = names.length ? `${many} ${names.length === 1 ? "other watches" : "others watch"} this stream` : "Nobody else watches this stream";
    byId("presence").hidden = !names.length && !this.sharing;
    byId("presence-count").textContent = many;
    byId("presence-button").title = said;
    byId("presence-said").textContent = said;
    byId("presence-share").checked = this.sharing;
    this.drawList();
    this.drawFollowed();
    const rest = names.length > MOST_IN_BAND ? ` and ${names.length - MOST_IN_BAND}${this.more ? "+" : ""} more` : "";
    this.statusBar.standing({ others: names.slice(0, MOST_IN_BAND).join(", ") + rest });
  }

  drawList() {
    const list = byId("presence-list");
    const focused = document.activeElement?.closest?.("#presence-list [data-id]")?.dataset.id;
    list.replaceChildren(...this.others.map((one) => this.row(one)));
    if (focused) list.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }

  row(one) {
    const since = `since ${clockText(Date.parse(one.since))}`;
    const followed = this.following.person?.id === one.id;
    const follow = one.view && el("button", { type: "button", class: "small", "data-id": one.id, "aria-pressed": String(followed), on: { click: () => this.follow(one) } }, followed ? "Stop following" : `Follow ${plain(one.name)}`);
    return el("li", {}, el("span", {}, el("b", {}, plain(one.name)), " ", el("small", {}, [BY[one.transport], since].filter(Boolean).join(", "))), follow);
  }

  follow(one) {
    if (this.following.person?.id === one.id) this.following.stop();
    else this.following.start(one);
    byId("presence").open = false;
    byId("presence-button").focus({ preventScroll: true });
    this.share();
  }

  drawFollowed() {
    const { person } = this.following;
    byId("followed").hidden = !person;
    if (person) byId("followed").textContent = `Following ${plain(person.name)}: stop`;
  }
}
