// Opens the page's session: where the last one stopped, or where the view begins.

import { hideClosedCard } from "./closed-card.js";
import { standsAtStart } from "./view.js";

export class Opening {
  /** The parts of the page that a new session concerns: see console.js. */
  constructor(parts) {
    Object.assign(this, parts);
    this.began = false; // a session was opened: the next one goes on where it stopped
  }

  /** Open a session: where the last one stopped, or at the view's start when `again`. */
  start({ again = false } = {}) {
    const { config, view, session, filters, statusBar, counts } = this;
    hideClosedCard();
    const { tenant } = view.current;
    const entry = config.tenants.find((each) => each.tenant === tenant);
    statusBar.standing({ environment: entry?.environment, tenant: entry?.name || tenant });
    filters.setTenants(config.tenants, tenant);
    if (entry && !session.ready) filters.setInstalls(entry.installs);
    if (!tenant && config.tenants.length > 1) statusBar.state("idle");
    else if (entry && entry.tenant === config.refused) session.refused(entry, () => this.dial(again));
    else this.dial(again);
    counts.draw();
  }

  dial(again) {
    const { connection, receiver, rows, linkedLine, hiddenLines } = this;
    hideClosedCard();
    const cursor = again || !this.began ? null : connection.cursor;
    if (!cursor) {
      receiver.clear({ forget: true });
      rows.follow(!standsAtStart(this.view.current));
      linkedLine.begin();
      hiddenLines.reset();
    }
    connection.connect();
    connection.cursor = cursor; // go on where the last session stopped, so that nothing doubles
  }

  startOver() {
    this.connection.disconnect();
    this.start({ again: true });
  }

  /** The server opened the session, on a tenant that it may have chosen itself. */
  ready({ target }) {
    const { config, view, filters, find, rows, toolbar } = this;
    this.began = true;
    this.hiddenLines.reconnected();
    find.setQuery(view.current.filter.q);
    if (view.current.tenant !== target.tenant) {
      view.change({ tenant: target.tenant });
      filters.setTenants(config.tenants, target.tenant);
    }
    rows.refreshAll();
    toolbar.draw();
  }
}
