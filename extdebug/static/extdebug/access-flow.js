// Shows why the reader may not watch and what they can do: ask for access, wait for the answer, take the
// request back. Connects by itself when access is given.

import { AccessWatch, askStatus } from "./access-status.js";
import { requestMessage, waits } from "./access-words.js";
import { showClosedCard } from "./closed-card.js";
import { announce } from "./notices.js";

const SHOWN = ["allowed", "reason", "hint", "canRequest", "checks", "request"];

export class AccessFlow {
  /**
   * `config` and `view` are the page's. `onState(name)` draws the state lamp, `onTenants()` the list of
   * tenants, `onStart()` opens a session.
   */
  constructor({ config, view, onState, onTenants, onStart }) {
    this.config = config;
    this.view = view;
    this.onState = onState;
    this.onTenants = onTenants;
    this.onStart = onStart;
    this.denial = null; // {end, actions, alone}: the denial on the page; none while watching
    this.watch = new AccessWatch({ url: config.accessUrl, onStatus: (status) => this.told(status), onRefused: () => this.onStart() });
  }

  get entry() {
    return this.config.tenants.find(({ tenant }) => tenant === this.view.current.tenant);
  }

  get target() {
    return { tenant: this.view.current.tenant, extension: this.config.extension };
  }

  /** The configuration of the page says that this tenant is closed to the reader; `entry` is fresh. */
  refused(entry, more) {
    this.denial = { ...more, end: { ...entry, code: 4403, message: entry.reason } };
    this.draw();
    this.watch.follow(this.target, entry.request);
  }

  /** The server refused or ended a session; whether a request waits is asked once. */
  async ended(end, more) {
    const denial = { ...more, end };
    this.denial = denial;
    this.draw();
    if (!this.entry || ![4403, 4409].includes(end.code)) return;
    try {
      const status = await askStatus(this.config.accessUrl, this.target);
      if (denial !== this.denial) return;
      // Refused and allowed a moment later: the reader decides when to go on.
      if (status.allowed) this.learn(status);
      else this.told(status, { keep: true });
    } catch {
      // What the server said on closing stays; the reader can ask again.
    }
  }

  /** A session is being opened, or the reader left: nothing is waited for. */
  stop() {
    this.watch.stop();
    this.denial = null;
  }

  /** The console's newest word on the target. With `keep`, the reason of the session's end stays. */
  told(status, { keep = false } = {}) {
    const before = JSON.stringify(this.entry?.request ?? null);
    this.learn(status);
    if (!this.denial) return;
    if (status.allowed) {
      announce("Access granted.");
      this.onStart();
      return;
    }
    this.watch.follow(this.target, status.request, status.version);
    const { end } = this.denial;
    const next = keep ? { ...end, checks: status.checks, canRequest: status.canRequest } : { ...end, code: 4403, message: status.reason, hint: status.hint, checks: status.checks, canRequest: status.canRequest };
    const same = JSON.stringify(next) === JSON.stringify(end) && JSON.stringify(status.request) === before;
    this.denial = { ...this.denial, end: next };
    if (!same) this.draw();
  }

  learn(status) {
    const { entry } = this;
    if (!entry) return;
    for (const name of SHOWN) entry[name] = status[name];
    this.onTenants();
  }

  draw() {
    const { end, actions, alone } = this.denial;
    const { entry, config } = this;
    const request = entry?.request ?? null;
    const pending = waits(request);
    this.onState(pending ? (request.state === "scheduled" ? "scheduled" : "pending") : null);
    const form = { ...this.target, installs: entry?.installs ?? [], chosen: this.view.current.filter.installs, url: config.grantsUrl, onRequested: (status) => this.told(status) };
    showClosedCard({
      // The end of a session has its own title, until the request that followed it has an answer.
      title: pending || end.code === 4403 ? requestMessage(request)?.title : undefined,
      end,
      actions,
      alone,
      request: end.canRequest && !pending ? form : null,
      own: request,
      withdrawal: { url: config.withdrawUrl, onWithdrawn: (status) => this.told(status) },
    });
  }
}
