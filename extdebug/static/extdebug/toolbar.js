// Draws the toolbar's states, the place reading starts at, and the bar of a view of one request.

import { byId, el } from "./dom.js";
import { plain } from "./safe-text.js";
import { TIME_NAMES } from "./timestamps.js";
import { fromLabel, FROMS } from "./view.js";

export class Toolbar {
  /**
   * `showsInstall()`: whether rows have the column of installs; `onAllRequests()` shows the lines of
   * all requests again; `onFrom(from)` reads from another place.
   */
  constructor({ receiver, rows, preferences, showsInstall, onAllRequests, onFrom }) {
    this.receiver = receiver;
    this.rows = rows;
    this.preferences = preferences;
    this.showsInstall = showsInstall;
    this.onAllRequests = onAllRequests;
    for (const [value, label] of FROMS) {
      const choose = () => {
        byId("from-menu").open = false;
        onFrom(value);
      };
      byId("from-list").append(el("button", { type: "button", on: { click: choose } }, label));
    }
  }

  /** Draw the buttons as pressed or not, and the columns that the rows have. */
  draw() {
    const { receiver, rows, preferences } = this;
    const press = (id, on) => byId(id).setAttribute("aria-pressed", String(on));
    press("pause", receiver.paused);
    byId("pause").querySelector("span").textContent = receiver.paused ? "Resume" : "Pause";
    byId("pause").querySelector("use").setAttribute("href", receiver.paused ? "#i-play" : "#i-pause");
    press("follow", rows.following);
    press("wrap", preferences.wrap);
    press("collapse", preferences.collapse);
    for (const scroller of document.querySelectorAll(".rows")) {
      scroller.classList.toggle("nowrap", !preferences.wrap);
      scroller.classList.toggle("no-install", !this.showsInstall());
      scroller.dataset.time = preferences.time;
      scroller.dataset.density = preferences.density;
    }
    byId("time-text").textContent = TIME_NAMES[preferences.time];
  }

  /** Draw what depends on the view: where reading started, and the bar of one request. */
  drawView({ from, line, filter }) {
    const bar = byId("flow-bar");
    bar.hidden = !filter.request;
    byId("from-text").textContent = line ? "the linked line" : fromLabel(from);
    if (bar.hidden) return;
    bar.replaceChildren(
      ...onlyRequest(filter.request),
      el("button", { type: "button", class: "small", on: { click: this.onAllRequests } }, "All requests ( u )"),
    );
  }
}

/** What is shown when `request` is asked for: an id, or with a star at its end the beginning of some. */
function onlyRequest(request) {
  const begins = request.length > 1 && request.endsWith("*") && !request.startsWith("*");
  const shown = el("code", {}, plain(begins ? request.slice(0, -1) : request));
  return [el("span", {}, begins ? "Only requests that begin with" : "Only request"), " ", shown];
}
