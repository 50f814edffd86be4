// What is drawn around the rows: the states of the tools, counts, the flow bar, the empty state.

import { byId, el } from "./dom.js";
import { explainEmpty } from "./empty.js";
import { TIME_NAMES } from "./look.js";
import { plain } from "./text.js";
import { fromWords } from "./view.js";
import { count, plural } from "./words.js";

const COUNT_EVERY = 100; // ms between two drawings of the counts, however many lines arrive

export class Panel {
  constructor(app) {
    this.app = app;
    this.asked = false;
  }

  tools() {
    const { intake, rows, look, scene } = this.app;
    const press = (id, on) => byId(id).setAttribute("aria-pressed", String(on));
    press("pause", intake.paused);
    byId("pause").querySelector("span").textContent = intake.paused ? "Resume" : "Pause";
    byId("pause").querySelector("use").setAttribute("href", intake.paused ? "#i-play" : "#i-pause");
    press("follow", rows.following);
    press("wrap", look.wrap);
    press("collapse", look.collapse);
    byId("lines").classList.toggle("nowrap", !look.wrap);
    byId("lines").classList.toggle("no-install", !scene.showInstall);
    byId("lines").dataset.time = look.time;
    byId("time-text").textContent = TIME_NAMES[look.time];
  }

  /** Draw the counts soon; many calls make one drawing. */
  counts() {
    if (this.asked) return;
    this.asked = true;
    setTimeout(() => {
      this.asked = false;
      this.drawCounts();
    }, COUNT_EVERY);
  }

  drawCounts() {
    const { app } = this;
    const { intake, buffer, find } = app;
    const fresh = intake.unseen + intake.waitingLines;
    const stopped = intake.stopped ? "; more wait in the stream" : "";
    const button = byId("to-end");
    button.hidden = fresh === 0 && !intake.paused;
    button.textContent = intake.paused ? `Paused · ${count(fresh)} new${stopped} · resume` : `↓ ${plural(fresh, "new line")}${stopped}`;
    button.classList.toggle("paused", intake.paused);
    const left = buffer.left ? `, ${count(buffer.left)} older ones left it` : "";
    app.strip.kept(buffer.events ? `${plural(buffer.events, "line")} on this page${left}` : "");
    if (find.stale) find.tell();
    explainEmpty(app);
  }

  /** The bar that says the view is narrowed to one request, and where reading started. */
  view() {
    const { view, setFilter } = this.app;
    const bar = byId("flow-bar");
    bar.hidden = !view.filter.request;
    byId("from-text").textContent = fromWords(view.from);
    if (bar.hidden) return;
    bar.replaceChildren(
      el("span", {}, "Only request ", el("code", {}, plain(view.filter.request))),
      el("button", { type: "button", class: "small", on: { click: () => setFilter({ request: null }) } }, "All requests ( u )"),
    );
  }
}
