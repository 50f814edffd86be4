// Owns the view the page shows, and keeps the address bar the same as it.

import { readView, writeView } from "./view.js";

export class CurrentView {
  /** `tenants` are those of the page's configuration: a single one is chosen by itself. */
  constructor(tenants) {
    this.tenants = tenants;
    this.readAddress();
  }

  /** Take the view from the address, as after Back and Forward. */
  readAddress() {
    const view = readView(location.search, location.hash);
    if (!view.tenant && this.tenants.length === 1) view.tenant = this.tenants[0].tenant;
    /** {tenant, filter, from, columns, highlights, line}, replaced as a whole: see readView. */
    this.current = view;
  }

  /** Replace parts of the view; with `push` the earlier one stays in the browser's history. */
  change(part, { push = false } = {}) {
    this.current = { ...this.current, ...part };
    this.writeAddress({ push });
  }

  writeAddress({ push = false } = {}) {
    const wanted = location.pathname + writeView(this.current);
    if (wanted === location.pathname + location.search + location.hash) return;
    if (push) history.pushState(null, "", wanted);
    else history.replaceState(history.state, "", wanted);
  }
}
