// Asks the console what its reader may watch: once, or every few seconds while a request of theirs
// waits and the page is in sight. It is the only module that asks.

import { waits } from "./access-words.js";

const EVERY = 2000; // ms between two questions, and up to as much again as SPREAD
const SPREAD = 1000; // so that many pages do not ask in step
const SLOWEST = 20_000; // ms, after failures

/** When to ask next: after `failures` in a row ever later, with jitter. */
export function nextQuestion(failures, random = Math.random()) {
  return Math.min(SLOWEST, EVERY * 2 ** failures) + random * SPREAD;
}

/**
 * What the reader may do with {tenant, extension}: {allowed, reason, hint, canRequest, checks,
 * request, version}; {unchanged: true} where that is still of the policy version `seen`. Throws an
 * Error with the HTTP `status` when the console refuses to say.
 */
export async function askStatus(url, { tenant, extension }, seen = null) {
  const query = new URLSearchParams({ tenant, extension });
  if (seen !== null) query.set("seen", String(seen));
  const response = await fetch(`${url}?${query}`, { credentials: "same-origin", headers: { Accept: "application/json" } });
  if (!response.ok) throw Object.assign(new Error(`the console answered ${response.status}`), { status: response.status });
  return response.json();
}

const NOT_THEIRS = [401, 403, 404];

export class AccessWatch {
  /**
   * `onStatus(status)` gets every answer that may differ from the one before. `onRefused()` is called
   * when the console no longer says anything about the target: signed out, or no relation any more.
   */
  constructor({ url, onStatus, onRefused = () => {} }) {
    this.url = url;
    this.onStatus = onStatus;
    this.onRefused = onRefused;
    this.target = null;
    document.addEventListener("visibilitychange", () => !document.hidden && this.target && this.ask());
  }

  /** Ask about `target` for as long as `request` waits; replaces the target before. */
  follow(target, request, version = null) {
    this.stop();
    if (!waits(request)) return;
    this.target = target;
    this.seen = version;
    this.failures = 0;
    this.staleAt = performance.now() + (request.changesIn ?? Infinity) * 1000;
    this.later();
  }

  stop() {
    clearTimeout(this.timer);
    this.target = null;
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => !document.hidden && this.ask(), nextQuestion(this.failures));
  }

  async ask() {
    clearTimeout(this.timer);
    const { target } = this;
    // Time alone changes no policy version.
    const seen = performance.now() >= this.staleAt ? null : this.seen;
    let status;
    try {
      status = await askStatus(this.url, target, seen);
    } catch (error) {
      if (target !== this.target) return;
      if (NOT_THEIRS.includes(error.status)) {
        this.stop();
        this.onRefused();
        return;
      }
      this.failures += 1;
      this.later();
      return;
    }
    if (target !== this.target) return; // another target, or none, since
    this.failures = 0;
    if (status.unchanged) this.later();
    else {
      this.follow(target, status.request, status.version);
      this.onStatus(status);
    }
  }
}
