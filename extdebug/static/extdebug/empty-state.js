// Shows what stands where lines would be: why there are none and what to try.

import { tenantNote } from "./access-words.js";
import { reopenClosedCard } from "./closed-card.js";
import { byId, el } from "./dom.js";
import { gettingStarted, showRunnerHelp } from "./getting-started.js";
import { showLabel } from "./hidden-lines.js";
import { plural } from "./messages.js";
import { plain } from "./safe-text.js";
import { isFiltering } from "./view.js";

export class EmptyState {
  /** `config` is the page's configuration; `onConnect()` opens a session, `onHidden()` lists hidden lines. */
  constructor({ config, view, buffer, connection, session, onConnect, onHidden }) {
    this.config = config;
    this.view = view;
    this.buffer = buffer;
    this.connection = connection;
    this.session = session;
    this.onConnect = onConnect;
    this.onHidden = onHidden;
    this.shown = ""; // kind and number last drawn
  }

  /** Draw or hide it; cheap when nothing changed. */
  draw() {
    const box = byId("empty");
    const kind = this.kind();
    box.hidden = kind === "";
    if (kind === "") {
      this.shown = "";
      return;
    }
    const filtered = this.session.ledger?.filtered ?? 0;
    box.classList.toggle("beside", this.buffer.items.some((item) => item.kind === "gap"));
    const mark = `${kind} ${kind === "filtered" ? filtered : ""}${kind === "quiet" ? this.view.current.tenant : ""}`;
    if (mark === this.shown) return;
    this.shown = mark;
    const { config, onConnect, onHidden } = this;
    const focused = box.contains(document.activeElement) ? document.activeElement.textContent : null;
    box.replaceChildren(...PARTS[kind]({ config, view: this.view.current, onConnect, onHidden, filtered }));
    if (focused) [...box.querySelectorAll("button")].find(({ textContent }) => textContent === focused)?.focus();
  }

  /** A key of PARTS, or "" while there is something else to see. */
  kind() {
    const { config, connection, session } = this;
    const { tenant, filter } = this.view.current;
    const { name } = connection.state;
    if (this.buffer.events) return "";
    if (this.buffer.items.some((item) => item.kind === "gap") && (name !== "open" || session.searching || !isFiltering(filter))) return "";
    if (!byId("closed-card").hidden) return "";
    if (!tenant && config.tenants.length > 1) return "choose";
    if (!config.tenants.length && name === "idle") return "nobody";
    if (session.access.denial) return "ended";
    if (name === "idle") return "idle";
    if (name !== "open" || !session.ready) return "opening";
    if (session.searching) return "searching";
    if (session.over) return "range";
    return isFiltering(filter) ? "filtered" : "quiet";
  }
}

const button = (label, run, cls = "") => el("button", { type: "button", class: cls, on: { click: run } }, label);
const heading = (text) => el("h2", {}, text);

function tenantLabel(entry) {
  const note = tenantNote(entry);
  return `${plain(entry.name || entry.tenant)}${note ? ` (${note})` : ""}`;
}

function choose(tenant) {
  byId("tenant").value = tenant;
  byId("tenant").dispatchEvent(new Event("change"));
}

const PARTS = {
  choose: ({ config }) => [
    heading("Choose a tenant"),
    el("p", {}, "This extension runs at several tenants. Each has a stream of its own."),
    el("div", { class: "acts" }, ...config.tenants.map((entry) => button(tenantLabel(entry), () => choose(entry.tenant)))),
  ],
  nobody: () => [heading("Nothing to watch"), el("p", {}, "You have no access to this extension at any tenant.")],
  idle: ({ onConnect }) => [
    heading("Not connected"),
    el("p", {}, "Connect to see the last lines of this stream and everything that follows."),
    el("div", { class: "acts" }, button("Connect", onConnect, "primary"), el("span", { class: "faint" }, "or press d")),
  ],
  ended: ({ onConnect }) => [
    heading("Not connected"),
    el("div", { class: "acts" }, button("Connect", onConnect, "primary"), button("Show why", reopenClosedCard)),
  ],
  opening: () => [heading("Opening the stream…")],
  range: () => [
    heading("No lines in this range"),
    el("p", {}, "Nothing that matches was written then, or it is no longer kept."),
    el("div", { class: "acts" }, button("Back to live", () => byId("to-live").click(), "primary"), button("Read on from there", () => byId("read-on").click())),
  ],
  searching: () => [heading("Looking back…"), el("p", {}, "Searching what the stream still keeps for lines that match.")],
  filtered: ({ filtered, onHidden }) => [
    heading("No line matches yet"),
    el("p", {}, filtered ? `${plural(filtered, "line")} did not match. New ones that match appear by themselves.` : "Nothing has been printed since you connected. New lines that match appear by themselves."),
    el("div", { class: "acts" }, filtered ? button(`${showLabel(filtered)} of them, and why`, onHidden, "primary") : null, button("Reset the filters", () => byId("filters-reset").click(), filtered ? "" : "primary")),
  ],
  quiet: ({ config, view }) => [
    heading("Listening"),
    el("p", {}, "Connected, and nothing has been printed yet. The next line appears here within milliseconds: run the extension once, with something like this in it."),
    gettingStarted({ config, view }),
    el("p", { class: "faint" }, "It ran, and nothing came? ", button("What the runner needs", showRunnerHelp, "link")),
  ],
};
