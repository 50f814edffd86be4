// What stands where lines would be: says why there are none and what to try.

import { byId, el } from "./dom.js";
import { plain } from "./text.js";
import { isFiltering } from "./view.js";
import { plural } from "./words.js";

let shown = "";

/** Draw or hide the empty state of the page (`app`); cheap when nothing changed. */
export function explainEmpty(app) {
  const { buffer, connection, session, view, config } = app;
  const { ready, ledger, searching } = session;
  const now = { app, buffer, state: connection.state, ready, ledger, searching, view, config };
  const box = byId("empty");
  const kind = kindOf(now);
  box.hidden = kind === "";
  if (kind === "") {
    shown = "";
    return;
  }
  const filtered = now.ledger?.filtered ?? 0;
  const mark = `${kind} ${kind === "filtered" ? filtered : ""}`;
  if (mark === shown) return;
  shown = mark;
  box.replaceChildren(...PARTS[kind](now, filtered));
}

function kindOf({ buffer, state, ready, view, config, searching }) {
  if (buffer.items.some((item) => item.kind !== "note")) return "";
  if (!byId("ending").hidden) return "";
  if (!view.tenant && config.tenants.length > 1) return "choose";
  if (!config.tenants.length && state.name === "idle") return "nobody";
  if (state.name === "idle") return "idle";
  if (state.name !== "open" || !ready) return "opening";
  if (searching) return "searching";
  return isFiltering(view.filter) ? "filtered" : "quiet";
}

const button = (label, run, cls = "") => el("button", { type: "button", class: cls, on: { click: run } }, label);
const head = (text) => el("h2", {}, text);

function choose(tenant) {
  byId("tenant").value = tenant;
  byId("tenant").dispatchEvent(new Event("change"));
}

const PARTS = {
  choose: ({ config }) => [
    head("Which tenant?"),
    el("p", {}, "This extension runs at several tenants. Each has a stream of its own."),
    el("div", { class: "acts" }, ...config.tenants.map(({ tenant, name, allowed }) => button(`${plain(name || tenant)}${allowed ? "" : " (not now)"}`, () => choose(tenant)))),
  ],
  nobody: () => [head("Nothing to watch"), el("p", {}, "You have no access to this extension at any tenant.")],
  idle: ({ app }) => [
    head("Not connected"),
    el("p", {}, "Connect to see the last lines of this stream and everything that follows."),
    el("div", { class: "acts" }, button("Connect", () => app.start(), "primary"), el("span", { class: "faint" }, "or press d")),
  ],
  opening: () => [head("Opening the stream…")],
  searching: () => [head("Looking back…"), el("p", {}, "Searching what the stream still keeps for lines that match.")],
  filtered: (now, filtered) => [
    head("No line matches yet"),
    el("p", {}, filtered ? `${plural(filtered, "line")} did not match since you connected. New ones that match appear by themselves.` : "Nothing has been printed since you connected. New lines that match appear by themselves."),
    el("div", { class: "acts" }, button("Reset the filters", () => byId("filters-reset").click(), "primary")),
  ],
  quiet: ({ config }) => [
    head("Listening"),
    el("p", {}, "Connected, and nothing has been printed yet. The next line appears here within milliseconds. Run the extension once, with something like this in it:"),
    el("pre", {}, el("code", {}, 'logInfo("debug marker: here");\nconsole.log("hello from the guest");')),
    el("p", { class: "faint" }, `Still nothing? Then the runner may not write to this stream: it needs RUNNER_DEBUG_REDIS_URL and the prefix ${config.prefix ?? "ext-debug:"}. `, button("What the runner needs", () => byId("help").click(), "link")),
  ],
};
