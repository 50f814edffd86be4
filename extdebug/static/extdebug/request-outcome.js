// Says how a request stands, in words: its outcome, how long it took, its counts. Pure: no DOM.

import { count, duration, plural } from "./messages.js";

const WORDS = {
  ok: "ok",
  trap: "trap",
  timeout: "timeout",
  out_of_fuel: "out of fuel",
  out_of_memory: "out of memory",
  broken: "cannot start",
  not_started: "not started",
  invalid_status: "invalid status",
};
const GOOD = new Set(["ok", "exit_0"]);

/** An outcome of the wire in words, whether it is a failure, and its tone: good, warn or bad. */
export function outcomeOf(outcome) {
  const status = /^\d{3}$/.test(outcome) ? Number(outcome) : null;
  const failed = status === null ? Boolean(outcome) && !GOOD.has(outcome) : status >= 500;
  const tone = failed ? "bad" : status >= 400 ? "warn" : "good";
  return { text: WORDS[outcome] ?? outcome.replaceAll("_", " "), failed, tone };
}

/** How long something took: "0.4 ms", "812 ms", "1.28 s", "2 min 5 s". */
export function took(ms) {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_995) return `${(ms / 1000).toFixed(2)} s`;
  const s = Math.round(ms / 1000);
  return `${count(Math.floor(s / 60))} min ${s % 60} s`;
}

/** A time since the request's start, for a column: "+0.412 s", "+12.000 s", "+2:05.120". */
export function offset(ms) {
  const sign = ms < 0 ? "−" : "+";
  const size = Math.abs(ms);
  const s = Math.floor(size / 1000);
  const rest = String(Math.floor(size % 1000)).padStart(3, "0");
  if (s < 60) return `${sign}${s}.${rest} s`;
  return `${sign}${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}.${rest}`;
}

/** A state of requests.js as {label, when, tone, title}: `when` follows the label, as in "200 in 12 ms". */
export function stateWords(state) {
  const quiet = state.quiet >= 10_000 ? `quiet for ${duration(state.quiet)}` : "";
  const before = state.ends.slice(0, state.kind === "ended" ? -1 : undefined);
  const earlier = before.length ? `Earlier executions with this id: ${before.map((each) => outcomeOf(each).text).join(", ")}. ` : "";
  const tone = state.failed ? "bad" : null; // one of its executions failed, whatever came after
  switch (state.kind) {
    case "ended": {
      const outcome = outcomeOf(state.outcome);
      const label = before.length ? `${outcomeOf(before.at(-1)).text} → ${outcome.text}` : outcome.text;
      const when = state.ms === null ? "" : `in ${took(state.ms)}`;
      return { label, when, tone: tone ?? outcome.tone, title: `${earlier}Said by its runner` };
    }
    case "running":
      return { label: "running", when: quiet || `for ${duration(state.ms)}`, tone: tone ?? "run", title: `${earlier}It began, and its runner has not said that it ended` };
    case "active":
      return { label: "active", when: "", tone: tone ?? "quiet", title: "Lines arrive; its beginning is not on this page, and no end was seen" };
    case "hidden":
      return { label: "not shown", when: quiet, tone: tone ?? "quiet", title: "The filter may hide the line that says how it ended" };
    default:
      return { label: "unknown", when: quiet, tone: tone ?? "quiet", title: "No end was seen: its runner does not say how requests end, or the line that did is missing" };
  }
}

/** Lines by level, worst first, as [level, number]; levels without lines are left out. */
export const levelCounts = (counts) => Object.entries(counts).filter(([, n]) => n > 0);

/** "3 lines", "3+ lines" when there may be more than were counted. */
export function linesText(request, { more }) {
  return more ? `${count(request.lines)}+ lines` : plural(request.lines, "line");
}

/** A row's whole content in one sentence, for those who hear it. */
export function spoken(request, state, { more, error }) {
  const { label, when } = stateWords(state);
  const counts = levelCounts(request.counts).filter(([level]) => level === "error" || level === "warn");
  const parts = [
    [label, when].filter(Boolean).join(" "),
    `request ${request.id}`,
    request.title,
    linesText(request, { more }),
    ...counts.map(([level, n]) => `${count(n)} ${level}`),
    error ? `first error: ${error.slice(0, 120)}` : "",
  ];
  return parts.filter(Boolean).join(", ");
}
