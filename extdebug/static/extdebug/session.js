// Handles the server's frames and the connection's states: one handler for each.

import { AccessFlow } from "./access-flow.js";
import { countDown, hideClosedCard } from "./closed-card.js";
import { refusesFilter } from "./connection.js";
import { byId } from "./dom.js";
import { announce, toast } from "./notices.js";
import { plain } from "./safe-text.js";

const OFFERED = 3; // tenants of one's own beside "no such tenant"
const EXTENSIONS = { label: "All extensions", href: "/extensions/" };

export class Session {
  /**
   * `config` is the page's configuration. `onReady(frame)` is called when the server accepted the
   * session, `onRefiltered()` when a changed filter takes hold, `onChange()` when the counts or the empty state may differ, `onStart()` opens a session.
   */
  constructor({ config, view, filters, receiver, statusBar, linkedLine, context, onReady, onRefiltered, onChange, onStart }) {
    this.config = config;
    this.view = view;
    this.filters = filters;
    this.receiver = receiver;
    this.statusBar = statusBar;
    this.linkedLine = linkedLine;
    this.context = context;
    this.onReady = onReady;
    this.onRefiltered = onRefiltered;
    this.onChange = onChange;
    this.onStart = onStart;
    this.ready = null; // the last `ready`
    this.id = ""; // of the last session, kept when it is over: its lines are still here
    this.ledger = null;
    this.searching = false; // the server is still reading history
    this.over = false; // it told all of the range that was asked for
    this.stopCountdown = () => {};
    this.access = new AccessFlow({
      config,
      view,
      onState: (name) => this.drawState(name),
      onTenants: () => filters.setTenants(config.tenants, view.current.tenant),
      onStart,
    });
    this.handlers = {
      ready: (frame) => this.opened(frame),
      events: (frame) => this.events(frame),
      gap: (frame) => this.gap(frame),
      page: (frame) => linkedLine.page(frame) || context.page(frame) || receiver.page(frame),
      refiltered: () => this.refiltered(),
      status: (frame) => this.status(frame),
      expiring: (frame) => this.expiring(frame),
      error: (frame) => this.error(frame),
      silent: ({ is }) => this.statusBar.silent(is),
      closing: () => {},
    };
  }

  frame(message) {
    this.handlers[message.type]?.(message);
  }

  opened(frame) {
    const { filters, receiver, statusBar } = this;
    const again = this.ready?.session === frame.session;
    this.ready = frame;
    this.id = frame.session;
    filters.setInstalls(frame.target.installs);
    statusBar.times(frame);
    if (receiver.newest === null) receiver.since = Date.parse(frame.expiresAt) - frame.ttl * 1000;
    statusBar.standing({ grant: frame.grant, environment: frame.environment });
    statusBar.banner(frame.mode === "runner" ? "fallback" : "", "");
    statusBar.state("live");
    if (again) receiver.note("Reconnected: going on at the same line.", "good");
    receiver.reconnected();
    this.onReady(frame);
  }

  events({ events }) {
    this.linkedLine.expect(events);
    this.receiver.events(events);
    this.linkedLine.added();
  }

  gap(frame) {
    this.statusBar.lost(frame);
    this.receiver.gap(frame);
    announce("Lines are missing here: a notice stands in their place.");
  }

  refiltered() {
    this.searching = true;
    this.receiver.clear({ forget: true });
    this.receiver.since = this.statusBar.now;
    this.onRefiltered();
  }

  status(frame) {
    const { statusBar } = this;
    this.ledger = frame.ledger ?? this.ledger;
    if (this.ledger) statusBar.ledger(this.ledger);
    this.searching = frame.state === "history";
    this.over = frame.state === "end_of_range";
    if (frame.state === "live") this.linkedLine.live();
    statusBar.times(frame);
    statusBar.state(frame.state, "", { say: frame.state !== "history" });
    statusBar.banner(frame.state, frame.message);
    this.onChange();
  }

  expiring(frame) {
    this.statusBar.times(frame);
    announce("This session ends in a minute unless you extend it.");
  }

  error(frame) {
    if (refusesFilter(frame)) this.filters.showError(frame.message, frame.position);
    else toast(plain(frame.message));
    if (frame.code === "unavailable") this.refusedPages();
  }

  refusedPages() {
    this.receiver.refused("could not be fetched now");
    this.context.refused();
  }

  /** The connection is in another state: see Connection. */
  changed(state) {
    const { statusBar } = this;
    this.stopCountdown();
    this.stopCountdown = () => {};
    const away = state.name === "idle" || state.name === "closed";
    byId("connect").textContent = away ? "Connect" : "Disconnect";
    byId("connect").classList.toggle("primary", away);
    if (away) {
      statusBar.ended();
      statusBar.banner("", "");
    }
    if (state.name !== "closed") this.access.stop();
    if (state.name === "open") hideClosedCard();
    else if (state.name === "waiting") {
      this.stopCountdown = countDown(state, (text) => statusBar.state("waiting", text));
      statusBar.banner("waiting", [state.end.message, state.end.hint].filter(Boolean).join(" "));
    } else if (state.name === "connecting") {
      if (state.attempt === 0) statusBar.state("connecting");
    } else if (state.name === "idle") statusBar.state("idle");
    if (state.name === "closed") this.ended(state);
    this.onChange();
  }

  ended({ code, end }) {
    const actions = [];
    if (code === 4400 && this.view.current.filter.q) {
      actions.push({ label: "Connect without the filter text", run: () => this.filters.change({ q: "" }, { redraw: true }), primary: true });
    }
    if (code === 4401) {
      const next = encodeURIComponent(location.pathname + location.search);
      actions.push({ label: "Sign in", href: `/login/?next=${next}`, primary: true });
    } else if (code === 4408 || code === 4410) {
      actions.push({ label: "Start a new session", run: this.onStart, primary: true });
    } else if (code === 4403 || code === 4409) {
      actions.push({ label: "Retry connection", run: this.onStart });
    } else if (code === 4404) {
      // Who followed a link to a tenant that is not theirs is led to their own.
      for (const { tenant, name } of this.config.tenants.slice(0, OFFERED)) {
        actions.push({ label: `Open ${plain(name || tenant)}`, href: `?${new URLSearchParams({ tenant })}`, primary: !actions.length });
      }
    }
    actions.push(EXTENSIONS);
    this.denied = code === 4403 || code === 4409;
    this.unknown = code === 4404; // no such target for this reader
    if (this.began) this.receiver.note("The session ended here.");
    this.access.ended({ ...end, code }, { actions, alone: !this.receiver.buffer.events });
  }

  /** The page's configuration says that this tenant is closed to this person: no session is opened. */
  refused(entry, onRetry) {
    this.denied = true;
    this.config.refused = null; // from now on the server is asked
    this.access.refused(entry, { actions: [{ label: "Retry connection", run: onRetry }, EXTENSIONS], alone: !this.receiver.buffer.events });
  }

  /** Whether a session of this tenant was open: its lines, if any, are still here. */
  get began() {
    return this.ready?.target.tenant === this.view.current.tenant;
  }

  /** The lamp while no session is open: `name` where a request waits, else what the end was. */
  drawState(name) {
    // Only the answer to a request makes another attempt useful.
    byId("connect").classList.toggle("primary", !this.denied && !this.unknown);
    this.statusBar.state(name ?? (this.began ? "closed" : this.denied ? "denied" : "idle"));
  }
}
