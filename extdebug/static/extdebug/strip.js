// The session strip and the foot: state, age of the last line, time left, ledger, banners.

import { byId, el } from "./dom.js";
import { plain } from "./text.js";
import { bannerWords, clock, count, ledgerWords, span, STATES } from "./words.js";

const WARN_BEFORE = 60; // seconds before the end at which the warning appears

export class Strip {
  constructor({ onExtend, pulse }) {
    this.pulse = pulse;
    this.lastLine = 0;
    this.endsAt = null; // on performance.now(): the reader's clock may be wrong
    this.extendable = false;
    this.mode = "redis";
    byId("extend").addEventListener("click", onExtend);
    byId("expiring-extend").addEventListener("click", onExtend);
    this.timer = setInterval(() => this.tick(), 500);
  }

  /** `name` is a key of words.STATES; `detail` is added in words. */
  state(name, detail = "", { say = true } = {}) {
    const [text, tone] = STATES[name] ?? [name, "quiet"];
    const whole = detail ? `${text} ${detail}` : text;
    byId("state").dataset.tone = tone;
    byId("state").dataset.state = name;
    byId("state-text").textContent = whole;
    if (say && this.said !== name) announce(whole);
    this.said = name;
  }

  banner(state, message) {
    const text = bannerWords(state, message);
    const banner = byId("banner");
    banner.hidden = !text;
    if (banner.textContent !== text) banner.textContent = text;
  }

  /** A frame that carries times: ready, status or expiring. */
  times(frame) {
    if (frame.extendableUntil) this.extendableUntil = Date.parse(frame.extendableUntil);
    if (typeof frame.ttl === "number") this.endsAt = performance.now() + frame.ttl * 1000;
    if (frame.expiresAt && this.extendableUntil) this.extendable = this.extendableUntil - Date.parse(frame.expiresAt) > 1000;
    this.tick();
  }

  grant(grant, environment) {
    const fact = byId("grant");
    fact.hidden = !grant;
    if (grant) {
      fact.textContent = `${plain(grant.label || `grant ${grant.id}`)} until ${new Date(grant.until).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hour12: false })}`;
      fact.title = "The approval this session stands on; it ends when the approval does";
    }
    this.environment(environment);
  }

  environment(name) {
    const badge = byId("environment");
    badge.hidden = !name;
    badge.textContent = name ?? "";
    badge.dataset.environment = name ?? "";
  }

  line() {
    this.lastLine = performance.now();
  }

  ledger(ledger) {
    const parts = ledgerWords(ledger);
    byId("ledger").replaceChildren(...parts.map(({ text, tone }) => el("span", { class: tone }, text)));
  }

  kept(text) {
    if (byId("kept").textContent !== text) byId("kept").textContent = text;
  }

  ended() {
    this.endsAt = null;
    byId("ttl").hidden = true;
    byId("expiring").hidden = true;
  }

  tick() {
    const age = byId("age");
    age.textContent = this.lastLine ? `last line ${span(performance.now() - this.lastLine)} ago` : "";
    const rate = this.pulse.rate();
    byId("rate").textContent = this.lastLine ? `${rate < 10 ? rate.toFixed(1) : count(Math.round(rate))} lines/s` : "";
    if (!document.hidden) this.pulse.draw();
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
      if (warn) document.title = `⏳ ${document.title}`;
      else document.title = document.title.replace(/^⏳ /, "");
    }
  }
}

let announceTimer = 0;

/** Say something to screen readers, at most once a second: the last word wins. */
export function announce(text) {
  clearTimeout(announceTimer);
  announceTimer = setTimeout(() => (byId("announce").textContent = text), 300);
}

/** A short notice over the lines that leaves by itself. */
export function toast(text) {
  const box = byId("toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(box.timer);
  box.timer = setTimeout(() => (box.hidden = true), 3500);
}
