// Draws the status bar and the footer: connection state, age of the last line, time left, banners,
// and the ledger of delivered, filtered and lost lines.

import { byId, el } from "./dom.js";
import { bannerMessage, clock, count, duration, ledgerParts, STATES } from "./messages.js";
import { announce } from "./notices.js";
import { setTitle } from "./page-title.js";
import { drawProductionBand, grantText } from "./production-band.js";
import { plain } from "./safe-text.js";

const WARN_BEFORE = 60; // seconds before the end at which the warning appears

/** `text` with the page that it names as a link: who has too many sessions open ends one there. */
function withLinks(text) {
  const parts = text.split("My access");
  return parts.flatMap((part, i) => (i ? [el("a", { href: "/access/" }, "My access"), part] : [part]));
}

export class StatusBar {
  /** `onExtend()` asks the server for more time; `rate` counts the lines per second. */
  constructor({ onExtend, rate }) {
    this.rate = rate;
    this.newest = 0; // when the newest line was printed, epoch ms
    this.skew = 0; // the server's clock minus ours, ms
    this.account = null; // the ledger last received, counted on since
    this.endsAt = null; // on performance.now(): the reader's clock may be wrong
    this.extendable = false;
    this.shown = { name: "idle", detail: "" }; // the state last shown
    this.frozen = false; // the reader paused the view
    this.stands = { environment: null, tenant: null, grant: null, others: "" };
    byId("extend").addEventListener("click", onExtend);
    byId("expiring-extend").addEventListener("click", onExtend);
    this.timer = setInterval(() => this.tick(), 500);
  }

  /** Show a state: `name` is a key of STATES in messages.js, `detail` is text added to its label. */
  state(name, detail = "", { say = true } = {}) {
    this.shown = { name, detail };
    const label = this.frozen && (name === "live" || name === "history") ? "frozen" : name;
    const [text, tone] = STATES[label] ?? [label, "quiet"];
    const whole = detail ? `${text} ${detail}` : text;
    byId("state").dataset.tone = tone;
    byId("state").dataset.state = name;
    byId("state-text").textContent = whole;
    setTitle({ state: label });
    if (say && this.said !== label) announce(whole);
    this.said = label;
  }

  /** The reader paused the view, or let it go on: a page that stands still does not say that it is live. */
  freeze(on) {
    this.frozen = on;
    this.state(this.shown.name, this.shown.detail);
  }

  /** The server stopped answering: what was last shown may be old; or it answers again. */
  silent(is) {
    if (is) {
      this.before = this.shown;
      this.state("silent");
    } else if (this.shown.name === "silent") this.state(this.before.name, this.before.detail, { say: false });
  }

  banner(state, message) {
    const text = bannerMessage(state, message);
    const banner = byId("banner");
    banner.hidden = !text;
    if (banner.textContent !== text) banner.replaceChildren(...withLinks(text));
  }

  /** A frame that carries times: ready, status or expiring. */
  times(frame) {
    if (frame.extendableUntil) this.extendableUntil = Date.parse(frame.extendableUntil);
    if (typeof frame.ttl === "number") {
      this.endsAt = performance.now() + frame.ttl * 1000;
      this.skew = Date.parse(frame.expiresAt) - frame.ttl * 1000 - Date.now();
    }
    if (frame.expiresAt && this.extendableUntil) this.extendable = this.extendableUntil - Date.parse(frame.expiresAt) > 1000;
    this.tick();
  }

  /** The time on the server's clock, epoch ms. */
  get now() {
    return Date.now() + this.skew;
  }

  /** What the session stands on: of an open session, its grant too; `others` are named as text. */
  standing(part) {
    Object.assign(this.stands, part);
    const { environment, tenant } = this.stands;
    const badge = byId("environment");
    badge.hidden = !environment;
    badge.textContent = environment ?? "";
    badge.dataset.environment = environment ?? "";
    byId("tenant-name").textContent = plain(tenant ?? "");
    setTitle({ tenant: plain(tenant ?? "") });
    drawProductionBand(this.stands, this.now);
  }

  /** Count a line that arrived. Its age runs from when it was printed, not from when it came here. */
  line(ev) {
    const printed = Date.parse(ev.ts);
    const age = Date.now() + this.skew - printed;
    if (printed > this.newest) this.newest = Math.min(printed, Date.now() + this.skew);
    this.rate.add(age);
    if (this.account) this.count("shown", 1);
  }

  /** Show the server's ledger; what arrives until the next one is added to it here. */
  ledger(ledger) {
    this.account = structuredClone(ledger);
    this.drawLedger();
  }

  /** Add the lines that a gap reports as missing to the ledger. */
  lost(gap) {
    if (!this.account) return;
    const { lost } = this.account;
    if (gap.missed === null) lost[gap.reason] = null;
    else if (lost[gap.reason] !== null) lost[gap.reason] = (lost[gap.reason] ?? 0) + gap.missed;
    this.count("", gap.missed ?? 0);
  }

  count(name, n) {
    this.account.entries += n;
    if (name) this.account[name] += n;
    this.counted = true;
  }

  drawLedger() {
    this.counted = false;
    const parts = ledgerParts(this.account);
    byId("ledger").replaceChildren(...parts.map(({ text, tone }) => el("span", { class: tone }, text)));
  }

  kept(text) {
    if (byId("kept").textContent !== text) byId("kept").textContent = text;
  }

  /** The session ended: there is no time left to show, and it stands on no grant. */
  ended() {
    this.endsAt = null;
    this.standing({ grant: null });
    byId("ttl").hidden = true;
    byId("expiring").hidden = true;
  }

  tick() {
    const age = byId("age");
    age.textContent = this.newest ? `last line ${duration(Date.now() + this.skew - this.newest)} ago` : "";
    if (this.counted) this.drawLedger();
    const rate = this.rate.perSecond();
    byId("rate").textContent = this.newest ? `${rate < 10 ? rate.toFixed(1) : count(Math.round(rate))} lines/s` : "";
    const held = document.getElementById("grant");
    if (held) held.textContent = grantText(this.stands.grant, this.now);
    this.countdown();
  }

  countdown() {
    const box = byId("ttl");
    const warning = byId("expiring");
    box.hidden = this.endsAt === null;
    if (this.endsAt === null) return;
    const left = (this.endsAt - performance.now()) / 1000;
    byId("ttl-text").textContent = clock(left);
    byId("extend").hidden = !this.extendable;
    box.classList.toggle("soon", left <= WARN_BEFORE);
    const warn = left <= WARN_BEFORE;
    if (warn) {
      byId("expiring-text").textContent = this.extendable ? `This session ends in ${clock(left)}.` : `This session ends in ${clock(left)} and cannot be extended further; start a new one afterwards.`;
      byId("expiring-extend").hidden = !this.extendable;
    }
    if (warning.hidden === warn) {
      warning.hidden = !warn;
      setTitle({ soon: warn });
    }
  }
}
