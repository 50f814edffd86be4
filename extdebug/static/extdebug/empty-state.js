// Shows what stands where lines would be: why there are none and what to try.

import { reopenClosedCard } from "./closed-card.js";
import { byId, el } from "./dom.js";
import { plural } from "./messages.js";
import { plain } from "./safe-text.js";
import { isFiltering } from "./view.js";

export class EmptyState {
  /** `config` is the page's configuration; `onConnect()` opens a session. */
  constructor({ config, view, buffer, connection, session, onConnect }) {
    this.config = config;
    this.view = view;
    this.buffer = buffer;
    this.connection = connection;
    this.session = session;
    this.onConnect = onConnect;
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
    const mark = `${kind} ${kind === "filtered" ? filtered : ""}`;
    if (mark === this.shown) return;
    this.shown = mark;
    const { config, onConnect } = this;
    box.replaceChildren(...PARTS[kind]({ config, onConnect, filtered }));
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
    if (name === "idle") return "idle";
    if (name === "closed") return "ended";
    if (name !== "open" || !session.ready) return "opening";
    if (session.searching) return "searching";
    return isFiltering(filter) ? "filtered" : "quiet";
  }
}

const button = (label, run, cls = "") => el("button", { type: "button", class: cls, on: { click: run } }, label);
const heading = (text) => el("h2", {}, text);

function choose(tenant) {
  byId("tenant").value = tenant;
  byId("tenant").dispatchEvent(new Event("change"));
}

const PARTS = {
  choose: ({ config }) => [
    heading("Which tenant?"),
    el("p", {}, "This extension runs at several tenants. Each has a stream of its own."),
    el("div", { class: "acts" }, ...config.tenants.map(({ tenant, name, allowed }) => button(`${plain(name || tenant)}${allowed ? "" : " (not now)"}`, () => choose(tenant)))),
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
  searching: () => [heading("Looking back…"), el("p", {}, "Searching what the stream still keeps for lines that match.")],
  filtered: ({ filtered }) => [
    heading("No line matches yet"),
    el("p", {}, filtered ? `${plural(filtered, "line")} did not match since you connected. New ones that match appear by themselves.` : "Nothing has been printed since you connected. New lines that match appear by themselves."),
    el("div", { class: "acts" }, button("Reset the filters", () => byId("filters-reset").click(), "primary")),
  ],
  quiet: ({ config }) => [
    heading("Listening"),
    el("p", {}, "Connected, and nothing has been printed yet. The next line appears here within milliseconds. Run the extension once, with something like this in it:"),
    el("pre", {}, el("code", {}, 'logInfo("debug marker: here");\nconsole.log("hello from the guest");')),
    el("p", { class: "faint" }, `Still nothing? Then the runner may not write to this stream: it needs RUNNER_DEBUG_REDIS_URL and the prefix ${config.prefix ?? "ext-debug:"}. `, button("What the runner needs", () => byId("help").click(), "link")),
  ],
};
