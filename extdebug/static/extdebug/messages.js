// Turns the protocol's codes and numbers into the sentences of the page. Pure: no DOM, no state.

const NUMBER = new Intl.NumberFormat("en-US");

export const count = (n) => NUMBER.format(n);

export function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** Seconds as 9:05 or 1:02:03, for countdowns. */
export function clock(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] ? parts : parts.slice(1);
  return shown.map((part, i) => (i ? String(part).padStart(2, "0") : String(part))).join(":");
}

/** Milliseconds as "0.4 s", "12 s", "3 min", "2 h", "4 d". */
export function duration(ms) {
  const s = Math.max(0, ms) / 1000;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 60) return `${Math.floor(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}

/** The text of a gap frame: `what` is missing, `why`, and whether its lines may still be fetched. */
export function gapMessage(gap) {
  const n = gap.missed;
  const lines = n === null || n === undefined ? "an unknown number of lines" : plural(n, "line");
  const words = {
    not_consumed: [`${lines} skipped`, "your browser could not keep up; the oldest undelivered lines were dropped"],
    rate_limited: [`${lines} skipped`, "more arrived than this session may receive per second"],
    retention: [`${lines} gone`, "they were older than the stream keeps, or pushed out by newer ones, before they could be read"],
    reset: [`${lines} gone`, "Redis lost or replaced this stream"],
    producer: [`${lines} lost at the runner`, "it dropped them before they reached Redis"],
    failover: [`${lines} ${n ? "gone" : "may be gone"}`, "another Redis server took over, and it did not have everything"],
    unreadable: [`${n === 1 ? "1 entry" : n ? `${count(n)} entries` : "some entries"} withheld`, "malformed, or tagged for another tenant; hidden"],
  };
  const [what, why] = words[gap.reason] ?? [`${lines} missing`, `reason: ${gap.reason}`];
  const kept = gap.reason === "not_consumed" || gap.reason === "rate_limited";
  return { what: what[0].toUpperCase() + what.slice(1), why, fetchable: kept && Boolean(gap.after && gap.before) };
}

const LOST_WHERE = {
  not_consumed: "skipped (slow browser)",
  rate_limited: "over the rate limit",
  retention: "expired",
  reset: "lost with the stream",
  producer: "lost at the runner",
  failover: "lost in a failover",
  unreadable: "unreadable",
};

/**
 * A ledger as parts `{text, tone}`. What is missing without explanation, entries - (shown +
 * filtered + lost), is a bug of the console.
 */
export function ledgerParts(ledger) {
  const shown = ledger.shown ?? 0;
  const filtered = ledger.filtered ?? 0;
  const parts = [{ text: `${count(shown)} shown`, tone: "" }];
  if (filtered) parts.push({ text: `${count(filtered)} filtered out`, tone: "" });
  let lost = 0;
  for (const [reason, n] of Object.entries(ledger.lost ?? {})) {
    if (n === 0) continue;
    lost += n ?? 0;
    const where = LOST_WHERE[reason] ?? reason;
    parts.push({ text: n === null ? `an unknown number ${where}` : `${count(n)} ${where}`, tone: "bad" });
  }
  if (!Object.values(ledger.lost ?? {}).some((n) => n !== 0)) parts.push({ text: "0 lost", tone: "good" });
  const open = (ledger.entries ?? shown + filtered + lost) - shown - filtered - lost;
  if (open) parts.push({ text: `${count(open)} missing without explanation`, tone: "bad" });
  return parts;
}

const MARKS = {
  ts: "The time is when Redis received it: the runner's own was missing or unreadable.",
  level: "The level was missing or unknown; shown as info.",
  level_text: "The level was guessed from how the line begins.",
  stream: "The stream was missing or unknown; shown as log.",
  utf8: "It was not valid UTF-8; unreadable bytes were replaced.",
};

export const markMessage = (mark) => MARKS[mark] ?? `Guessed: ${mark}`;

const CLOSES = {
  4400: ["Something in this address was not understood", "Check the address or start again from the list of extensions."],
  4401: ["You are signed out", "Sign in again to go on."],
  4403: ["Access denied", "The access checks below say why."],
  4404: ["Page not found (or you have no access to it)", "Check the address, or ask whoever sent it."],
  4408: ["Time is up", "Sessions end by themselves. Start another when you need it."],
  4409: ["Access revoked", "The grant, role or policy that allowed this session was withdrawn."],
  4410: ["This session was ended", "Ask your operators if you need to go on."],
  4429: ["Too many sessions right now", "It will be tried again by itself."],
  4503: ["The stream is unavailable", "It will be tried again by itself."],
  4012: ["The console is restarting", "It will be back in a moment, at the same line."],
};

/** Title, text and advice of a closing frame; the server's own message and hint replace ours. */
export function closeMessage(end) {
  const elsewhere = ["This session goes on elsewhere", "Another connection of yours took it over."];
  const [title, advice] = (end.reason === "taken_over" ? elsewhere : CLOSES[end.code]) ?? ["The connection ended", "Connect again to go on."];
  return { title, text: end.message || end.reason || "", advice: end.hint || advice };
}

export const STATES = {
  idle: ["Not connected", "quiet"],
  connecting: ["Connecting", "busy"],
  history: ["Catching up", "busy"],
  live: ["Live", "good"],
  frozen: ["Paused", "warn"],
  paused: ["Paused on the server", "warn"],
  playing: ["Playing", "busy"],
  end_of_range: ["End of the range", "quiet"],
  degraded: ["Degraded", "warn"],
  fallback: ["Fallback: one runner only", "warn"],
  silent: ["Not answering", "warn"],
  waiting: ["Reconnecting", "warn"],
  closed: ["Ended", "bad"],
  denied: ["No access", "bad"],
  pending: ["Waiting for approval", "warn"],
  scheduled: ["Approved, not started", "warn"],
};

const BANNERS = {
  degraded: "The stream is degraded: lines may come late. Nothing is lost without a notice in its place.",
  fallback: "Live stream limited to a single runner pod: Redis is away, so lines of other replicas are missing.",
};

export function bannerMessage(state, message) {
  if (state === "waiting") return message ?? "";
  const base = BANNERS[state];
  if (!base) return "";
  return message && !base.toLowerCase().includes(message.toLowerCase()) ? `${base} (${message})` : base;
}
