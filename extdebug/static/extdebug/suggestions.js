// Says what may stand where the caret is in a query: attributes, operators, fields and values. Pure.

import { ATTRIBUTES } from "./query-terms.js";
import { LEVELS, quoted, STREAMS } from "./view.js";

const MOST = 12;
const TERM = /(?:^|[\s(])-?((?:[^\s()"]|"(?:[^"\\]|\\.)*(?:"|$))*)$/s; // what is being written, up to the caret
const REST = /^[^\s()]*/; // of the same term, behind it
const COMPARED = /^([^\s:<>=!()"]+)(:|[<>=]=|[<>=])(.*)$/s;
const NAMES = [
  { text: "level>=", hint: "this severity and up" },
  { text: "level:", hint: "trace, debug, info, warn, error" },
  { text: "stream:", hint: "stdout, stderr, log" },
  { text: "request:", hint: "a request id, or its beginning with *" },
  { text: "message:", hint: "text in the message alone" },
  { text: "install:", hint: "an install" },
];
const RARER = [
  { text: "version:", hint: "a version" },
  { text: "hash:", hint: "a content hash" },
  { text: "redacted:", hint: "masked by a rule" },
];
const FIELD = { text: "field.", hint: "a field of a log call, as in field.ms>=100" };

/**
 * What is proposed: `text` takes the place of `from`..`to`; `done` when nothing has to follow it.
 * @typedef {{from: number, to: number, options: {text: string, hint: string, done: boolean}[]}} Suggestions
 */

/** For the query `q` with the caret at `caret`; `installs` are [{id, name}]. @returns {Suggestions} */
export function suggestionsFor(q, caret, { vocabulary, installs }) {
  const term = TERM.exec(q.slice(0, caret))?.[1] ?? "";
  const from = caret - term.length;
  const to = caret + (term.includes('"') ? 0 : REST.exec(q.slice(caret))[0].length);
  const [, written, op, value] = COMPARED.exec(term) ?? [];
  const options = op ? valuesOf(written, op, value, { vocabulary, installs }) : namesFor(term, { vocabulary, installs });
  const whole = q.slice(from, to);
  return { from, to, options: options.filter(({ text }) => text !== whole).slice(0, MOST) };
}

function valuesOf(written, op, value, known) {
  const name = nameOf(written, known.vocabulary);
  const start = value.replace(/^["*]+/, "").toLowerCase();
  const ordered = op !== ":" && op !== "=" && op !== "==";
  if (ordered && name !== "level" && !known.vocabulary.isNumeric(name)) return [];
  return ranked(possible(name, known), start, ({ value: each }) => each).map(({ value: each, hint }) => ({
    text: `${written}${op}${valueText(each)}`,
    hint,
    done: true,
  }));
}

function nameOf(written, vocabulary) {
  const attribute = ATTRIBUTES.get(written);
  if (attribute) return attribute;
  const field = written.replace(/^fields?\./, "");
  return vocabulary.fields().find((name) => name === `field.${field}`) ?? `field.${field}`;
}

/** The values that are known of an attribute or field, as {value, hint}. */
function possible(name, { vocabulary, installs }) {
  if (name === "level") return LEVELS.map((value) => ({ value, hint: "" }));
  if (name === "stream") return STREAMS.map((value) => ({ value, hint: "" }));
  const listed = name === "install" ? installs.map(({ id, name: hint }) => ({ value: id, hint: hint === id ? "" : hint })) : [];
  const seen = vocabulary.values(name).filter((value) => !listed.some((each) => each.value === value));
  return [...listed, ...seen.map((value) => ({ value, hint: "seen here" }))];
}

function namesFor(start, known) {
  const { vocabulary } = known;
  const seen = vocabulary.fields();
  const fields = seen.flatMap((name) => [
    ...(vocabulary.isNumeric(name) ? [{ text: `${name}>=`, hint: "a number, seen here" }] : []),
    { text: `${name}:`, hint: "a field, seen here" },
  ]);
  const folded = start.toLowerCase().replace(/^fields\./, "field.");
  const called = ({ text }) => (folded.startsWith("field") ? text : text.replace(/^field\./, ""));
  const attributes = (list) => ranked(list, folded, ({ text }) => text, { within: false });
  const named = [...attributes([...NAMES, ...(seen.length ? [] : [FIELD])]), ...ranked(fields, folded, called).slice(0, MOST / 2), ...attributes(RARER)];
  const names = named.map((each) => ({ ...each, done: false }));
  return folded.length < 2 ? names : [...names, ...valuesNamed(folded, known)];
}

/** Values that begin with what was written, without a name before it. */
function valuesNamed(start, known) {
  const found = [];
  for (const name of ["level", "stream", "request", "install", "version", ...known.vocabulary.fields()]) {
    for (const { value, hint } of possible(name, known)) {
      if (found.length >= MOST) return found;
      if (value.toLowerCase().startsWith(start)) found.push({ text: `${name}:${valueText(value)}`, hint, done: true });
    }
  }
  return found;
}

/** Those that begin with `start`, before those that have it somewhere `within`. */
function ranked(list, start, textOf, { within = true } = {}) {
  const place = (each) => textOf(each).toLowerCase().indexOf(start);
  const first = list.filter((each) => place(each) === 0);
  return within ? [...first, ...list.filter((each) => place(each) > 0)] : first;
}

/** A value behind a name and an operator, in quotes when it would be read otherwise. */
export const valueText = (value) => (/^[\p{L}\p{N}_.+-][\p{L}\p{N}_.:@/+-]*$/u.test(value) ? value : quoted(value));
