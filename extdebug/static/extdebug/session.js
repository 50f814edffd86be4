// What the server says, and what becomes of the page: one handler for each frame and each end.

import { refusesFilter } from "./connection.js";
import { byId } from "./dom.js";
import { hideEnding, showEnding, waitingWords } from "./ending.js";
import { announce, toast } from "./strip.js";
import { plain } from "./text.js";

/** The frames of the server on the page's parts (`app`, put together in console.js). */
export class Session {
  constructor(app) {
    this.app = app;
    this.ready = null; // the last `ready`
    this.ledger = null;
    this.searching = false; // the server is still reading history
    this.stopCountdown = () => {};
    this.handlers = {
      ready: (frame) => this.began(frame),
      events: (frame) => this.events(frame),
      gap: (frame) => this.gap(frame),
      page: (frame) => app.intake.page(frame),
      refiltered: () => this.refiltered(),
      status: (frame) => this.status(frame),
      expiring: (frame) => this.expiring(frame),
      error: (frame) => this.error(frame),
      closing: () => {},
    };
  }

  frame(message) {
    this.handlers[message.type]?.(message);
  }

  began(frame) {
    const { app } = this;
    const again = this.ready?.session === frame.session;
    this.ready = frame;
    app.arrived(frame.target.tenant);
    app.filters.setInstalls(frame.target.installs);
    app.strip.times(frame);
    app.strip.grant(frame.grant, frame.environment);
    app.strip.banner(frame.mode === "runner" ? "fallback" : "", "");
    app.strip.state("live");
    if (again) app.intake.note("Reconnected: going on at the same line.", "good");
    app.intake.reconnected();
    app.rows.refreshAll();
    app.panel.tools();
  }

  events(frame) {
    this.app.intake.events(frame.events);
  }

  gap(frame) {
    this.app.strip.lost(frame);
    this.app.intake.gap(frame);
    announce("Lines are missing here: a notice stands in their place.");
  }

  refiltered() {
    this.searching = true;
    this.app.intake.clear({ forget: true });
  }

  status(frame) {
    const { strip, panel } = this.app;
    this.ledger = frame.ledger ?? this.ledger;
    if (this.ledger) strip.ledger(this.ledger);
    this.searching = frame.state === "history";
    strip.times(frame);
    strip.state(frame.state, "", { say: frame.state !== "history" });
    strip.banner(frame.state, frame.message);
    panel.counts();
  }

  expiring(frame) {
    this.app.strip.times(frame);
    announce("This session ends in a minute unless you extend it.");
  }

  error(frame) {
    if (refusesFilter(frame)) this.app.filters.showError(frame.message, frame.position);
    else toast(plain(frame.message));
    if (frame.code === "unavailable") this.app.intake.refused("could not be fetched now");
  }

  /** The connection is in another state: see Connection. */
  changed(state) {
    const { strip, panel } = this.app;
    this.stopCountdown();
    this.stopCountdown = () => {};
    const away = state.name === "idle" || state.name === "closed";
    byId("connect").textContent = away ? "Connect" : "Disconnect";
    byId("connect").classList.toggle("primary", away);
    if (away) {
      strip.ended();
      strip.banner("", "");
    }
    if (state.name === "open") hideEnding();
    else if (state.name === "waiting") {
      this.stopCountdown = waitingWords(state, (text) => strip.state("waiting", text));
      strip.banner("waiting", [state.end.message, state.end.hint].filter(Boolean).join(" "));
    } else if (state.name === "connecting") {
      if (state.attempt === 0) strip.state("connecting");
    } else strip.state(state.name);
    if (state.name === "closed") this.ended(state);
    panel.counts();
  }

  ended({ code, end }) {
    const { app } = this;
    const actions = [];
    if (code === 4400 && app.view.filter.q) {
      actions.push({ label: "Connect without the filter text", run: () => app.setFilter({ q: "" }), primary: true });
    }
    if (code === 4401) {
      const next = encodeURIComponent(location.pathname + location.search);
      actions.push({ label: "Sign in", href: `/login/?next=${next}`, primary: true });
    } else if (code === 4408 || code === 4409 || code === 4410) {
      actions.push({ label: "Start a new session", run: () => app.start(), primary: true });
    } else if (code === 4403) {
      actions.push({ label: "Try again", run: () => app.start() });
    }
    actions.push({ label: "All extensions", href: "/extensions/" });
    app.intake.note("The session ended here.");
    showEnding({ end: { ...end, code }, actions, request: this.accessRequest() });
  }

  /** A tenant that is known to be closed to this person: say so without opening a session. */
  refused(entry, onAnyway) {
    this.app.strip.state("closed");
    showEnding({
      title: "You may not watch this now",
      end: { ...entry, code: 4403, message: entry.reason },
      actions: [{ label: "Try anyway", run: onAnyway }],
      request: this.accessRequest(),
    });
  }

  accessRequest() {
    const { config, view } = this.app;
    const entry = config.tenants.find(({ tenant }) => tenant === view.tenant);
    const { installs } = view.filter;
    return { tenant: view.tenant, extension: config.extension, installs: entry?.installs ?? [], chosen: installs, url: config.grantsUrl };
  }
}
